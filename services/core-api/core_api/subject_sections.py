"""What is kept about a person, and how a context tells it to them (LGPD Art. 19 II).

Every context describes its own tables in its `subject_sections`; `modules.subject_data.registry`
joins them. Labels, origins, criteria and values are read by that person: plain Portuguese.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from shared_schemas.ids import OrganizationId
from shared_schemas.privacy import DataSection, Record

PROVIDED: Final = (
    "Informado por você, por quem representa você ou por nossa equipe durante o atendimento."
)
MADE_BY_US: Final = "Registrado por nossa equipe ou pelo sistema durante o atendimento."


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose data: a client, and those merged into it."""

    organization_id: OrganizationId
    family: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Told:
    """Records, and the names of those of their fields that only the data knows."""

    records: list[Record]
    labels: Mapping[str, str] = field(default_factory=dict)


Rows = sa.Select[*tuple[Any, ...]]
"""What a section is read by."""
Tell = Callable[[AsyncSession, Subject, Sequence[Any]], Awaitable[Told]]
"""From the rows of a section to its records, in a fixed number of statements."""


@dataclass(frozen=True, kw_only=True)
class SectionSource:
    """One kind of record."""

    name: str
    label: str
    origin: str
    criteria: str
    categories: frozenset[str]
    """Categories of data, folded: purposes of the registry that name one of them use it."""
    tables: frozenset[str]
    """What it tells of. A test asks this of every table that refers to a client."""
    portable: bool = True
    fields: Mapping[str, str]
    select: Callable[[Subject], Rows]
    tell: Tell

    async def count(self, session: AsyncSession, subject: Subject) -> int:
        """How many records there are."""
        rows = self.select(subject).order_by(None).subquery()
        return (await session.scalar(sa.select(sa.func.count()).select_from(rows))) or 0

    async def load(self, session: AsyncSession, subject: Subject) -> DataSection:
        """All of them. Which purposes they serve is said by who knows the registry."""
        rows = (await session.execute(self.select(subject))).all()
        told = await self.tell(session, subject, rows)
        return DataSection(
            name=self.name,
            label=self.label,
            origin=self.origin,
            criteria=self.criteria,
            portable=self.portable,
            field_labels={**self.fields, **told.labels},
            records=told.records,
        )


def each(record: Callable[[Any], Record]) -> Tell:
    """For rows that say everything themselves."""

    async def tell(_session: AsyncSession, _subject: Subject, rows: Sequence[Any]) -> Told:
        return Told([record(row) for row in rows])

    return tell


def moment(at: datetime | None) -> str | None:
    """As records hold an instant: ISO 8601, UTC, to the second."""
    return None if at is None else at.replace(microsecond=0).isoformat().replace("+00:00", "Z")
