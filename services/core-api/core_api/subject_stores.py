"""Where data of a person is, and how it goes: what erasing asks of every context.

Every context says it for its own stores in its `erasing`; `erasure_stores` joins them, and a test
compares them with the tables there are. A store is a table, keys in Redis, objects in the storage,
or some columns of rows that stay.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from uuid import UUID

import sqlalchemy as sa
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from core_api.folding import fold
from shared_schemas.ids import OrganizationId
from shared_schemas.privacy import StoreAction

ERASED_TEXT: Final = "Conteúdo eliminado"
"""Stands where somebody's words were."""
ERASED_NAME: Final = "Titular eliminado"
"""What an erased client is called."""
BATCH: Final = 200
SHORTEST_VALUE: Final = 5
"""A shorter value names nobody: it would be found everywhere."""
_SHORTEST_NUMBER: Final = 8


class StoreBusy(Exception):
    """Somebody works on it just now: another time."""


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """What stores work with. Each opens transactions of its own."""

    database: Database
    redis: Redis
    storage: ObjectStorage


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Whose data: the client and all merged into it; and what they are known by."""

    organization_id: OrganizationId
    client_ids: tuple[UUID, ...]
    values: frozenset[str] = field(default=frozenset(), repr=False)
    """Names, addresses and numbers, as they were written."""
    ticket_words: frozenset[str] = field(default=frozenset(), repr=False)
    """Words their tickets used, folded."""

    @property
    def words(self) -> frozenset[str]:
        """The values as they are searched for: no accents, lower case."""
        folded = (fold(value).strip() for value in self.values)
        return frozenset(value for value in folded if len(value) >= SHORTEST_VALUE)

    @property
    def numbers(self) -> frozenset[str]:
        """Those that are numbers, as digits alone."""
        digits = (_digits(value) for value in self.values)
        return frozenset(value for value in digits if len(value) >= _SHORTEST_NUMBER)

    def is_named_in(self, text: str) -> bool:
        """Whether any of the values is in a text, however it is written there."""
        folded = fold(text)
        if any(value in folded for value in self.words):
            return True
        numbers = self.numbers
        return bool(numbers) and any(number in _digits(text) for number in numbers)


Tally = Callable[[AsyncSession, int], Awaitable[None]]
"""Notes how many went, in the transaction in which they went: each is counted once."""


class Store(Protocol):
    """One place. Every method may be called again at any time, and by several at once."""

    @property
    def name(self) -> str:
        """As receipts name it."""

    @property
    def label(self) -> str:
        """As people read it, in Portuguese."""

    @property
    def action(self) -> StoreAction:
        """What becomes of it."""

    @property
    def ground(self) -> str | None:
        """Of what is kept: on which legal ground."""

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """How much there is: still to be erased, or kept."""

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """Some of it; how many, 0 when there is nothing left. StoreBusy."""

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Looks again, in a transaction of its own: how much is left, which must be nothing."""


Condition = Callable[[Subject], sa.ColumnElement[bool]]
"""Which rows of a table say something about the subject. True of none of them once erased."""


def of_clients(column: sa.ColumnElement[Any]) -> Condition:
    """Rows that name one of the subject's clients."""
    return lambda subject: column.in_(subject.client_ids)


@dataclass(frozen=True, kw_only=True)
class RowStore:
    """Rows of one table that are deleted, or (`blank`) lose what they say.

    `where` says which; blanked rows no longer fit it. The tenant is added.
    """

    name: str
    label: str
    table: sa.Table
    where: Condition
    blank: Mapping[str, Any] | None = None
    order: Sequence[str] = ("id",)
    """The table's key: rows are locked in one order by everybody."""
    batch: int = BATCH
    ground: None = None

    @property
    def action(self) -> StoreAction:
        """Deleted, or emptied."""
        return StoreAction.ERASE if self.blank is None else StoreAction.ANONYMISE

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """Of one statement."""
        return await count_rows(workshop, subject, self.table, self.where)

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """One transaction."""
        async with workshop.database.transaction(subject.organization_id) as tx:
            gone = await self._erase(tx, subject)
            if gone:
                await tally(tx, gone)
        return gone

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Counts again."""
        return await self.count(workshop, subject)

    async def _erase(self, tx: AsyncSession, subject: Subject) -> int:
        key = [self.table.c[name] for name in self.order]
        some = (
            sa.select(*key)
            .where(mine(self.table, subject), self.where(subject))
            .order_by(*key)
            .limit(self.batch)
        )
        if self.blank is not None:  # rows that are only ever deleted cannot be locked
            some = some.with_for_update()
        found = [tuple(row) for row in await tx.execute(some)]
        if not found:
            return 0
        wanted = sa.and_(mine(self.table, subject), sa.tuple_(*key).in_(found))
        change = sa.delete(self.table) if self.blank is None else sa.update(self.table)
        if isinstance(change, sa.Update):
            change = change.values(**self._blanked())
        gone = await tx.execute(change.where(wanted).returning(key[0]))
        return len(gone.all())

    def _blanked(self) -> dict[str, Any]:
        values = dict(self.blank or {})
        if "version" in self.table.c:  # who has one open learns that it has changed
            values["version"] = self.table.c.version + 1
        if "updated_at" in self.table.c:
            values["updated_at"] = sa.func.now()
        return values


@dataclass(frozen=True, kw_only=True)
class KeptRows:
    """Rows that stay: ids, enumerations, times and hashes, or what the law has us keep."""

    name: str
    label: str
    ground: str
    table: sa.Table
    where: Condition
    action: StoreAction = StoreAction.KEEP

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """Of one statement."""
        return await count_rows(workshop, subject, self.table, self.where)

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """Nothing of it."""
        del workshop, subject, tally
        return 0

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Nothing has to be gone."""
        del workshop, subject
        return 0


def mine(table: sa.FromClause, subject: Subject) -> sa.ColumnElement[bool]:
    """Rows of the subject's organization."""
    organization: sa.ColumnElement[Any] = table.c.organization_id
    return organization == subject.organization_id


async def count_rows(
    workshop: Workshop, subject: Subject, table: sa.Table, where: Condition
) -> int:
    """How many rows of one table a condition fits."""
    counted = sa.select(sa.func.count()).select_from(table)
    statement = counted.where(mine(table, subject), where(subject))
    async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
        return (await tx.scalar(statement)) or 0


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
