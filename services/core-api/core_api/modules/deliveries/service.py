"""What other contexts do with deliveries: have something sent, call it off, show how far it is."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging.job_queue import JobState
from core_api.modules.deliveries.models import OWNERS, Delivery, DeliveryKind
from core_api.modules.deliveries.schemas import CALLED_OFF, DeliveryRead
from core_api.modules.deliveries.sources import Held, Mail, MailSource, NotToBeSent, Withdrawn
from shared_schemas.ids import OrganizationId, new_id

__all__ = [
    "DeliveryKind",
    "DeliveryRead",
    "Held",
    "Mail",
    "MailSource",
    "NotToBeSent",
    "Withdrawn",
    "call_back",
    "call_off",
    "came_back",
    "enqueue",
    "enqueue_all",
    "mails_of",
]

_TABLE: Final = Delivery.__table__
_ROWS: Final = _TABLE.c
_AT_ONCE: Final = 1_000
_ATTEMPTS: Final = 100
"""The time a mail is tried for ends earlier; this ends one that keeps killing workers."""


async def enqueue(
    tx: AsyncSession,
    organization_id: OrganizationId,
    kind: DeliveryKind,
    owner_id: UUID,
    client_id: UUID,
) -> None:
    """To be sent once the transaction commits, where a mail server is configured; otherwise it
    waits to be called off by the person who sends it."""
    await tx.flush()  # what it refers to
    await enqueue_all(tx, organization_id, kind, [(owner_id, client_id)])


async def enqueue_all(
    tx: AsyncSession,
    organization_id: OrganizationId,
    kind: DeliveryKind,
    wanted: Collection[tuple[UUID, UUID]],
    *,
    why_not: NotToBeSent | None = None,
) -> int:
    """Of each owner and client, but those that wait or went out already; how many. `why_not`:
    it is known at once that they cannot go out."""
    given, ended = list(wanted), {} if why_not is None else _failed(why_not)
    return sum(
        [
            await _enqueue(tx, organization_id, kind, given[start : start + _AT_ONCE], ended)
            for start in range(0, len(given), _AT_ONCE)
        ]
    )


async def _enqueue(
    tx: AsyncSession,
    organization_id: OrganizationId,
    kind: DeliveryKind,
    wanted: Sequence[tuple[UUID, UUID]],
    ended: Mapping[str, Any],
) -> int:
    column, _ = OWNERS[kind]
    rows = [
        {
            "id": new_id(),
            "organization_id": organization_id,
            "kind": kind,
            "client_id": client_id,
            "max_attempts": _ATTEMPTS,
            column: owner_id,
            **ended,
        }
        for owner_id, client_id in wanted
    ]
    once = insert(_TABLE).values(rows).on_conflict_do_nothing()
    return len((await tx.execute(once.returning(_ROWS.id))).all())


def _failed(why: NotToBeSent) -> dict[str, Any]:
    return {
        "state": JobState.FAILED,
        "error_code": why.code,
        "error_message": str(why),
        "finished_at": utc_now(),
    }


async def call_off(
    tx: AsyncSession,
    organization_id: OrganizationId,
    kind: DeliveryKind,
    owner_ids: Collection[UUID],
    client_ids: Collection[UUID] = (),
) -> None:
    """A person has seen to it: what waits does not go out. What a worker is sending just now may go
    out all the same: it ends with what becomes of it, and is not tried again.

    To be called before the owner's row is locked: who sends locks the delivery first.
    """
    mine = [
        _ROWS.organization_id == organization_id,
        _ROWS[OWNERS[kind][0]].in_(owner_ids),
        _ROWS.state.in_((JobState.PENDING, JobState.PROCESSING)),
        _ROWS.called_off_at.is_(None),
    ]
    if client_ids:
        mine.append(_ROWS.client_id.in_(client_ids))
    locked = sa.select(_ROWS.id, _ROWS.state).where(*mine).order_by(_ROWS.id).with_for_update()
    found = (await tx.execute(locked)).all()
    now = sa.func.clock_timestamp()
    ended = {
        "state": JobState.CANCELLED,
        "error_code": "SENT_BY_A_PERSON",
        "error_message": CALLED_OFF,
        "finished_at": now,
    }
    for state, values in (
        (JobState.PENDING, ended),
        (JobState.PROCESSING, {"called_off_at": now}),
    ):
        ids = [row.id for row in found if row.state is state]
        if ids:
            await tx.execute(
                sa.update(_TABLE)
                .where(_ROWS.organization_id == organization_id, _ROWS.id.in_(ids))
                .values(updated_at=now, **values)
            )


async def call_back(
    tx: AsyncSession, organization_id: OrganizationId, kind: DeliveryKind, owner_id: UUID
) -> None:
    """It is to go out after all: what was called off under way is tried again.

    To be called before the owner's row is locked, as `call_off`.
    """
    unfinished = _ROWS.state.in_((JobState.PENDING, JobState.PROCESSING))
    which = sa.and_(unfinished, _ROWS.called_off_at.is_not(None))
    await _change(tx, organization_id, kind, owner_id, which, called_off_at=None)


async def came_back(
    tx: AsyncSession, organization_id: OrganizationId, kind: DeliveryKind, owner_id: UUID
) -> None:
    """A person has read in the sender's mailbox that it did not arrive: it may be sent again.

    To be called before the owner's row is locked, as `call_off`.
    """
    await _change(
        tx,
        organization_id,
        kind,
        owner_id,
        _ROWS.state == JobState.SUCCEEDED,
        state=JobState.FAILED,
        error_code="BOUNCED",
        error_message="A mensagem voltou. Confira o endereço antes de enviar de novo.",
    )


async def _change(
    tx: AsyncSession,
    organization_id: OrganizationId,
    kind: DeliveryKind,
    owner_id: UUID,
    which: sa.ColumnElement[bool],
    **values: Any,
) -> None:
    mine = sa.and_(_ROWS.organization_id == organization_id, _ROWS[OWNERS[kind][0]] == owner_id)
    await tx.execute(
        sa.update(_TABLE).where(mine, which).values(updated_at=sa.func.clock_timestamp(), **values)
    )


async def mails_of(
    tx: AsyncSession,
    organization_id: OrganizationId,
    kind: DeliveryKind,
    owner_ids: Collection[UUID],
    client_ids: Collection[UUID] = (),
) -> dict[tuple[UUID, UUID], DeliveryRead]:
    """Of each owner and client (of these, or of all) the latest delivery, if there is one. One
    statement."""
    if not owner_ids:
        return {}
    owner: sa.ColumnElement[Any] = _ROWS[OWNERS[kind][0]]
    statement = (
        sa.select(_TABLE)
        .where(
            _ROWS.organization_id == organization_id,
            owner.in_(owner_ids),
            *([_ROWS.client_id.in_(client_ids)] if client_ids else []),
        )
        .ext(distinct_on(owner, _ROWS.client_id))
        .order_by(owner, _ROWS.client_id, _ROWS.created_at.desc(), _ROWS.id.desc())
    )
    found = await tx.execute(statement)
    return {
        (row._mapping[owner], row.client_id): DeliveryRead.of(row)  # noqa: SLF001 - it is public
        for row in found
    }
