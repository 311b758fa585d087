"""How much an organization keeps, counted with every change, in shards that nobody queues for."""

from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from knowledge.models import Base
from shared_schemas.ids import OrganizationId

SHARDS: Final = 16
"""One row per organization would have all its submissions wait for each other's commit."""


class KnowledgeUsage(Base):
    """A shard of an organization's sums. `bytes` are those of originals, `characters` of texts."""

    __tablename__ = "knowledge_usage"

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(sa.SmallInteger, primary_key=True)
    documents: Mapped[int] = mapped_column(sa.BigInteger)
    bytes: Mapped[int] = mapped_column(sa.BigInteger)
    characters: Mapped[int] = mapped_column(sa.BigInteger)


USAGE: Final = cast("sa.Table", KnowledgeUsage.__table__)
_SUMS: Final = ("documents", "bytes", "characters")


def adding_from(of: sa.FromClause | None = None, **sums: Any) -> Insert:
    """The statement that adds to the shard of this connection, if `of` has a row; of the sums all
    but `organization_id` are optional.

    To be a transaction's last: others of the same shard wait for its commit.
    """
    columns = {
        "organization_id": sums["organization_id"],
        "shard": sa.cast(sa.func.mod(sa.func.pg_backend_pid(), SHARDS), sa.SmallInteger()),
        **{name: sums.get(name, sa.literal(0, sa.BigInteger())) for name in _SUMS},
    }
    rows = sa.select(*columns.values())
    if of is not None:
        rows = rows.select_from(of)
    statement = insert(USAGE).from_select(list(columns), rows, include_defaults=False)
    return statement.on_conflict_do_update(
        index_elements=[USAGE.c.organization_id, USAGE.c.shard],
        set_={name: USAGE.c[name] + statement.excluded[name] for name in _SUMS if name in sums},
    )


async def count(session: AsyncSession, organization_id: OrganizationId, **sums: int) -> None:
    """Adds to what the organization uses; negative for what is gone."""
    tenant = sa.literal(organization_id, sa.Uuid())
    added: dict[str, Any] = {
        name: sa.literal(value, sa.BigInteger()) for name, value in sums.items()
    }
    await session.execute(adding_from(organization_id=tenant, **added))
