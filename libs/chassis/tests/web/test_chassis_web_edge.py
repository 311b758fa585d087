"""What every request gets: an id, headers, a log line, a place in the metrics; and that streams
flow."""

import asyncio
import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
import structlog
import uvicorn
from chassis_web_sample import STREAM_GATE, sample_app, sample_settings, started
from fastapi import FastAPI
from prometheus_client import REGISTRY

from chassis.settings import Environment, ServiceAppSettings
from devstack.testing import DatabaseUrls
from devstack.token_factory import TokenFactory

NOTES = "/api/v1/notes"
NOTE = "0192a000-0000-7000-8000-0000000000aa"


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """The app behind a real server on a free port."""
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="on")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve(None))
    while not server.started:
        await asyncio.sleep(0.005)
        assert not serving.done(), "the service did not start"
    host, port = server.servers[0].sockets[0].getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await serving


@asynccontextmanager
async def sending(
    url: str, method: str, path: str, *, length: int
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection on which the head of a request was sent, and nothing of its body."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = f"{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n"
    writer.write(f"{head}Content-Type: application/json\r\n\r\n".encode())
    try:
        yield reader, writer
    finally:
        writer.close()


@pytest.mark.parametrize(
    "given", ["0192a000-0000-7000-8000-0000000000ff", "trace:abc.1_2-3", "a" * 128]
)
async def test_acceptable_request_id_is_kept(web: httpx.AsyncClient, given: str) -> None:
    answer = await web.get("/health", headers={"x-request-id": given})
    assert answer.headers["x-request-id"] == given


@pytest.mark.parametrize(
    "given", ["", "short", "a" * 129, "with space", "quote\"'--", "ação-longa", "-" * 20]
)
async def test_other_request_ids_are_replaced(web: httpx.AsyncClient, given: str) -> None:
    answer = await web.get("/health", headers=[(b"x-request-id", given.encode())])
    assert answer.headers["x-request-id"] not in {given, ""}
    assert len(answer.headers["x-request-id"]) == 36


@pytest.mark.parametrize(
    ("path", "status"),
    [("/health", 200), ("/nowhere", 404), (NOTES, 401), ("/api/v1/notes/%00", 422)],
)
async def test_every_answer_has_an_id_and_the_security_headers(
    web: httpx.AsyncClient, path: str, status: int
) -> None:
    answer = await web.get(path)
    assert answer.status_code == status
    assert answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["permissions-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "strict-transport-security" not in answer.headers


async def test_error_500_has_an_id_and_headers_too(
    web: httpx.AsyncClient, ana: dict[str, str]
) -> None:
    headers = ana | {"x-request-id": "correlation-1"}
    answer = await web.post("/api/v1/failures/bug", headers=headers)
    assert answer.status_code == 500
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "correlation-1"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_production_tells_browsers_to_stay_on_tls(
    database_urls: DatabaseUrls, redis_url: str, token_factory: TokenFactory, web: httpx.AsyncClient
) -> None:
    settings = sample_settings(
        database_urls,
        redis_url,
        token_factory,
        "http://127.0.0.1:1",
        environment=Environment.PRODUCTION,
    )
    async with started(sample_app(settings)) as client:
        answer = await client.get("/health")
    assert answer.headers["strict-transport-security"].startswith("max-age=")


async def test_page_for_people_loads_from_us_alone(web: httpx.AsyncClient) -> None:
    page = await web.get("/api/docs")
    assert page.status_code == 200
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert {"/api/docs/swagger-ui-bundle.js", "/api/docs/swagger-ui.css"} < set(loaded)
    for address in loaded:
        assert (await web.get(address)).status_code == 200, address
    policy = page.headers["content-security-policy"]
    assert "http" not in policy
    [inline] = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
    assert f"script-src 'self' 'sha256-{digest}'" in policy


@pytest.mark.parametrize(
    ("path", "logged", "ids"),
    [
        (f"{NOTES}/{NOTE}", f"{NOTES}/{{note_id}}", {"note_id": NOTE}),
        (f"{NOTES}/joao.silva@example.com", f"{NOTES}/{{note_id}}", {}),
        (f"{NOTES}/529.982.247-25/secrets", "unmatched", {}),
    ],
)
async def test_the_log_line_keeps_ids_of_a_path_and_nothing_else_the_caller_wrote(
    web: httpx.AsyncClient, ana: dict[str, str], path: str, logged: str, ids: dict[str, str]
) -> None:
    with structlog.testing.capture_logs() as logs:
        await web.get(path, headers=ana)
    [line] = [entry for entry in logs if entry["event"] == "request"]
    assert (line["path"], line.get("path_params", {})) == (logged, ids)
    assert "joao" not in repr(logs)
    assert "529" not in line["path"]


async def test_one_log_line_per_request_with_ids_and_without_the_query(
    web: httpx.AsyncClient, ana: dict[str, str], token_factory: TokenFactory
) -> None:
    headers = ana | {"x-request-id": "correlation-2"}
    with structlog.testing.capture_logs(
        processors=[structlog.contextvars.merge_contextvars]
    ) as logs:
        await web.get("/api/v1/search", params={"q": "529.982.247-25"}, headers=headers)
    [line] = [entry for entry in logs if entry["event"] == "request"]
    assert line["request_id"] == "correlation-2"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/search", 200)
    assert line["user_id"] == token_factory.claims("ana")["sub"]
    assert line.pop("duration_ms") > 0  # random digits
    assert "529" not in repr(logs)
    assert ana["authorization"].split()[1] not in repr(logs)


async def test_request_id_does_not_outlive_its_request(web: httpx.AsyncClient) -> None:
    await web.get("/health", headers={"x-request-id": "correlation-3"})
    assert "request_id" not in structlog.contextvars.get_contextvars()


def _count(method: str, path: str, status: int) -> float:
    labels = {"method": method, "path": path, "status": str(status)}
    return REGISTRY.get_sample_value("http_requests_total", labels) or 0.0


async def test_metrics_are_labelled_with_the_route_template(
    web: httpx.AsyncClient, ana: dict[str, str]
) -> None:
    before = _count("GET", "/api/v1/notes/{note_id}", 404)
    for number in range(3):
        await web.get(f"{NOTES}/0192a000-0000-7000-8000-00000000000{number}", headers=ana)
    assert _count("GET", "/api/v1/notes/{note_id}", 404) == before + 3


async def test_unmatched_paths_and_odd_methods_share_one_label(web: httpx.AsyncClient) -> None:
    before = _count("OTHER", "unmatched", 404)
    for number in range(3):
        await web.request(f"BREW{number}", f"/coffee/{number}")
    assert _count("OTHER", "unmatched", 404) == before + 3
    text = (await web.get("/metrics")).text
    assert "coffee" not in text
    assert "BREW" not in text


async def test_routes_of_the_house_have_their_own_label(web: httpx.AsyncClient) -> None:
    before = _count("GET", "/health", 200)
    with structlog.testing.capture_logs() as logs:
        await web.get("/health")
    assert _count("GET", "/health", 200) == before + 1
    assert [entry["log_level"] for entry in logs] == ["debug"], "asked every few seconds"


async def test_requests_in_flight_return_to_zero(web: httpx.AsyncClient) -> None:
    await asyncio.gather(*(web.get("/health") for _ in range(10)))
    assert REGISTRY.get_sample_value("http_requests_active") == 0


async def test_alias_without_version_is_the_same_route(
    web: httpx.AsyncClient, ana: dict[str, str]
) -> None:
    before = _count("GET", "/api/v1/search", 200)
    answer = await web.get("/api/search", params={"q": "x"}, headers=ana)
    assert answer.json()["data"] == "x"
    assert _count("GET", "/api/v1/search", 200) == before + 1


async def test_events_leave_as_they_happen(
    web_settings: ServiceAppSettings, ana: dict[str, str]
) -> None:
    STREAM_GATE.clear()
    async with (
        served(sample_app(web_settings)) as url,
        httpx.AsyncClient(timeout=5) as client,
        client.stream("GET", f"{url}/api/v1/stream", headers=ana) as answer,
    ):
        pieces = answer.aiter_text()
        first = await anext(pieces)
        assert answer.headers["x-request-id"] in first
        STREAM_GATE.set()  # the second event waits for us to have seen the first
        assert "end" in await anext(pieces)


async def test_stream_that_fails_is_cut_not_ended(
    web_settings: ServiceAppSettings, ana: dict[str, str]
) -> None:
    async with served(sample_app(web_settings)) as url, httpx.AsyncClient(timeout=5) as client:
        with pytest.raises(httpx.RemoteProtocolError):
            await client.get(f"{url}/api/v1/stream/broken", headers=ana)
        assert (await client.get(f"{url}/health")).status_code == 200


async def test_sixty_megabytes_are_answered_413_over_a_real_connection(
    web_settings: ServiceAppSettings, ana: dict[str, str]
) -> None:
    async with served(sample_app(web_settings)) as url, httpx.AsyncClient(timeout=20) as client:
        files = {"file": ("large.bin", bytes(60 * 1024 * 1024))}
        answer = await client.post(f"{url}/api/v1/uploads", headers=ana, files=files)
        assert (answer.status_code, answer.json()["code"]) == (413, "PAYLOAD_TOO_LARGE")


async def test_large_body_nobody_asked_for_is_not_waited_for(
    web_settings: ServiceAppSettings,
) -> None:
    async with (
        served(sample_app(web_settings)) as url,
        sending(url, "POST", "/api/v1/uploads", length=300_000) as (reader, writer),
    ):
        writer.write(bytes(1_000))
        assert b"401" in await asyncio.wait_for(reader.readline(), 5)


class TestCrossOrigin:
    """Origins are listed, never reflected."""

    @pytest.fixture
    async def client(
        self, database_urls: DatabaseUrls, redis_url: str, token_factory: TokenFactory
    ) -> AsyncIterator[httpx.AsyncClient]:
        settings = sample_settings(
            database_urls,
            redis_url,
            token_factory,
            "http://127.0.0.1:1",
            cors_origins=("https://app.example",),
        )
        async with started(sample_app(settings)) as client:
            yield client

    async def test_listed_origin_may_read(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(NOTES, headers={"origin": "https://app.example"})
        assert answer.status_code == 401
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        assert "access-control-allow-credentials" not in answer.headers

    async def test_other_origin_may_not(self, client: httpx.AsyncClient) -> None:
        answer = await client.get(NOTES, headers={"origin": "https://evil.example"})
        assert "access-control-allow-origin" not in answer.headers

    async def test_preflight(self, client: httpx.AsyncClient) -> None:
        headers = {
            "origin": "https://app.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization, idempotency-key",
        }
        answer = await client.options(NOTES, headers=headers)
        assert answer.status_code == 200
        assert answer.headers["x-request-id"]

    async def test_without_a_list_nobody_may(self, web: httpx.AsyncClient) -> None:
        answer = await web.get("/health", headers={"origin": "https://app.example"})
        assert "access-control-allow-origin" not in answer.headers
