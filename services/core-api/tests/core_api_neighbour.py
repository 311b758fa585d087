"""What answers in the place of ai-svc when core-api asks it over the internal contract."""

import json
from collections.abc import Callable
from typing import Any

import httpx
from pydantic import SecretStr

from chassis.http.circuit_breaker import CircuitBreaker
from chassis.http.service_client import ServiceClient

Answer = Callable[[dict[str, Any]], httpx.Response]
"""From the body of a question to the answer."""
SUBJECT_DATA = "/internal/v1/privacy/subject-data"
ERASURE_PREVIEW = "/internal/v1/privacy/erasure-preview"
_NOTHING: dict[str, dict[str, Any]] = {
    SUBJECT_DATA: {"service": "ai-svc", "sections": [], "next_cursor": None},
    ERASURE_PREVIEW: {"service": "ai-svc", "stores": []},
}


def answered(data: Any) -> httpx.Response:
    """As our services answer."""
    return httpx.Response(200, json={"status": "success", "data": data})


class Neighbour:
    """Remembers what it was asked. A test says what it answers to a path."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self._answers: dict[str, Answer] = {}

    def forget(self) -> None:
        """As at the beginning of a test."""
        self.asked.clear()
        self._answers.clear()

    def answers(self, path: str, answer: Answer) -> None:
        """From now on."""
        self._answers[path] = answer

    def is_down(self, path: str) -> None:
        """Answers 503 from now on."""
        self._answers[path] = lambda _: httpx.Response(503)

    def client(self) -> ServiceClient:
        """Asks this one. Its breaker never opens: a test would find it open after another's."""
        return ServiceClient(
            target="ai-svc",
            base_url="http://ai-svc.test",
            source="core-api",
            key=SecretStr("internal-key-of-core-api"),
            transport=httpx.MockTransport(self._answer),
            breaker=CircuitBreaker("ai-svc", threshold=1_000_000),
            first_pause_seconds=0,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        path, body = request.url.path, json.loads(request.content or b"null")
        self.asked.append((path, body))
        if path in self._answers:
            return self._answers[path](body)
        return answered(_NOTHING[path]) if path in _NOTHING else httpx.Response(404)
