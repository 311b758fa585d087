"""An answer through the real gateway while it is written: unbuffered, and hanging up is felt."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any, Final

import pytest
from system_event_stream import Event, events
from system_stack import eventually, running_stack
from wire.openai_wire import OpenAIWire
from wire.replies import says

pytestmark = pytest.mark.stack

TEXT = "As férias são de 30 dias corridos por ano."
REPLY = {
    "found": True,
    "answer": "São 30 dias. [1]",
    "citations": [{"passage": 1, "quote": TEXT}],
}
QUESTION = {"question": "Quantos dias de férias?", "stream": True}
HALF: Final = 5
"""Words of the reply after which it is in the middle of the answer."""


@pytest.fixture
async def provider() -> AsyncIterator[OpenAIWire]:
    """Says the first half, and the second when it may."""
    async with OpenAIWire.open() as wire:
        yield wire.always(says(json.dumps(REPLY), stalls_after=HALF))


async def test_answer_comes_through_while_it_is_written(provider: OpenAIWire) -> None:
    environment: dict[str, Any] = {
        "LLM_PROVIDER": "openai",
        "LLM_MODEL": "wire-model",
        "OPENAI_API_KEY": "test",
        "OPENAI_BASE_URL": provider.url,
    }
    starting = running_stack(**environment)
    stack = await asyncio.to_thread(starting.__enter__)
    try:
        async with await stack.client("ana") as ana:
            body = {"title": "Férias", "text": TEXT}
            submitted = await ana.post("/api/v1/rag/documents", json=body)
            path = f"/api/v1/rag/documents/{submitted.json()['data']['id']}"

            async def indexed() -> bool:
                return bool((await ana.get(path)).json()["data"]["status"] == "indexed")

            await eventually(indexed)

            async with asyncio.timeout(30):
                async with ana.stream("POST", "/api/v1/rag/ask", json=QUESTION) as response:
                    async for event in events(response):
                        if event.name == "delta":
                            break
                await provider.left.wait()

                async with ana.stream("POST", "/api/v1/rag/ask", json=QUESTION) as response:
                    assert response.headers["content-type"].startswith("text/event-stream")
                    seen: list[Event] = []
                    async for event in events(response):
                        seen.append(event)
                        if event.name == "delta":
                            provider.go_on()  # it came before the provider had finished
    finally:
        await asyncio.to_thread(starting.__exit__, None, None, None)

    assert seen[0].name == "passages"
    assert (seen[-1].name, seen[-1].data["model"]) == ("done", "wire-model")
    assert seen[-1].data["answer"] == REPLY["answer"]
    assert [source["quote"] for source in seen[-1].data["sources"]] == [TEXT]
