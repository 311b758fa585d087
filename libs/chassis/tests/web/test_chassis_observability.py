"""Logs that can be searched and hold no secret; traces that cross services."""

import asyncio
import gzip
import json
import logging

import httpx
import pytest
import sentry_sdk
import structlog
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from pydantic import SecretStr

from chassis.observability.logging import configure_logging
from chassis.observability.sentry import configure_sentry, report
from chassis.observability.tracing import configure_tracing, continued, current_traceparent
from chassis.settings import Environment, ServiceSettings

SETTINGS = ServiceSettings(environment=Environment.TEST, version="1.2.3")


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_both_kinds_of_loggers_write_the_same_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(SETTINGS, service="sample-svc")
    with structlog.contextvars.bound_contextvars(request_id="correlation-5"):
        structlog.get_logger("ours").info("happened", count=3)
        logging.getLogger("theirs").warning("something %s", "odd")
    ours, theirs = _lines(capsys)
    assert (ours["event"], ours["count"], ours["level"]) == ("happened", 3, "info")
    assert (theirs["event"], theirs["level"]) == ("something odd", "warning")
    for line in (ours, theirs):
        assert line["request_id"] == "correlation-5"
        assert line["service"] == "sample-svc"
        assert str(line["timestamp"]).endswith("Z")


def test_exception_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(SETTINGS, service="sample-svc")
    structlog.get_logger().error("failed", exc_info=ZeroDivisionError("oops"))
    [line] = _lines(capsys)
    assert "ZeroDivisionError: oops" in str(line["exception"])


@pytest.mark.parametrize(
    "name", ["token", "password", "Authorization", "X-Internal-Key", "api_key"]
)
def test_fields_that_hold_secrets_are_hidden(capsys: pytest.CaptureFixture[str], name: str) -> None:
    configure_logging(SETTINGS, service="sample-svc")
    structlog.get_logger().info("leak", **{name: "very-secret"})
    assert "very-secret" not in capsys.readouterr().out


def test_level_is_respected(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(SETTINGS, service="sample-svc")
    structlog.get_logger().debug("too much")
    logging.getLogger("theirs").debug("too much")
    logging.getLogger("httpx").info("GET http://x/?q=name")
    assert capsys.readouterr().out == ""


def test_without_an_endpoint_nothing_is_traced() -> None:
    assert configure_tracing(SETTINGS, service="sample-svc") is None
    assert current_traceparent() is None


def test_trace_continues_from_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = TracerProvider()
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    cause = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with continued(cause, "handle ticket.created"):
        traceparent = current_traceparent()
    assert traceparent is not None
    assert traceparent.split("-")[1] == "0af7651916cd43dd8448eb211c80319c"
    assert traceparent.split("-")[2] != "b7ad6b7169203331"
    with continued(None, "handle"):
        fresh = current_traceparent()
    assert fresh is not None
    assert "0af7651916cd43dd8448eb211c80319c" not in fresh


def test_reporting_without_sentry_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[BaseException] = []
    monkeypatch.setattr("sentry_sdk.capture_exception", sent.append)
    configure_sentry(SETTINGS, service="sample-svc")
    report(ZeroDivisionError())
    assert not sentry_sdk.is_initialized()
    assert sent == []


async def test_bug_is_reported_once(
    web: httpx.AsyncClient, ana: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[BaseException] = []
    monkeypatch.setattr("chassis.web.error_handlers.report", reported.append)
    await web.post("/api/v1/failures/bug", headers=ana)
    await web.post("/api/v1/failures/domain", headers=ana)
    assert [type(error) for error in reported] == [ZeroDivisionError]


async def test_report_holds_the_stack_and_nothing_of_people() -> None:
    received = asyncio.Event()
    envelopes: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        envelopes.append(gzip.decompress(body) if "gzip" in head else body)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()
        received.set()

    server = await asyncio.start_server(take, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = ServiceSettings(sentry_dsn=SecretStr(f"http://key@127.0.0.1:{port}/1"), version="7")
    configure_sentry(settings, service="sample-svc")
    document = "-".join(map(str, [529, 982, 247]))  # no literal: source lines are sent
    try:
        _fail_with(document)
    except ZeroDivisionError as error:
        report(error)
    await asyncio.wait_for(received.wait(), 10)
    await asyncio.to_thread(sentry_sdk.get_client().close, 1)
    sentry_sdk.get_global_scope().set_client(None)
    server.close()
    await server.wait_closed()
    [envelope] = [text.decode() for text in envelopes if b"ZeroDivisionError" in text]
    assert "_fail_with" in envelope
    assert '"release":"sample-svc@7"' in envelope
    assert document not in envelope


def _fail_with(document: str) -> float:
    return len(document) / 0
