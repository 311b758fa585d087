"""What is left of a person where nobody looks: answers kept for Idempotency-Key, events that could
not be handled, the outbox."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging.entries import as_text
from chassis.messaging.streams import dead_letters_of
from core_api.modules.tickets.erasing import messages_of, tickets_of
from core_api.subject_stores import KeptRows, Store, Subject, Tally, Workshop
from core_api.tables import SYSTEM_TABLES
from shared_schemas.privacy import StoreAction

CONSUMERS: Final = ("core-api", "ai-svc", "worker-svc")
"""Who gives up on events."""
_AT_ONCE: Final = 500
_ANSWERS: Final = SYSTEM_TABLES.idempotency_keys
_OUTBOX: Final = SYSTEM_TABLES.outbox
# Every id an answer holds is compared with those of the subject, in one pass over the answer.
# `escape` leaves ids as they are, whatever else the answer is made of.
_HOLDS: Final = sa.text(
    """
    EXISTS (SELECT FROM regexp_matches(encode(body, 'escape'),
        '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}', 'g') AS found(id)
      WHERE found.id[1] = ANY(:ids))
    """
).bindparams(sa.bindparam("ids", type_=ARRAY(sa.Text())))


@dataclass(frozen=True, kw_only=True)
class KeptAnswers:
    """Answers to requests that carried an `Idempotency-Key`: kept two days, word by word."""

    name: str = "idempotency_keys"
    label: str = "Respostas guardadas para repetição de pedidos"
    action: StoreAction = StoreAction.ERASE
    ground: None = None

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """Answers that name the subject, or something of theirs."""
        statement = sa.select(sa.func.count()).select_from(_ANSWERS).where(self._about(subject))
        async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
            return (await tx.scalar(statement, {"ids": await _ids(tx, subject)})) or 0

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """As the worker role, which alone may delete them; counted after that."""
        async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
            ids = await _ids(tx, subject)
        keys = (_ANSWERS.c.user_id, _ANSWERS.c.key)
        some = sa.select(*keys).where(self._about(subject)).limit(_AT_ONCE)
        gone = sa.delete(_ANSWERS).where(
            _ANSWERS.c.organization_id == subject.organization_id, sa.tuple_(*keys).in_(some)
        )
        async with workshop.database.worker_transaction() as session:
            count = len((await session.execute(gone.returning(_ANSWERS.c.key), {"ids": ids})).all())
        if count:
            async with workshop.database.transaction(subject.organization_id) as tx:
                await tally(tx, count)
        return count

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Counts again."""
        return await self.count(workshop, subject)

    def _about(self, subject: Subject) -> sa.ColumnElement[bool]:
        return sa.and_(_ANSWERS.c.organization_id == subject.organization_id, _HOLDS)


async def _ids(tx: AsyncSession, subject: Subject) -> list[str]:
    """Of the clients, their tickets, and what was said on them."""
    ids: set[UUID] = set(subject.client_ids)
    for statement in (tickets_of(subject), messages_of(subject)):
        ids.update(await tx.scalars(statement))
    return sorted(map(str, ids))


@dataclass(frozen=True, kw_only=True)
class DeadLetters:
    """Events a service could not handle. They carry ids; why they failed is somebody's words.

    Of all services, and not of core-api alone: nobody else knows what the subject is called.
    """

    name: str = "dead_letters"
    label: str = "Eventos não processados que citam o titular (Redis)"
    action: StoreAction = StoreAction.ERASE
    ground: None = None

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """Letters in which a value of the subject's is found."""
        found = [await self._found(workshop, subject, name) for name in CONSUMERS]
        return sum(map(len, found))

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """All of them, at once. Killed in between, some may go uncounted."""
        count = 0
        for name in CONSUMERS:
            if found := await self._found(workshop, subject, name):
                count += int(await workshop.redis.xdel(dead_letters_of(name), *found))
        if not count:
            return 0
        async with workshop.database.transaction(subject.organization_id) as tx:
            await tally(tx, count)
        return count

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Looks again."""
        return await self.count(workshop, subject)

    async def _found(self, workshop: Workshop, subject: Subject, consumer: str) -> Sequence[Any]:
        found: list[Any] = []
        letters, start = dead_letters_of(consumer), "-"
        while page := await workshop.redis.xrange(letters, start, "+", count=_AT_ONCE):
            found += [entry for entry, fields in page if _is_about(subject, fields)]
            start = f"({as_text(page[-1][0])}"
        return found


def _is_about(subject: Subject, fields: Any) -> bool:
    said = b"\n".join(fields.values()).decode(errors="replace")
    return str(subject.organization_id) in said and subject.is_named_in(said)


def _names_client(subject: Subject) -> sa.ColumnElement[bool]:
    names = [
        sa.func.strpos(_OUTBOX.c.envelope, str(client_id)) > 0 for client_id in subject.client_ids
    ]
    return sa.or_(*names)


TRACE_STORES: Final[tuple[Store, ...]] = (
    KeptAnswers(),
    DeadLetters(),
    KeptRows(
        name="outbox",
        label="Eventos dos últimos dias (só identificadores; apagados em até 8 dias)",
        ground="Sem dados pessoais: identificadores e enumerações (LGPD, art. 6º, III)",
        table=_OUTBOX,
        where=_names_client,
    ),
)
