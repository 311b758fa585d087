"""Learning from core-api what its events no longer tell: what was before they are kept.

What is read is as of a moment; an event from about then or later knows better.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

import httpx
import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.access.absences import absence, remember_absences, restore_others
from ai_svc.modules.access.following import (
    membership,
    remember_consents,
    remember_members,
    remember_merges,
)
from ai_svc.modules.access.models import AccessRebuild
from ai_svc.modules.access.processing import (
    remember_blocks,
    remember_purposes,
    remember_transfers,
)
from chassis.data.columns import utc_now
from chassis.data.database import Database
from knowledge.access_tables import TeamMember
from knowledge.usage import KnowledgeUsage
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)

DUE_AFTER: Final = timedelta(days=1)
_UNCOMMITTED: Final = timedelta(minutes=2)
"""An event may tell of a transaction that committed only after the page was read."""


_KINDS: Final[Sequence[tuple[str, str, Callable[[], Any]]]] = (
    ("purposes", "purpose_id", remember_purposes),
    ("blocks", "block_id", remember_blocks),
    ("consents", "consent_id", remember_consents),
    ("merges", "merge_id", remember_merges),
    ("transfers", "transfer_id", remember_transfers),
)
"""Kind of facts, its key, and how they are kept: with what every fact says of its own age."""


class Caller(Protocol):
    """What is needed of `ServiceClient`."""

    async def request(
        self, method: str, path: str, *, request_id: str, params: Any = None
    ) -> httpx.Response:
        """The answer, when it is below 500."""
        ...


class FactsRefused(Exception):
    """core-api answered, but not with facts."""


async def rebuild_due(database: Database, core_api: Caller, request_id: str) -> dict[str, int]:
    """Every organization with documents whose facts were not compared lately; how many."""
    keepers = sa.select(KnowledgeUsage.organization_id).distinct()
    done = 0
    for row in await database.worker_statement(keepers):
        organization_id = OrganizationId(row.organization_id)
        if await _is_due(database, organization_id):
            await rebuild(database, core_api, organization_id, request_id)
            done += 1
    return {"rebuilt": done}


async def rebuild(
    database: Database, core_api: Caller, organization_id: OrganizationId, request_id: str
) -> None:
    """Everything core-api knows of one organization. Safe to repeat, and while events arrive."""

    def read(kind: str, *key: str) -> AsyncIterator[tuple[datetime, list[dict[str, Any]]]]:
        return _pages(core_api, organization_id, request_id, kind, key)

    began: datetime | None = None
    async for as_of, facts in read("team-members", "team_id", "member_id"):
        began = began or as_of - _UNCOMMITTED
        rows = [_member(organization_id, fact, began) for fact in facts]
        await _remember(database, organization_id, remember_members, rows)
    if began is not None:
        await _forget_members(database, organization_id, began)
    await _compare_absences(database, organization_id, read("deleted-clients", "client_id"))
    for kind, key, remember in _KINDS:
        async for _, facts in read(kind, key):
            await _remember(database, organization_id, remember, mine(organization_id, facts))
    async with database.transaction(organization_id) as session:
        await _note(session, organization_id)
    _log.info("access_rebuilt")


async def _pages(
    core_api: Caller,
    organization_id: OrganizationId,
    request_id: str,
    kind: str,
    key: tuple[str, ...],
) -> AsyncIterator[tuple[datetime, list[dict[str, Any]]]]:
    after: list[str] = []
    while True:
        wanted: dict[str, Any] = {"organization_id": str(organization_id), "kind": kind}
        answer = await core_api.request(
            "GET",
            "/internal/v1/access-facts",
            request_id=request_id,
            params=wanted | ({"after": after} if after else {}),
        )
        if answer.status_code != 200:
            raise FactsRefused(f"{kind}: answered {answer.status_code}")
        page = answer.json()["data"]
        facts = page["facts"]
        yield datetime.fromisoformat(page["as_of"]), facts
        if page["is_last"]:
            return
        after = [facts[-1][name] for name in key]


def _member(
    organization_id: OrganizationId, fact: dict[str, Any], as_of: datetime
) -> dict[str, object]:
    team_id, member_id = UUID(fact["team_id"]), UUID(fact["member_id"])
    return membership(organization_id, team_id, member_id, as_of, is_member=True)


def mine(organization_id: OrganizationId, facts: list[dict[str, Any]]) -> list[dict[str, object]]:
    return [
        {"organization_id": organization_id, **{name: _typed(name, fact[name]) for name in fact}}
        for fact in facts
    ]


def _typed(name: str, value: Any) -> object:
    if not isinstance(value, str):
        return value
    if name.endswith("_id"):
        return UUID(value)
    if name == "valid_until":
        return date.fromisoformat(value)
    return datetime.fromisoformat(value) if name.endswith("_at") else value


async def _remember(
    database: Database,
    organization_id: OrganizationId,
    statement: Callable[[], Any],
    rows: list[dict[str, object]],
) -> None:
    if not rows:
        return
    async with database.transaction(organization_id) as session:
        await session.execute(statement().values(rows))


async def _forget_members(
    database: Database, organization_id: OrganizationId, as_of: datetime
) -> None:
    """Who was not on any page is in no team any more, unless an event has told so since."""
    async with database.transaction(organization_id) as session:
        await session.execute(
            sa.update(TeamMember)
            .where(
                TeamMember.organization_id == organization_id,
                TeamMember.is_member,
                TeamMember.changed_at < as_of,
            )
            .values(is_member=False, changed_at=as_of)
        )


async def _compare_absences(
    database: Database,
    organization_id: OrganizationId,
    pages: AsyncIterator[tuple[datetime, list[dict[str, Any]]]],
) -> None:
    """Who is deleted; and who is no longer."""
    began: datetime | None = None
    async for as_of, facts in pages:
        began = began or as_of - _UNCOMMITTED
        rows = [absence(organization_id, UUID(fact["client_id"]), began) for fact in facts]
        await _remember(database, organization_id, remember_absences, rows)
    if began is not None:
        async with database.transaction(organization_id) as session:
            await restore_others(session, organization_id, began)


async def _is_due(database: Database, organization_id: OrganizationId) -> bool:
    async with database.transaction(organization_id, read_only=True) as session:
        last = await session.scalar(
            sa.select(AccessRebuild.rebuilt_at).where(
                AccessRebuild.organization_id == organization_id
            )
        )
    return last is None or last < utc_now() - DUE_AFTER


async def _note(session: AsyncSession, organization_id: OrganizationId) -> None:
    now = utc_now()
    await session.execute(
        insert(AccessRebuild)
        .values(organization_id=organization_id, rebuilt_at=now)
        .on_conflict_do_update(
            index_elements=[AccessRebuild.organization_id], set_={"rebuilt_at": now}
        )
    )
