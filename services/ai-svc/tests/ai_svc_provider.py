"""A provider behind the OpenAI protocol, played at the wire."""

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
from fastapi import FastAPI
from openai import AsyncOpenAI

from ai_svc.modules.rag.dependencies import Answerers
from ai_svc.modules.rag.provider import ProviderModel
from knowledge.recipients import OPENAI, Recipient


@dataclass
class Provider:
    """Answers every chat completion with `reply`, and keeps what it was asked."""

    reply: Callable[[httpx2.Request], httpx2.Response]
    asked: list[dict[str, Any]] = field(default_factory=list)

    async def handle(self, request: httpx2.Request) -> httpx2.Response:
        """At the wire."""
        self.asked.append(json.loads(request.content))
        answer = self.reply(request)
        if answer.extensions.get("stall"):
            await asyncio.Event().wait()
        return answer


def completion(content: str) -> Callable[[httpx2.Request], httpx2.Response]:
    """What a provider of the protocol sends."""
    body = {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "wire-model",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": content},
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120},
    }
    return lambda _: httpx2.Response(200, json=body)


def says(answer: str, *citations: tuple[int, str], found: bool = True) -> str:
    """The JSON the prompt asks for."""
    quoted = [{"passage": passage, "quote": quote} for passage, quote in citations]
    return json.dumps({"found": found, "answer": answer, "citations": quoted})


@contextmanager
def answering_through(app: FastAPI, recipient: Recipient = OPENAI) -> Iterator[Provider]:
    """The service answers through this provider meanwhile."""
    provider = Provider(completion(says("")))
    client = AsyncOpenAI(
        api_key="test",
        base_url="http://llm.test/v1",
        max_retries=0,
        http_client=httpx2.AsyncClient(transport=httpx2.MockTransport(provider.handle)),
    )
    before: Answerers = app.state.answerers
    model = ProviderModel(client, "wire-model", time_limit=0.5, recipient=recipient)
    app.state.answerers = Answerers(first=model)
    try:
        yield provider
    finally:
        app.state.answerers = before
