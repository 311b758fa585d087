"""A stream in OpenAI's shape while nothing comes: the line is kept open, and the client passes over
what keeps it so."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import openai
import pytest
from ai_svc_brain import thinking_through
from ai_svc_serving import served
from fastapi import FastAPI
from wire.openai_wire import OpenAIWire
from wire.replies import Stalls, says

from ai_svc.modules.compatible import hanging_up
from devstack.token_factory import TokenFactory

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("clean")]

BODY = {
    "model": "cogep-model",
    "stream": True,
    "messages": [{"role": "user", "content": "Como vai?"}],
}


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds are over at once."""
    monkeypatch.setattr(hanging_up, "HEARTBEAT_SECONDS", 0.05)


@pytest.fixture
async def wire(app: FastAPI) -> AsyncIterator[OpenAIWire]:
    async with OpenAIWire.open() as wire, thinking_through(app, {"openai": wire}):
        yield wire


async def test_silence_in_the_middle_is_a_comment(
    app: FastAPI, token_factory: TokenFactory, wire: OpenAIWire
) -> None:
    wire.then(says("Muito bem, obrigado.", stalls_after=1))
    said = ""

    async with served(app) as url, _asked(url, token_factory) as response, asyncio.timeout(10):
        async for line in response.aiter_lines():
            said += f"{line}\n"
            if line.startswith(": ") and "Muito" in said:
                wire.go_on()

    before, _, after = said.partition("Muito")
    assert "obrigado" not in before
    assert after.index(": ping") < after.index("obrigado") < after.index("[DONE]")


async def test_silence_before_the_first_word_does_not_keep_the_head_back(
    app: FastAPI, token_factory: TokenFactory, wire: OpenAIWire
) -> None:
    wire.then(Stalls())

    async with served(app) as url, _asked(url, token_factory) as response:
        assert response.status_code == 200
        async with asyncio.timeout(10):
            lines = response.aiter_lines()
            told = await anext(lines), await anext(lines), await anext(lines)

    assert told[0].startswith("data: ")  # who speaks, and not a word
    assert told[2] == ": ping"


async def test_the_official_client_hears_nothing_of_it(
    app: FastAPI, token_factory: TokenFactory, wire: OpenAIWire
) -> None:
    wire.then(says("Muito bem, obrigado.", stalls_after=1))
    said = ""
    async with served(app) as url:
        token = token_factory.token("ana")
        gpt = openai.AsyncOpenAI(api_key=token, base_url=f"{url}/api/v1/ai/v1", max_retries=0)
        stream = await gpt.chat.completions.create(**BODY)  # type: ignore[call-overload]  # a dict
        async for chunk in stream:
            said += chunk.choices[0].delta.content or ""
            if said:
                asyncio.get_running_loop().call_later(0.2, wire.go_on)
        await gpt.close()

    assert said == "Muito bem, obrigado."


@asynccontextmanager
async def _asked(url: str, tokens: TokenFactory) -> AsyncIterator[httpx.Response]:
    """A streaming POST, without the official client's parsing."""
    headers = {"Authorization": f"Bearer {tokens.token('ana')}"}
    path = "/api/v1/ai/v1/chat/completions"
    async with (
        httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False) as http,
        http.stream("POST", path, json=BODY) as response,
    ):
        yield response
