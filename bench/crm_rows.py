"""Rows of a service desk's first schema, for the benches of the CRM: deterministic and skewed.

A few clients ask all the time, most once; nearly everything old is closed; days are busier than
nights. Texts have a real text's word statistics. The columns are those of revision `crm_001`:
whoever wants today's schema lets the migrations run over them.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import accumulate
from typing import Any, Final
from uuid import UUID

from bench.crm_people import synthetic_clients
from bench.texts import Words

ATTENDANTS: Final = 30
YEARS: Final = 2
_EPOCH: Final = datetime(2026, 11, 1, 12, tzinfo=UTC)
_CHANNELS: Final = (("web", 40), ("email", 25), ("whatsapp", 20), ("phone", 13), ("api", 2))
_PRIORITIES: Final = (("normal", 70), ("low", 12), ("high", 14), ("urgent", 4))
_TAGS: Final = ("certidão", "iptu", "poda", "iluminação", "matrícula", "vacina", "buraco", "lixo")
_UNFINISHED: Final = (("open", 60), ("pending", 25), ("on_hold", 15))
_DECISIONS: Final = ("granted", "refused")

Row = tuple[Any, ...]
CLIENTS: Final = (
    "id organization_id kind name email phone document external_id tags created_at updated_at"
)
TICKETS: Final = (
    "id organization_id number client_id subject description priority channel status tags "
    "assignee_id created_by last_message_at resolved_at closed_at created_at updated_at"
)
MESSAGES: Final = "id organization_id ticket_id kind body author_id created_at"
CONSENTS: Final = (
    "id organization_id client_id purpose_id notice_version notice_sha256 locale decision channel "
    "decided_at recorded_by created_at"
)
AUDIT: Final = (
    "id organization_id occurred_at actor_id action subject_type subject_id changed related "
    "request_id"
)


@dataclass(frozen=True, slots=True)
class Desk:
    """One organization, and how much of everything it has."""

    organization_id: UUID
    members: Sequence[UUID]
    clients: int
    tickets: int
    purpose_id: UUID
    seed: int = 11


class DeskRows:
    """The rows of one desk. The same desk gives the same rows."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._dice = random.Random(desk.seed)
        self._words = Words(self._dice)
        self._bodies = [self._body() for _ in range(20_000)]
        self._subjects = [self._words.heading() for _ in range(20_000)]

    @cached_property
    def client_ids(self) -> list[UUID]:
        """In the order of registration."""
        begin, step = _EPOCH - timedelta(days=365 * YEARS + 30), timedelta(days=365 * YEARS)
        return [
            uuid7(begin + step * number / self.desk.clients, self._dice)
            for number in range(self.desk.clients)
        ]

    def clients(self) -> Iterator[Row]:
        """Columns `CLIENTS`."""
        people = synthetic_clients(self.desk.clients, seed=self.desk.seed)
        for client_id, person in zip(self.client_ids, people, strict=True):
            at = time_of(client_id)
            yield (
                *(client_id, self.desk.organization_id, person.kind, person.name),
                *(person.emails[0] if person.emails else None,),
                *(_national(person.phones[0]) if person.phones else None,),
                *(person.document, person.external_id, list(person.tags), at, at),
            )

    def tickets(self) -> Iterator[tuple[Row, list[Row]]]:
        """Columns `TICKETS` and, of each, its messages: columns `MESSAGES`."""
        shares = list(accumulate(1 / (rank + 40) for rank in range(self.desk.clients)))
        order = list(self.client_ids)
        self._dice.shuffle(order)
        busy = self._dice.choices(order, cum_weights=shares, k=self.desk.tickets)
        span = timedelta(days=365 * YEARS)
        for number, client_id in enumerate(busy, start=1):
            at = _EPOCH - span + span * number / self.desk.tickets
            yield self._ticket(number, client_id, at)

    def consents(self) -> Iterator[Row]:
        """Columns `CONSENTS`: every third client has decided."""
        for client_id in self.client_ids[::3]:
            at = time_of(client_id) + timedelta(minutes=5)
            yield (
                *(uuid7(at, self._dice), self.desk.organization_id, client_id),
                *(self.desk.purpose_id, 1, "0" * 64, "pt-BR"),
                *(self._dice.choice(_DECISIONS), "web", at, self.desk.members[0], at),
            )

    def audit(self, tickets: Sequence[tuple[UUID, datetime]]) -> Iterator[Row]:
        """Columns `AUDIT`: every client registered, every ticket opened."""
        for client_id in self.client_ids:
            yield self._event("client.created", client_id, time_of(client_id))
        for ticket_id, at in tickets:
            yield self._event("ticket.created", ticket_id, at)

    def _body(self) -> str:
        return " ".join(self._words.sentence() for _ in range(self._dice.randint(1, 5)))

    def _ticket(self, number: int, client_id: UUID, at: datetime) -> tuple[Row, list[Row]]:
        dice, desk = self._dice, self.desk
        ticket_id = uuid7(at, dice)
        # Nobody has taken it: half of yesterday's, hardly one that is older.
        waiting = dice.random() < (0.5 if at > _EPOCH - timedelta(days=1) else 0.002)
        assignee = None if waiting else dice.choice(desk.members)
        took = timedelta(hours=dice.lognormvariate(2.8, 1.2))
        finished = assignee is not None and at + took < _EPOCH and dice.random() < 0.985
        resolved_at = at + took if finished else None
        closed = resolved_at is not None and resolved_at < _EPOCH - timedelta(days=7)
        closed_at = resolved_at + timedelta(days=7) if closed and resolved_at else None
        status = "closed" if closed else "resolved" if finished else _drawn(_UNFINISHED, dice)
        messages = self._messages(ticket_id, at, took, assignee) if assignee else []
        last = messages[-1][-1] if messages else None
        ticket = (
            *(ticket_id, desk.organization_id, number, client_id),
            *(dice.choice(self._subjects), dice.choice(self._bodies)),
            *(_drawn(_PRIORITIES, dice), _drawn(_CHANNELS, dice), status),
            *([dice.choice(_TAGS)] if dice.random() < 0.6 else [], assignee, desk.members[0]),
            *(last, resolved_at, closed_at, at, closed_at or resolved_at or last or at),
        )
        return ticket, messages

    def _messages(self, ticket_id: UUID, at: datetime, took: timedelta, author: UUID) -> list[Row]:
        dice = self._dice
        rows = []
        for number in range(dice.choice((0, 1, 1, 2, 2, 3))):
            said_at = at + took * (number + 1) / 4
            kind = "client" if number == 1 else "note" if dice.random() < 0.2 else "reply"
            rows.append(
                (
                    *(uuid7(said_at, dice), self.desk.organization_id, ticket_id, kind),
                    *(dice.choice(self._bodies), None if kind == "client" else author, said_at),
                )
            )
        return rows

    def _event(self, action: str, subject_id: UUID, at: datetime) -> Row:
        return (
            *(uuid7(at, self._dice), self.desk.organization_id, at, self.desk.members[0], action),
            *(action.partition(".")[0], subject_id, [], "{}", f"bench-{subject_id}"),
        )


def uuid7(at: datetime, dice: random.Random) -> UUID:
    """An id as the product would have made it then."""
    milliseconds = int(at.timestamp() * 1000)
    chance = dice.getrandbits(74)
    high = milliseconds << 16 | 0x7000 | chance >> 62
    return UUID(int=high << 64 | 0x2 << 62 | chance & (1 << 62) - 1)


def time_of(made: UUID) -> datetime:
    """When an id of `uuid7` was made."""
    return datetime.fromtimestamp((made.int >> 80) / 1000, UTC)


def _national(phone: str) -> str:
    return phone.removeprefix("+55")


def _drawn(shares: Sequence[tuple[str, int]], dice: random.Random) -> str:
    point = dice.random() * 100
    for value, share in shares:
        point -= share
        if point < 0:
            return value
    return shares[0][0]
