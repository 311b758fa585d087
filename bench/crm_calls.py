"""What the bench of the service desk asks: each operation with hundreds of different arguments."""

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import asyncpg

from bench.crm_people import SyntheticClient, synthetic_clients
from bench.load import Request

_SAMPLE: Final = 300
_YEAR: Final = "since=2025-11-02&until=2026-11-01"
_TWO_YEARS: Final = "since=2024-11-02&until=2026-11-01"
_GROUPS: Final = ("day", "month", "team", "agent", "priority", "category")
_UNFINISHED: Final = """
SELECT id, number, subject FROM crm.tickets
WHERE organization_id = $1 AND status NOT IN ('resolved', 'closed') ORDER BY id DESC LIMIT 5000
"""
_CLIENTS: Final = "SELECT id FROM crm.clients WHERE organization_id = $1 LIMIT 20000"
_BUSY: Final = """
SELECT client_id FROM crm.tickets WHERE organization_id = $1
GROUP BY client_id ORDER BY count(*) DESC LIMIT 300
"""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """What there is to be asked for."""

    tickets: Sequence[UUID]
    numbers: Sequence[int]
    subjects: Sequence[str]
    clients: Sequence[UUID]
    busy: Sequence[UUID]
    """Who asks most."""
    people: Sequence[SyntheticClient]


async def draw(url: str, organization_id: UUID, clients: int, seed: int) -> Sample:
    """Unfinished tickets, any clients, and people as the desk with `seed` was filled with them."""
    dice = random.Random(1)
    connection = await asyncpg.connect(url)
    try:
        tickets = await connection.fetch(_UNFINISHED, organization_id)
        ids = [row["id"] for row in await connection.fetch(_CLIENTS, organization_id)]
        busy = [row["client_id"] for row in await connection.fetch(_BUSY, organization_id)]
    finally:
        await connection.close()
    tickets = dice.sample(tickets, min(_SAMPLE, len(tickets)))
    people = list(islice(synthetic_clients(clients, seed=seed), 10_000))
    return Sample(
        tickets=[row["id"] for row in tickets],
        numbers=[row["number"] for row in tickets],
        subjects=[row["subject"] for row in tickets],
        clients=dice.sample(ids, min(_SAMPLE, len(ids))),
        busy=dice.sample(busy, len(busy)),
        people=dice.sample(people, min(_SAMPLE, len(people))),
    )


class Calls:
    """The requests of each operation, by its name."""

    def __init__(self, token: str, sample: Sample) -> None:
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._sample = sample

    def reads(self) -> Mapping[str, list[Request]]:
        """What people do all day."""
        tickets, clients = self._sample.tickets, self._sample.clients
        return {
            "read a client": self._get("/clients/{}", clients),
            "read a ticket": self._get("/tickets/{}", tickets),
            "page of 50 tickets": self._get("/tickets?limit=50"),
            "page of 50 unfinished tickets": self._get("/tickets?limit=50&status=open&status=new"),
            "page of 50 clients": self._get("/clients?limit=50"),
            "timeline of a client with hundreds of tickets": self._get(
                "/clients/{}/timeline", self._sample.busy
            ),
            "messages of a ticket": self._get("/tickets/{}/messages", tickets),
        }

    def timeline(self) -> Mapping[str, list[Request]]:
        """Of any client."""
        return {"timeline of a client": self._get("/clients/{}/timeline", self._sample.clients)}

    def client_searches(self) -> Mapping[str, list[Request]]:
        """Each way in which somebody looks for a client."""
        people = self._sample.people
        names = [person.name for person in people]
        mails = [person.emails[0] for person in people if person.emails]
        phones = [person.phones[0] for person in people if person.phones]
        kinds = {
            "full name": names,
            "first name": [name.split()[0] for name in names],
            "beginning of a name": [name[:4] for name in names],
            "inside a word": [_longest(name)[1:-1] for name in names if len(_longest(name)) > 5],
            "misspelt": [_misspelt(_longest(name)) for name in names if len(_longest(name)) > 5],
            "phone part": [phone[-8:] for phone in phones],
            "e-mail": mails,
            "part of an e-mail": [mail.partition("@")[0] for mail in mails],
            "document": [person.document for person in people if person.document],
        }
        return {
            f"find a client by {kind}": self._get("/clients/search?q={}", values)
            for kind, values in kinds.items()
        }

    def ticket_searches(self) -> Mapping[str, list[Request]]:
        """Each way in which somebody looks for a ticket."""
        subjects, people = self._sample.subjects, self._sample.people
        words = [_longest(subject) for subject in subjects]
        kinds = {
            "number": self._sample.numbers,
            "a word": words,
            "subject": subjects,
            "a word begun": [word[:-2] for word in words],
            "a misspelt word": [_misspelt(word) for word in words],
            "client's name": [person.name for person in people],
        }
        searches = {
            f"find a ticket by {kind}": self._get("/tickets/search?q={}", values)
            for kind, values in kinds.items()
        }
        unfinished = self._get("/tickets/search?q={}&status=open&status=pending", words)
        return {**searches, "find an unfinished ticket by a word": unfinished}

    def reports(self) -> Mapping[str, list[Request]]:
        """Over all there is."""
        of_period = {
            "volume by day": f"volume?{_TWO_YEARS}",
            "volume by day as CSV": f"volume/export?{_TWO_YEARS}",
            **{
                f"{title}{what}": f"{name}?{_TWO_YEARS}{by}"
                for title, name in (("times", "times"), ("service levels", "sla"))
                for what, by in (("", ""), *((f" by {one}", f"&by={one}") for one in _GROUPS))
            },
            "times by agent as CSV": f"times/export?{_TWO_YEARS}&by=agent",
            "times by agent, a year": f"times?{_YEAR}&by=agent",
            "service levels by category as CSV": f"sla/export?{_TWO_YEARS}&by=category",
            **{f"backlog by {one}": f"backlog?by={one}" for one in ("team", "agent", "category")},
            "backlog by team as CSV": "backlog/export?by=team",
        }
        return {
            f"report: {name}": self._get(f"/reports/{path}") for name, path in of_period.items()
        }

    def writes(self) -> Mapping[str, tuple[int, list[Request]]]:
        """With the status expected."""
        tickets, clients = self._sample.tickets, self._sample.clients
        new = [
            {"client_id": str(client), "subject": "Certidão atrasada", "description": "Não veio."}
            for client in clients
        ]
        note = {"kind": "note", "body": "Ligar amanhã."}
        return {
            "create a ticket": (201, [self._send("POST", "/tickets", body) for body in new]),
            "change a ticket": (
                200,
                [
                    self._send("PATCH", f"/tickets/{ticket}", {"subject": f"Assunto {number}"})
                    for number, ticket in enumerate(tickets)
                ],
            ),
            "add a message": (
                201,
                [self._send("POST", f"/tickets/{ticket}/messages", note) for ticket in tickets],
            ),
        }

    def bare(self) -> Mapping[str, list[Request]]:
        """What the yardstick is asked."""
        tickets = self._sample.tickets
        return {
            "read a ticket": [
                Request("GET", f"/tickets/{each}", self._headers) for each in tickets
            ],
            "page of 50 tickets": [Request("GET", "/tickets", self._headers)],
        }

    def _get(self, path: str, values: Iterable[object] = ("",)) -> list[Request]:
        texts = [quote(str(value)) for value in values]
        return [Request("GET", "/api/v1" + path.format(text), self._headers) for text in texts]

    def _send(self, method: str, path: str, body: dict[str, Any]) -> Request:
        headers = {**self._headers, "Content-Type": "application/json"}
        return Request(method, f"/api/v1{path}", headers, json.dumps(body))


def _longest(text: str) -> str:
    return max(text.split(), key=len)


def _misspelt(word: str) -> str:
    """Without the letter in its middle."""
    middle = len(word) // 2
    return word[:middle] + word[middle + 1 :]
