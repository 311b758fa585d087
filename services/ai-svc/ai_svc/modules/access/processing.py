"""Keeping in mind what core-api's events tell of purposes, blocks and transfers.

As in `following`: each row says the latest that is known, in whatever order events arrive.
"""

from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging.consumer import Subscription
from knowledge.access_tables import ProcessingBlock, Purpose, Transfer
from shared_schemas.events import (
    ProcessingBlocked,
    ProcessingUnblocked,
    PurposeChanged,
    TransferChanged,
)


async def follow_purpose(session: AsyncSession, event: PurposeChanged) -> None:
    """What the registry says of it from now on."""
    row = {"organization_id": event.organization_id, **event.payload.model_dump()}
    await session.execute(remember_purposes().values(row))


async def follow_blocked(session: AsyncSession, event: ProcessingBlocked) -> None:
    """The client's data is used no longer, unless the block is known to have been lifted."""
    await session.execute(remember_blocks().values(_block(event, None)))


async def follow_unblocked(session: AsyncSession, event: ProcessingUnblocked) -> None:
    """The block is over, even if it is not known to have begun yet."""
    await session.execute(remember_blocks().values(_block(event, event.timestamp)))


async def follow_transfer(session: AsyncSession, event: TransferChanged) -> None:
    """What may go where from now on."""
    given = event.payload.model_dump() | {"purpose_codes": list(event.payload.purpose_codes)}
    row = {"organization_id": event.organization_id, **given}
    await session.execute(remember_transfers().values(row))


def remember_purposes() -> Insert:
    """An older version than what is known changes nothing."""
    return _latest(Purpose, "purpose_id")


def remember_transfers() -> Insert:
    """An older version than what is known changes nothing."""
    return _latest(Transfer, "transfer_id")


def remember_blocks() -> Insert:
    """What was lifted once is lifted for good; blocking again is a block of its own."""
    statement = insert(ProcessingBlock)
    lifted_at = sa.func.coalesce(ProcessingBlock.lifted_at, statement.excluded.lifted_at)
    return statement.on_conflict_do_update(
        index_elements=[ProcessingBlock.organization_id, ProcessingBlock.block_id],
        set_={"lifted_at": lifted_at},
        where=sa.and_(
            ProcessingBlock.lifted_at.is_(None), statement.excluded.lifted_at.is_not(None)
        ),
    )


def _latest(table: type[Purpose | Transfer], key: str) -> Insert:
    statement = insert(table)
    names = [column.name for column in table.__table__.columns if not column.primary_key]
    return statement.on_conflict_do_update(
        index_elements=["organization_id", key],
        set_={name: statement.excluded[name] for name in names},
        where=table.version < statement.excluded.version,
    )


def _block(
    event: ProcessingBlocked | ProcessingUnblocked, lifted_at: datetime | None
) -> dict[str, object]:
    given = event.payload
    return {
        "organization_id": event.organization_id,
        "block_id": given.block_id,
        "client_id": given.client_id,
        "purpose_code": given.purpose_code,
        "lifted_at": lifted_at,
    }


SUBSCRIPTIONS: Final = (
    Subscription(PurposeChanged, follow_purpose),
    Subscription(ProcessingBlocked, follow_blocked),
    Subscription(ProcessingUnblocked, follow_unblocked),
    Subscription(TransferChanged, follow_transfer),
)
