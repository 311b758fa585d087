"""Server-sent events as they come through the gateway."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx


@dataclass(frozen=True)
class Event:
    """One of them; `id` is empty where it has none."""

    id: str
    name: str
    data: Any


async def events(response: httpx.Response) -> AsyncIterator[Event]:
    """Each as it comes, until the stream ends; comments are passed over."""
    fields: dict[str, str] = {}
    async for line in response.aiter_lines():
        field, _, value = line.partition(": ")
        fields[field] = value
        if not line and "data" in fields:
            yield Event(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
        if not line:
            fields = {}


async def hear(
    http: httpx.AsyncClient, method: str, path: str, heard: list[Event], **options: Any
) -> None:
    """Adds what is told below /api/v1, as it is told, until the connection ends."""
    headers = {"accept": "text/event-stream", **options.pop("headers", {})}
    async with http.stream(method, f"/api/v1{path}", headers=headers, **options) as response:
        assert response.status_code == 200, await response.aread()
        async for event in events(response):
            heard.append(event)  # noqa: PERF401 - one by one: somebody looks on
