"""What was accepted, so that a test can say afterwards that nothing was lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx


@dataclass
class Ledger:
    """Ids of acknowledged writes, and the failures a caller saw meanwhile."""

    accepted: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    unanswered: int = 0


@asynccontextmanager
async def tickets_under_load(
    client: httpx.AsyncClient, client_id: str, *, callers: int = 4, most: int = 2000
) -> AsyncIterator[Ledger]:
    """Opens tickets as long as the block lasts, at most `most`; each 201 goes into the ledger."""
    ledger = Ledger()
    stop = asyncio.Event()

    async def call() -> None:
        while not stop.is_set() and len(ledger.accepted) < most:
            await _open_ticket(client, client_id, ledger)
            await asyncio.sleep(0.01)

    tasks = [asyncio.create_task(call()) for _ in range(callers)]
    try:
        yield ledger
    finally:
        stop.set()
        await asyncio.gather(*tasks)


async def _open_ticket(client: httpx.AsyncClient, client_id: str, ledger: Ledger) -> None:
    body = {
        "client_id": client_id,
        "subject": "Sem conexão",
        "description": "A internet caiu de novo.",
        "priority": "normal",
        "channel": "web",
    }
    try:
        response = await client.post("/api/v1/tickets", json=body)
    except httpx.HTTPError:
        ledger.unanswered += 1
        return
    if response.status_code == 201:
        ledger.accepted.append(response.json()["data"]["id"])
    else:
        ledger.refused.append(response.status_code)
