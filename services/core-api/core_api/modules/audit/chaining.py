"""Events get their links, shortly after they were written: nobody who works on the desk waits.

An event is attested by whoever writes it; a sweep takes what has no link yet in order of its time,
under the lock of the organization's head, which only those who do this want. Any number may run at
once and any may be killed: an event gets one link by constraint, and each batch is a transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.security.sealing import Vault
from core_api.chain import FIRST, chained
from core_api.modules.audit.authenticity import (
    CONTENT,
    content_hash,
    content_of,
    head_content,
    link_entry,
    standing_of,
)
from core_api.modules.audit.models import AuditEvent, AuditHead, AuditLink
from core_api.workplace import vault_of
from shared_schemas.ids import OrganizationId

BATCH: Final = 2_000
_MARGIN: Final = timedelta(minutes=15)
"""How long after its time an event may become visible: no transaction lasts so long. Where a clock
was that wrong, the daily run and `verify` find it: they look at all events."""
_BUDGET: Final = timedelta(seconds=40)
"""The caller waits a minute; what is left is the next sweep's."""
_EVENT: Final = AuditEvent.__table__.c
COLUMNS: Final = tuple(_EVENT[name] for name in (*CONTENT, "attested"))
# Columns alone: organizations are the business of their own context.
_ORGANIZATIONS: Final = sa.table(
    "organizations", sa.column("organization_id", sa.Uuid()), schema="crm"
)

_LINK: Final = sa.text(
    """
    INSERT INTO crm.audit_links
      (organization_id, sequence, event_id, standing, sealed_at, content_hash, hash)
    SELECT :organization_id, new.sequence, new.event_id, new.standing, :sealed_at,
      new.content_hash, new.hash
    FROM unnest(:sequences, :event_ids, :standings, :content_hashes, :hashes)
      AS new (sequence, event_id, standing, content_hash, hash)
    """
).bindparams(
    sa.bindparam("organization_id", type_=sa.Uuid()),
    sa.bindparam("sealed_at", type_=sa.DateTime(timezone=True)),
    sa.bindparam("sequences", type_=ARRAY(sa.BigInteger())),
    sa.bindparam("event_ids", type_=ARRAY(sa.Uuid())),
    sa.bindparam("standings", type_=ARRAY(sa.Text())),
    sa.bindparam("content_hashes", type_=ARRAY(BYTEA())),
    sa.bindparam("hashes", type_=ARRAY(BYTEA())),
)


@dataclass(frozen=True, slots=True)
class End:
    """Where the chain ended before a batch."""

    sequence: int
    hash: bytes


async def chain_all(database: Database, *, batch: int = BATCH, everything: bool = False) -> int:
    """Gives links to the events of every organization that have none; to how many."""
    until, linked = monotonic() + _BUDGET.total_seconds(), 0
    for organization_id in await organizations(database):
        linked += await chain_events(
            database, organization_id, batch=batch, until=until, everything=everything
        )
    return linked


async def chain_events(
    database: Database,
    organization_id: OrganizationId,
    *,
    batch: int = BATCH,
    until: float | None = None,
    everything: bool = False,
) -> int:
    """The same for one organization, until none is left or the time is up."""
    until = until or monotonic() + _BUDGET.total_seconds()
    linked, more = 0, await _has_new(database, organization_id, everything)
    while more and monotonic() < until:
        async with database.transaction(organization_id) as tx:
            taken = await _chain(tx, organization_id, batch, everything)
        linked += taken
        more = taken == batch
    return linked


async def organizations(database: Database) -> Sequence[OrganizationId]:
    """All there are."""
    everybody = sa.select(_ORGANIZATIONS.c.organization_id)
    found = await database.worker_statement(everybody.order_by(_ORGANIZATIONS.c.organization_id))
    return [OrganizationId(row[0]) for row in found]


def without_link(organization_id: OrganizationId) -> sa.Select[Any]:
    """Events that no link names, the oldest first."""
    link = sa.select(sa.true()).where(
        AuditLink.organization_id == organization_id, AuditLink.event_id == _EVENT.id
    )
    # OFFSET keeps the planner from making a join of it: before it knows the tables' sizes, that is
    # one of every event with every link.
    linked = link.offset(sa.literal_column("0")).correlate(AuditEvent.__table__).exists()
    mine = sa.select(*COLUMNS).where(_EVENT.organization_id == organization_id, ~linked)
    return mine.order_by(_EVENT.occurred_at, _EVENT.id)


async def _has_new(database: Database, organization_id: OrganizationId, everything: bool) -> bool:  # noqa: FBT001 - passed on
    """Without locking anything: mostly there is nothing to do."""
    async with database.transaction(organization_id, read_only=True) as session:
        known = sa.select(AuditHead.sealed_until).where(
            AuditHead.organization_id == organization_id
        )
        since = None if everything else await session.scalar(known)
        recent = _recent(organization_id, since)
        return (await session.execute(recent.limit(1))).first() is not None


async def _chain(
    tx: AsyncSession,
    organization_id: OrganizationId,
    batch: int,
    everything: bool,  # noqa: FBT001 - passed on
) -> int:
    """One batch, behind whoever is doing the same."""
    vault, now = vault_of(tx), utc_now()
    end, sealed_until = await _locked_end(tx, vault, organization_id)
    since = None if everything else sealed_until
    events = (await tx.execute(_recent(organization_id, since).limit(batch))).all()
    if not events:
        return 0
    end = await _link(tx, vault, organization_id, end, events, now)
    seen = events[-1].occurred_at if len(events) == batch else now
    head = sa.update(AuditHead).where(AuditHead.organization_id == organization_id)
    await tx.execute(
        head.values(
            sequence=end.sequence,
            hash=end.hash,
            attested=vault.attest(head_content(organization_id, end.sequence, end.hash)),
            sealed_until=min(seen, now),
        ),
        execution_options={"synchronize_session": False},
    )
    return len(events)


async def _locked_end(
    tx: AsyncSession, vault: Vault, organization_id: OrganizationId
) -> tuple[End, datetime | None]:
    begun = insert(AuditHead).values(
        organization_id=organization_id,
        sequence=0,
        hash=FIRST,
        attested=vault.attest(head_content(organization_id, 0, FIRST)),
        sealed_until=_EVER,
    )
    locked = begun.on_conflict_do_update(
        index_elements=[AuditHead.organization_id], set_={"sequence": AuditHead.sequence}
    ).returning(AuditHead.sequence, AuditHead.hash, AuditHead.sealed_until)
    row = (await tx.execute(locked)).one()
    return End(row.sequence, row.hash), None if row.sealed_until == _EVER else row.sealed_until


async def _link(
    tx: AsyncSession,
    vault: Vault,
    organization_id: OrganizationId,
    end: End,
    events: Sequence[Any],
    now: datetime,
) -> End:
    sequence, previous = end.sequence, end.hash
    rows: list[tuple[Any, ...]] = []
    for event in events:
        sequence += 1
        content = content_of(event)
        standing = standing_of(vault, content, event.attested)
        hashed = content_hash(content, event.attested)
        entry = link_entry(organization_id, sequence, event.id, standing, now, hashed)
        previous = chained(previous, entry)
        rows.append((sequence, event.id, standing.value, hashed, previous))
    names = ("sequences", "event_ids", "standings", "content_hashes", "hashes")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    given = {**columns, "organization_id": organization_id, "sealed_at": now}
    await tx.execute(_LINK, given)
    return End(sequence, previous)


def _recent(organization_id: OrganizationId, sealed_until: datetime | None) -> sa.Select[Any]:
    statement = without_link(organization_id)
    if sealed_until is None or sealed_until == _EVER:
        return statement
    return statement.where(_EVENT.occurred_at >= sealed_until - _MARGIN)


_EVER: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
