"""Whether a client's data may be worked with at all: what contexts that write it ask first.

A block for all purposes (LGPD Art. 18 IV) keeps the data and stops its use: it is shown as blocked,
not changed, and not worked with. One for a single purpose is asked for with the legal basis.
"""

from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.errors import Conflict
from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId

# Columns alone: blocks are the business of their own context.
_BLOCKS: Final = sa.table(
    "processing_blocks",
    *(sa.column(name, sa.Uuid()) for name in ("organization_id", "client_id", "purpose_id")),
    sa.column("lifted_at", sa.DateTime(timezone=True)),
    schema=SCHEMA,
)


class ClientBlocked(Conflict):
    """The client's data is blocked for every purpose: it stays as it is."""

    code = "CLIENT_BLOCKED"
    message = (
        "O tratamento dos dados deste cliente está bloqueado. "
        "Consulte o encarregado de dados antes de continuar."
    )


class BlockExtent(StrEnum):
    """How much of the use of a client's data is blocked."""

    WHOLLY = "wholly"
    PARTLY = "partly"


async def require_unblocked(
    session: AsyncSession, organization_id: OrganizationId, client_id: UUID
) -> None:
    """ClientBlocked while a block for all purposes stands."""
    blocked = sa.select(is_blocked(organization_id, sa.literal(client_id, sa.Uuid())))
    if await session.scalar(blocked):
        raise ClientBlocked


async def blocked_clients(
    session: AsyncSession, organization_id: OrganizationId
) -> frozenset[UUID]:
    """All of them, for who is about to change many."""
    statement = sa.select(_BLOCKS.c.client_id).where(
        _BLOCKS.c.organization_id == organization_id,
        _BLOCKS.c.purpose_id.is_(None),
        _BLOCKS.c.lifted_at.is_(None),
    )
    return frozenset(await session.scalars(statement))


def extent_of_blocks(client: sa.FromClause) -> sa.ColumnElement[str | None]:
    """As a column of a statement that reads one client: a BlockExtent, or null."""
    # As SQL text: the statement is built once, with nothing to bind but who is read.
    extent: sa.ColumnElement[str | None] = sa.case(
        (_BLOCKS.c.purpose_id.is_(None), sa.literal_column(f"'{BlockExtent.WHOLLY}'", sa.Text())),
        else_=sa.literal_column(f"'{BlockExtent.PARTLY}'", sa.Text()),
    )
    standing = sa.select(extent).where(_standing(client.c.organization_id, client.c.id))
    widest = standing.order_by(_BLOCKS.c.purpose_id.asc().nulls_first()).limit(
        sa.literal_column("1")
    )
    return widest.correlate(client).scalar_subquery()


def is_blocked(organization_id: Any, client_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """As a condition of a statement: for every purpose."""
    standing = _standing(organization_id, client_id)
    return sa.exists().where(standing, _BLOCKS.c.purpose_id.is_(None))


def _standing(organization_id: Any, client_id: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Of who answers for the client: blocks went along when it was merged."""
    return sa.and_(
        _BLOCKS.c.organization_id == organization_id,
        _BLOCKS.c.client_id == client_id,
        _BLOCKS.c.lifted_at.is_(None),
    )
