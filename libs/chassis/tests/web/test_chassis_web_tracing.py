"""Spans of one request, as a collector receives them over HTTP."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import httpx
import opentelemetry.trace
import pytest
from chassis_web_sample import sample_app, sample_settings, started
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.util._once import Once

from devstack.testing import DatabaseUrls
from devstack.token_factory import TokenFactory

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = "b7ad6b7169203331"


class Collector:
    """Understands as much of OTLP over HTTP as the exporter speaks."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Takes one export."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("content-encoding") == "gzip":
            body = gzip.decompress(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                self.spans.extend(scope.spans)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def spans(
    database_urls: DatabaseUrls,
    redis_url: str,
    token_factory: TokenFactory,
    web: httpx.AsyncClient,
    key_server_url: str,
    ana: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[list[Span]]:
    """What a traced service exports for one request of each kind."""
    # The global provider can be set once per process; this process goes on without tracing.
    monkeypatch.setattr(opentelemetry.trace, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(opentelemetry.trace, "_TRACER_PROVIDER_SET_ONCE", Once())
    collector = Collector()
    server = await asyncio.start_server(collector.serve, "127.0.0.1", 0)
    settings = sample_settings(
        database_urls,
        redis_url,
        token_factory,
        key_server_url,
        otel_exporter_otlp_endpoint=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
    )
    headers = ana | {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    note = "/api/v1/notes/0192a000-0000-7000-8000-000000000001"
    async with started(sample_app(settings)) as client:
        for path in (note, f"{note}/quickly", "/health"):
            await client.get(path, headers=headers)
    yield collector.spans
    server.close()
    await server.wait_closed()


async def test_request_is_one_trace_from_the_caller_to_the_database(spans: list[Span]) -> None:
    mine = [span for span in spans if span.trace_id.hex() == TRACE]
    servers = [span for span in mine if span.kind == Span.SPAN_KIND_SERVER]
    assert sorted(span.name for span in servers) == [
        "GET /api/v1/notes/{note_id}",
        "GET /api/v1/notes/{note_id}/quickly",
    ]
    assert {span.parent_span_id.hex() for span in servers} == {CALLER}
    for server in servers:
        below = [span for span in mine if span.parent_span_id == server.span_id]
        assert any("SELECT" in span.name for span in below), server.name
        assert any("EVALSHA" in span.name or "redis" in str(span) for span in below), server.name


async def test_spans_hold_no_parameters(spans: list[Span]) -> None:
    statements = [str(span) for span in spans if "SELECT" in span.name]
    assert statements
    assert not any("0192a000-0000-7000-8000-000000000001" in text for text in statements)
