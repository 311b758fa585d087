"""Canned replies and macros of one organization, as one person sees them."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.errors import NotFound
from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.macros.exceptions import CannedReplyNotFound, MacroNotFound
from core_api.modules.macros.models import CannedReply, Macro, MacroCannedReply
from core_api.sharing import visible_to
from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId, UserId

BY_NAME: Final = Keyset(name="name", column=CannedReply.name, id=CannedReply.id, parse=str)
BY_POSITION: Final = Keyset(name="position", column=Macro.position, id=Macro.id, parse=int)


Row = TypeVar("Row", CannedReply, Macro)


class _Visible(Generic[Row]):
    """Rows of one kind that one person can see: the shared ones and their own."""

    _model: type[Row]
    _order: Keyset
    _missing: type[NotFound]

    def __init__(
        self, session: AsyncSession, organization_id: OrganizationId, member_id: UserId
    ) -> None:
        self._session = session
        self._organization_id = organization_id
        self._member_id = member_id

    async def get(self, row_id: UUID, *, lock: bool = False) -> Row:
        """The row, or CannedReplyNotFound, MacroNotFound."""
        statement = self._visible().where(self._model.id == row_id)
        if lock:
            statement = statement.with_for_update()
        row = (await self._session.scalars(statement)).one_or_none()
        if row is None:
            raise self._missing
        return row

    async def list(self, page: CursorPage) -> Sequence[Row]:
        """A page, in their order."""
        return (await self._session.scalars(self._order.page(self._visible(), page))).all()

    def _visible(self) -> sa.Select[Row]:
        mine = visible_to(self._model, self._organization_id, self._member_id)
        return sa.select(self._model).where(mine)


class CannedReplies(_Visible[CannedReply]):
    """The texts one person can see, by name."""

    _model, _order, _missing = CannedReply, BY_NAME, CannedReplyNotFound

    async def among(self, reply_ids: Collection[UUID]) -> dict[UUID, CannedReply]:
        """Those that one can see."""
        if not reply_ids:
            return {}
        statement = self._visible().where(CannedReply.id.in_(reply_ids))
        return {reply.id: reply for reply in await self._session.scalars(statement)}


class Macros(_Visible[Macro]):
    """The macros one person can see, by position."""

    _model, _order, _missing = Macro, BY_POSITION, MacroNotFound

    async def keep_uses(self, macro_id: UUID, reply_ids: Collection[UUID]) -> None:
        """Which texts the macro uses from now on."""
        mine = (
            MacroCannedReply.organization_id == self._organization_id,
            MacroCannedReply.macro_id == macro_id,
        )
        await self._session.execute(sa.delete(MacroCannedReply).where(*mine))
        self._session.add_all(
            MacroCannedReply(
                organization_id=self._organization_id,
                macro_id=macro_id,
                canned_reply_id=reply_id,
            )
            for reply_id in sorted(reply_ids)
        )


# Only their names are read here: everything else about them is the business of other contexts.
def _named(table: str) -> sa.TableClause:
    key, name = sa.column("id", sa.Uuid()), sa.column("name", sa.Text())
    return sa.table(table, sa.column("organization_id", sa.Uuid()), key, name, schema=SCHEMA)


async def names_around(
    session: AsyncSession,
    organization_id: OrganizationId,
    *,
    client_id: UUID,
    actor_id: UserId,
    assignee_id: UserId | None,
    team_id: UUID | None,
) -> Any:
    """client, actor, assignee, team, organization: their names, in one statement."""

    def name_of(table: str, key: UUID | None) -> sa.ScalarSelect[Any]:
        named = _named(table)
        found = sa.select(named.c.name).where(
            named.c.organization_id == organization_id, named.c.id == key
        )
        return found.scalar_subquery()

    organizations = _named("organizations")
    statement = sa.select(
        name_of("clients", client_id).label("client"),
        name_of("members", actor_id).label("actor"),
        name_of("members", assignee_id).label("assignee"),
        name_of("teams", team_id).label("team"),
        sa.select(organizations.c.name)
        .where(organizations.c.organization_id == organization_id)
        .scalar_subquery()
        .label("organization"),
        sa.cast(sa.func.timezone("America/Sao_Paulo", sa.func.now()), sa.Date()).label("today"),
    )
    return (await session.execute(statement)).one()


def day(value: date) -> str:
    """`21/11/2026`."""
    return value.strftime("%d/%m/%Y")
