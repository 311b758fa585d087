"""How a section of a person's data is read: some records after a key, in the order of their ids."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.privacy.work import Subject
from shared_schemas.privacy import DataSection, Record


@dataclass(frozen=True, slots=True)
class Page:
    """Records after a key, and the key of the last one."""

    records: list[Record]
    last: str


Read = Callable[[AsyncSession, Subject, str, int], Awaitable[Page]]
Section = tuple[DataSection, Read, int]
"""A section without records, how they are read, and the most of them at once."""


async def after_key(
    session: AsyncSession, statement: Any, model: Any, after: str, limit: int
) -> Sequence[Any]:
    """By id, which is by time."""
    if after:
        statement = statement.where(model.id > UUID(after.partition("/")[0]))
    found = await session.execute(statement.order_by(model.id).limit(limit))
    rows: Sequence[Any] = found.all()
    return rows
