"""Nothing of what is asked or answered is in a log, an error or a span: kinds and counts are."""

import json
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest
import structlog
from ai_svc_brain import PROTOCOLS, Wires, answered, chain_of, thinking_through
from fastapi import FastAPI
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic_ai.exceptions import ModelAPIError
from wire.replies import Refuses, Reply, says
from wire.server import Asked, WireServer

from ai_svc.modules.providers import attempts

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("clean")]

SECRET: Final = "Ondina deve R$ 7.319,00"
REPLIES: Final[dict[str, Reply]] = {
    "answered": says(f"{SECRET} ao banco."),
    "refused": Refuses(400, code=SECRET),
    "broken": says(f"{SECRET} ao banco.", cut_after=3),
    "garbled": says(f"{SECRET} ao banco.", garbled_after=3),
    "failing": says(f"{SECRET} ao banco.", fails_after=3),
}


@pytest.fixture(params=PROTOCOLS)
async def wires(request: pytest.FixtureRequest) -> AsyncIterator[Wires]:
    """A provider of each protocol whose errors say again what it was sent."""
    protocol = _quoting(PROTOCOLS[request.param])
    async with protocol.open() as wire:
        yield {request.param: wire}


def _quoting(protocol: type[WireServer]) -> type[WireServer]:
    class Quoting(protocol):  # type: ignore[misc, valid-type]  # which one is known at run time
        def refusal(self, status: int, code: str | None) -> Any:
            said = super().refusal(status, code)
            said["error"]["message"] = f"invalid prompt: {SECRET}"
            return said

    return Quoting


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(attempts, "_TRACER", provider.get_tracer("test"))
    yield exporter
    provider.shutdown()


@pytest.mark.parametrize("streaming", [False, True])
@pytest.mark.parametrize("what", REPLIES)
async def test_nothing_that_is_said_is_written_anywhere(
    app: FastAPI,
    wires: Wires,
    what: str,
    streaming: bool,
    spans: InMemorySpanExporter,
    caplog: pytest.LogCaptureFixture,
) -> None:
    next(iter(wires.values())).then(REPLIES[what])
    error: BaseException | None = None

    with caplog.at_level(logging.INFO), structlog.testing.capture_logs() as lines:
        async with thinking_through(app, wires) as brain:
            chain = await chain_of(brain)
            try:
                await answered(chain, streaming=streaming, text=f"{SECRET}, certo?")
            except ModelAPIError as raised:
                error = raised

    written = json.dumps(lines, default=str) + caplog.text + str(error)
    finished = spans.get_finished_spans()
    written += "".join(span.to_json() for span in finished)
    for word in ("Ondina", "7.319", "banco", "key-of"):
        assert word not in written
    (span,) = finished
    assert span.attributes is not None
    assert set(span.attributes) == {"provider", "result", "input_tokens", "output_tokens"}
    if what == "answered":
        assert (span.attributes["input_tokens"], span.attributes["output_tokens"]) == (100, 20)


async def test_a_model_that_is_scripted_sees_what_is_sent(app: FastAPI, wires: Wires) -> None:
    def reply(asked: Asked) -> Reply:
        return says("Vi." if SECRET in asked.text else "Nada vi.")

    next(iter(wires.values())).always(reply)
    async with thinking_through(app, wires) as brain:
        assert await answered(await chain_of(brain), streaming=False, text=SECRET) == "Vi."
