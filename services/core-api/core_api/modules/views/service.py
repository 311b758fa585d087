"""Saving views, and looking through them."""

from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.etag import check_version
from core_api.changes import Change, Changes, made, removed
from core_api.modules.audit import service as audit
from core_api.modules.categories.service import require_category
from core_api.modules.clients.service import require_client
from core_api.modules.organizations.service import require_member
from core_api.modules.teams.roster import require_team
from core_api.modules.tickets.listing import COLUMNS, ORDERS, TicketFilter, count_each
from core_api.modules.tickets.service import require_ticket
from core_api.modules.views.exceptions import SharedViewForbidden, ViewOutdated
from core_api.modules.views.models import SavedView
from core_api.modules.views.repository import Views
from core_api.modules.views.schemas import ViewCount, ViewCreate, ViewFilter
from core_api.sharing import may_change, owner_of
from shared_schemas.actor import Actor
from shared_schemas.errors import ErrorDetail
from shared_schemas.ids import UserId, new_id

COUNTED_VIEWS: Final = 50
"""A sidebar with more numbers than this is no sidebar."""
_FIELDS: Final = ("name", "filter", "sort", "columns", "position")


class ViewService:
    """The commands on views, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.views = Views(tx, actor.organization_id, actor.user_id)

    async def create(self, given: ViewCreate) -> SavedView:
        """One's own view, or with `desk:configure` one for everybody."""
        owner_id = owner_of(self.actor, shared=given.shared, refusal=SharedViewForbidden)
        await self._require_named(given.filter)
        values = given.model_dump(exclude={"shared", "filter"}) | {"filter": _stored(given.filter)}
        view = SavedView(
            id=new_id(), organization_id=self.actor.organization_id, owner_id=owner_id, **values
        )
        self.tx.add(view)
        await self._record("view.created", view, made(values))
        return view

    async def change(
        self, view_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> SavedView:
        """Applies a whole PATCH or nothing."""
        view = await self.views.get_for_update(view_id)
        may_change(self.actor, view.owner_id, SharedViewForbidden)
        check_version(view.version, seen_version)
        if "filter" in values:
            await self._require_named(values["filter"])
            values = {**values, "filter": _stored(values["filter"])}
        changes = view.change(values)
        if changes:
            await self._record("view.updated", view, changes)
        return view

    async def delete(self, view_id: UUID, seen_version: int | None) -> None:
        """For good; whoever saw it first sees the first of the list from then on."""
        view = await self.views.get_for_update(view_id)
        may_change(self.actor, view.owner_id, SharedViewForbidden)
        check_version(view.version, seen_version)
        gone = removed({name: getattr(view, name) for name in _FIELDS})
        await self.tx.delete(view)
        await self._record("view.deleted", view, gone)

    async def prefer(self, view_id: UUID | None) -> None:
        """Which one the actor wants to see first."""
        if view_id is not None:
            await self.views.get(view_id)
        old = await self.views.preferred()
        if old == view_id:
            return
        await self.views.prefer(view_id)
        changes = Changes({"default_view_id": Change(old, view_id)})
        me = UUID(str(self.actor.user_id))
        await audit.record(self.tx, self.actor, "member.default_view_changed", me, changes=changes)

    async def wanted(self, view_id: UUID) -> tuple[SavedView, TicketFilter]:
        """The view, and its filter as it is for the actor; ViewOutdated says what is wrong."""
        view = (await self.views.get(view_id))[0]
        wrong = problems(view)
        if wrong:
            details = [ErrorDetail(field="view", message=one, type="outdated") for one in wrong]
            raise ViewOutdated(details=details)
        return view, ViewFilter.model_validate(view.filter).wanted(self.actor.user_id)

    async def counts(self) -> list[ViewCount]:
        """How many tickets the actor's first views show, all in one statement."""
        views = await self.views.first(COUNTED_VIEWS)
        usable = {
            view.id: ViewFilter.model_validate(view.filter).wanted(self.actor.user_id)
            for view in views
            if not problems(view)
        }
        counted = await count_each(self.tx, self.actor, usable)
        nothing = (None, True)
        numbers = ((view.id, *counted.get(view.id, nothing)) for view in views)
        return [ViewCount(view_id=key, count=count, exact=exact) for key, count, exact in numbers]

    async def _require_named(self, given: ViewFilter) -> None:
        """Whatever the filter names has to exist, as for a ticket that is to have it."""
        wanted = given.wanted(self.actor.user_id)
        organization_id = self.actor.organization_id
        if wanted.client_id is not None:
            await require_client(self.tx, organization_id, wanted.client_id, lock=False)
        if wanted.category_id is not None:
            await require_category(self.tx, organization_id, wanted.category_id)
        for member_id in filter(None, (wanted.assignee_id, wanted.watcher_id)):
            await require_member(self.tx, organization_id, UserId(member_id))
        if wanted.team_id is not None:
            await require_team(self.tx, organization_id, wanted.team_id)
        if wanted.merged_into_id is not None:
            await require_ticket(self.tx, organization_id, wanted.merged_into_id)

    async def _record(self, action: str, view: SavedView, changes: Changes) -> None:
        about = _singled_out(view, changes)
        personal = frozenset[str]() if about is None else SavedView.PERSONAL
        await audit.record(
            self.tx, self.actor, action, view.id, changes=changes, about=about, personal=personal
        )
        await self.tx.flush()


def _singled_out(view: SavedView, changes: Changes) -> UUID | None:
    """The client a view is, or was, about: what it is called may say who that is."""
    filters = [view.filter]
    if "filter" in changes:
        filters.append(changes["filter"].old or {})
    found = next((given["client_id"] for given in filters if given.get("client_id")), None)
    return None if found is None else UUID(str(found))


def problems(view: SavedView) -> list[str]:
    """What a view holds that this version of the service does not know any more."""
    wrong = []
    try:
        ViewFilter.model_validate(view.filter)
    except ValidationError as error:
        wrong += [f"filter.{'.'.join(map(str, one['loc']))}" for one in error.errors()]
    if view.sort not in ORDERS:
        wrong.append("sort")
    wrong += [f"columns.{name}" for name in view.columns if name not in COLUMNS]
    return wrong


def _stored(given: ViewFilter) -> dict[str, Any]:
    return given.model_dump(mode="json", exclude_defaults=True)
