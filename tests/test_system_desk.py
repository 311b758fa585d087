"""What only time, a scanner or other people decide, through the real gateway: tokens and links that
end, files that are infected, tickets that find somebody by themselves."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from core_api_clamd import EICAR, Clamd
from joserfc import jwt
from system_stack import Stack, eventually, running_stack
from test_system_live import listening, make_ticket

from devstack.oidc.keys import SigningKeys

pytestmark = pytest.mark.stack

PDF = b"%PDF-1.7\n%%EOF\n"


class Scanner:
    """clamd in a thread of its own: it has to be there before the system starts."""

    def __init__(self) -> None:
        self.clamd = Clamd()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def start(self) -> None:
        """Listens."""
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.clamd.start(), self._loop).result(10)

    def stop(self) -> None:
        """Nobody answers at its port any more."""
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self.clamd.stop(), self._loop).result(10)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(10)
            self._loop.close()


@pytest.fixture(scope="module")
def scanner() -> Iterator[Scanner]:
    scanner = Scanner()
    scanner.start()
    yield scanner
    scanner.stop()


@pytest.fixture(scope="module")
def desk(scanner: Scanner) -> Iterator[Stack]:
    """A system with a scanner, links of two seconds, and no leeway for tokens."""
    with running_stack(
        CLAMD_URL=scanner.clamd.url,
        ATTACHMENT_CLAMD_TIMEOUT="PT2S",
        ATTACHMENT_LINK_LASTS="PT2S",
        OIDC_LEEWAY_SECONDS="0",
    ) as running:
        yield running


@pytest.fixture(scope="module")
async def ana(desk: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await desk.client("ana") as client:
        yield client


@pytest.fixture(scope="module")
async def bruno(desk: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await desk.client("bruno") as client:
        yield client


async def _made(client: httpx.AsyncClient, method: str, path: str, json: Any) -> dict[str, Any]:
    answer = await client.request(method, f"/api/v1{path}", json=json)
    assert answer.status_code in {200, 201}, answer.text
    made: dict[str, Any] = answer.json()["data"]
    return made


async def _attach(client: httpx.AsyncClient, ticket: dict[str, Any], raw: bytes) -> httpx.Response:
    path = f"/api/v1/tickets/{ticket['id']}/attachments"
    return await client.post(path, files={"file": ("laudo.pdf", raw)})


async def test_the_stream_ends_with_the_token(desk: Stack, ana: httpx.AsyncClient) -> None:
    keys = SigningKeys(desk.settings.state / "oidc", token_lifetime=timedelta(minutes=15))
    key = keys.current()
    known = jwt.decode(await desk.token("ana"), key)
    header: dict[str, Any] = {**known.header}
    ends_at = int(time.time()) + 3
    short = jwt.encode(header, {**known.claims, "exp": ends_at, "jti": str(uuid4())}, key)

    async with (
        httpx.AsyncClient(
            base_url=desk.url, headers={"Authorization": f"Bearer {short}"}, trust_env=False
        ) as brief,
        listening(brief) as line,
    ):
        await line.until("ready")
        ticket = await make_ticket(ana, "Antes do fim")
        heard = await line.until("ticket.created")
        last = await line.until("expired")
        ended_at = time.time()
        assert await line.rest() == []
        refused = await brief.get("/api/v1/stream", headers={"last-event-id": str(last["id"])})

    assert heard["payload"]["ticket_id"] == ticket["id"]
    assert ends_at <= ended_at < ends_at + 3
    assert (refused.status_code, refused.json()["code"]) == (401, "UNAUTHENTICATED")


async def test_a_link_ends(ana: httpx.AsyncClient) -> None:
    ticket = await make_ticket(ana, "Laudo")
    made = (await _attach(ana, ticket, PDF)).json()["data"]
    path = f"/tickets/{ticket['id']}/attachments/{made['id']}/link"
    url = (await _made(ana, "POST", path, None))["url"]
    async with httpx.AsyncClient(base_url=str(ana.base_url), trust_env=False) as stranger:
        first = await stranger.get(url)

        async def over() -> httpx.Response | None:
            answer = await stranger.get(url)
            return answer if answer.status_code != 200 else None

        late = await eventually(over, seconds=6)

    assert (first.status_code, first.content) == (200, PDF)
    assert (late.status_code, late.json()["code"]) == (401, "DOWNLOAD_LINK_INVALID")
    assert "Abra o chamado" in late.json()["message"]


async def test_least_loaded_and_skilled_people_get_the_tickets(
    ana: httpx.AsyncClient, bruno: httpx.AsyncClient
) -> None:
    people = {
        name: (await client.get("/api/v1/me")).json()["data"]["id"]
        for name, client in (("ana", ana), ("bruno", bruno))
    }
    team = await _made(ana, "POST", "/teams", {"name": "Obras", "mode": "least_loaded"})
    for member_id in people.values():
        await _made(ana, "PUT", f"/teams/{team['id']}/members/{member_id}", {"capacity": 3})
    await _made(ana, "POST", "/skill-rules", {"tag": "libras", "skills": ["libras"]})
    client = await _made(ana, "POST", "/clients", {"kind": "person", "name": "Rui Prado"})

    async def opened(*tags: str) -> str | None:
        given = {
            "client_id": client["id"],
            "subject": "Calçada quebrada",
            "description": "Em frente ao 12.",
            "team_id": team["id"],
            "tags": list(tags),
        }
        ticket = await _made(ana, "POST", "/tickets", given)
        assignee_id: str | None = ticket["assignee_id"]
        return assignee_id

    nobody_knows = await opened("libras")
    path = f"/attendants/{people['bruno']}/skills"
    await _made(ana, "PUT", path, {"skills": ["libras"]})
    waited = (await ana.get("/api/v1/tickets", params={"tag": "libras"})).json()["data"]
    ordinary = [await opened() for _ in range(3)]
    skilled = await opened("libras")
    full = [await opened() for _ in range(2)]

    assert nobody_knows is None
    assert [ticket["assignee_id"] for ticket in waited] == [people["bruno"]]
    assert ordinary[0] == people["ana"], "bruno has one already"
    assert sorted(map(str, ordinary)) == sorted([people["ana"], people["ana"], people["bruno"]])
    assert skilled == people["bruno"]
    assert full == [people["ana"], None]


async def test_what_the_scanner_says_counts(ana: httpx.AsyncClient, scanner: Scanner) -> None:
    ticket = await make_ticket(ana, "Vírus")

    clean = await _attach(ana, ticket, PDF)
    infected = await _attach(ana, ticket, PDF + EICAR)
    scanner.stop()
    down = await _attach(ana, ticket, PDF)
    listed = await ana.get(f"/api/v1/tickets/{ticket['id']}/attachments")

    assert (clean.status_code, clean.json()["data"]["scan"]) == (201, "clean")
    assert (infected.status_code, infected.json()["code"]) == (422, "ATTACHMENT_INFECTED")
    assert (down.status_code, down.json()["code"]) == (503, "ATTACHMENT_SCANNER_UNAVAILABLE")
    assert int(down.headers["retry-after"]) > 0
    assert [each["id"] for each in listed.json()["data"]] == [clean.json()["data"]["id"]]
