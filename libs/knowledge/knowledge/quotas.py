"""How much an organization may keep. Far below the limit nobody waits; close to it, one at a time.

Who adds something holds a shared lock until the commit. As long as there is room for everybody who
could be adding at the same moment, that is all. Else the lock is taken alone: whatever the others
have added is committed by then and counted, and the limit holds to the last document.
"""

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.errors import Conflict
from knowledge.failures import DocumentRefused
from knowledge.usage import USAGE
from shared_schemas.ids import OrganizationId

AT_ONCE: Final = 100
"""More than may be adding to one organization at the same moment: PostgreSQL's connections."""
_MB: Final = 1024 * 1024
_LARGEST_BYTES: Final = 50 * _MB
_LARGEST_CHARACTERS: Final = 10_000_000


class QuotaExceeded(DocumentRefused, Conflict):
    """The organization keeps as much as it may."""

    code: ClassVar[str] = "QUOTA_EXCEEDED"
    message = (
        "A organização atingiu o limite de {limit} da base de conhecimento. "
        "Exclua documentos que não são mais usados ou peça um limite maior."
    )


@dataclass(frozen=True, slots=True)
class Quota:
    """The most of each that one organization may keep."""

    documents: int = 100_000
    bytes: int = 50 * 1024 * _MB
    characters: int = 2_000_000_000

    @property
    def characters_for_everybody(self) -> int:
        """Up to here there is room for everybody who could be adding a text at the same moment."""
        return self.characters - AT_ONCE * _LARGEST_CHARACTERS

    def exceeded(self, documents: int, size_bytes: int) -> QuotaExceeded:
        """Which limit it is that so much would pass."""
        if documents > self.documents:
            return QuotaExceeded(limit=f"{self.documents} documentos")
        if size_bytes > self.bytes:
            return QuotaExceeded(limit=f"{self.bytes // _MB} MB em arquivos")
        return QuotaExceeded(limit=f"{self.characters} caracteres")


@dataclass(frozen=True, slots=True)
class Room:
    """What must be free for something to be added: its own weight, or that of everybody's."""

    documents: int
    bytes: int

    @classmethod
    def of(cls, documents: int, size_bytes: int) -> "Room":
        """For what is added, alone."""
        return cls(documents, size_bytes)

    @classmethod
    def of_everybody(cls) -> "Room":
        """For the largest of everything that could be added at once."""
        return cls(AT_ONCE, AT_ONCE * _LARGEST_BYTES)


def lock_key(organization_id: Any) -> Any:
    """The advisory lock of an organization's quota."""
    name = sa.literal("knowledge_quota:").concat(sa.cast(organization_id, sa.Text()))
    return sa.func.hashtextextended(name, 0)


async def wait_for_turn(session: AsyncSession, organization_id: OrganizationId) -> None:
    """Until the transaction ends nobody else adds anything."""
    key = lock_key(sa.literal(organization_id, sa.Uuid()))
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def sums(organization_id: Any, *names: str) -> Any:
    """One row: how much the organization keeps of each kind."""
    totals = [
        sa.cast(sa.func.coalesce(sa.func.sum(USAGE.c[name]), 0), sa.BigInteger()) for name in names
    ]
    named = [total.label(name) for total, name in zip(totals, names, strict=True)]
    return sa.select(*named).where(USAGE.c.organization_id == organization_id)


def may_add_now(
    organization_id: Any,
    has_room: sa.ColumnElement[bool],
    is_alone: sa.ColumnElement[bool] | None = None,
) -> sa.ColumnElement[bool]:
    """Takes the shared lock, if there is room for everybody; false when somebody holds it alone.

    Without room it is not taken: two who held it would wait for each other to have it alone. Nor by
    whoever has it alone already: up to PostgreSQL 16 those who wait for it would stand in the way.
    """
    lock = sa.func.pg_try_advisory_xact_lock_shared(lock_key(organization_id), type_=sa.Boolean())
    alone = () if is_alone is None else ((is_alone, sa.true()),)
    return sa.case((sa.not_(has_room), sa.false()), *alone, else_=lock)


def characters_may_be_added(
    organization_id: Any, most: sa.ColumnElement[int]
) -> sa.ColumnElement[bool]:
    """For a statement of the transaction in which a text is kept: see `check_characters`. `most`:
    `Quota.characters_for_everybody`."""
    now = sums(organization_id, "characters").scalar_subquery()
    return may_add_now(organization_id, now <= most)


async def check_characters(
    session: AsyncSession,
    organization_id: OrganizationId,
    quota: Quota,
    added: int,
) -> None:
    """Alone, before a text of so many characters is kept. Raises QuotaExceeded."""
    await wait_for_turn(session, organization_id)
    tenant = sa.literal(organization_id, sa.Uuid())
    now = await session.scalar(sums(tenant, "characters")) or 0
    if now + added > quota.characters:
        raise QuotaExceeded(limit=f"{quota.characters} caracteres")
