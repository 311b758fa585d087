"""The gateway's rules, through the real Traefik: what reaches a service, and what never does."""

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from gateway_upstreams import Gateway, running_gateway


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(tmp_path_factory.mktemp("gateway")) as running:
        yield running


def raw(gateway: Gateway, path: str, **headers: str) -> tuple[int, dict[str, Any]]:
    """A GET whose path is sent exactly as written."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    try:
        connection.putrequest("GET", path, skip_host=False)
        for name, value in headers.items():
            connection.putheader(name.replace("__", "."), value)
        connection.endheaders()
        response = connection.getresponse()
        body = response.read()
        return response.status, json.loads(body) if body.startswith(b"{") else {}
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/v1/clients", "core-api"),
        ("/api/clients", "core-api"),
        ("/api/openapi.json", "core-api"),
        ("/api/docs", "core-api"),
        ("/api/v1/rag/ask", "ai-svc"),
        ("/api/rag/ask", "ai-svc"),
        ("/api/v1/chat/conversations", "ai-svc"),
        ("/api/v1/ai/agents", "ai-svc"),
        ("/api/ai/openapi.json", "ai-svc"),
        ("/api/ai/docs", "ai-svc"),
        ("/api/v1/ragtime", "core-api"),
        ("/api/v1/aircraft", "core-api"),
        ("/auth/authorize", "ai-svc"),
    ],
)
def test_paths_reach_the_service_that_owns_them(gateway: Gateway, path: str, service: str) -> None:
    status, seen = raw(gateway, path)
    assert (status, seen["service"], seen["path"]) == (200, service, path)


@pytest.mark.parametrize(
    "path",
    [
        "/internal",
        "/internal/v1/maintenance/prune",
        "//internal/v1/maintenance/prune",
        "/INTERNAL/v1/maintenance/prune",
        "/api/../internal/v1/maintenance/prune",
        "/api/%2e%2e/internal/v1/maintenance/prune",
        "/api/%2E%2E/internal/v1/maintenance/prune",
        "/api/v1/rag/../../../internal/v1/maintenance/prune",
        "/api/v1/%2finternal",
        "/api/v1/..%2f..%2finternal/v1/maintenance/prune",
        "/api/v1/..%2F..%2Fmetrics",
        "/metrics",
        "/metrics/",
        "//metrics",
        "/api/../metrics",
        "/./metrics",
        "/health",
        "/health/ready",
        "/apix",
        "/gateway-errors/503",
    ],
)
def test_what_is_not_for_the_outside_is_not_found(gateway: Gateway, path: str) -> None:
    status, seen = raw(gateway, path)
    assert (status, seen["path"]) == (404, "/nothing-here")


@pytest.mark.parametrize("path", ["/api/v1/%5c..%5cinternal", "/api/%00", "/api/%3b/internal"])
def test_characters_that_two_servers_read_differently_are_refused(
    gateway: Gateway, path: str
) -> None:
    status, _ = raw(gateway, path)
    assert status == 400


def test_headers_between_services_do_not_pass_from_outside(gateway: Gateway) -> None:
    _, seen = raw(
        gateway,
        "/api/v1/clients",
        **{
            "X-Internal-Key": "guessed",
            "x-internal-key": "guessed",
            "X_Internal_Key": "guessed",
            "X__Internal__Key": "guessed",
            "X-Source-Service": "worker-svc",
            "X_Source_Service": "worker-svc",
        },
    )
    assert not [name for name in seen["headers"] if "internal" in name or "source" in name]
    assert "guessed" not in json.dumps(seen)


def test_a_connection_header_cannot_remove_what_the_gateway_added(gateway: Gateway) -> None:
    _, seen = raw(gateway, "/api/v1/clients", Connection="close, X-Forwarded-For, X-Real-Ip")
    assert seen["headers"]["x-forwarded-for"] == "127.0.0.1"


def test_forged_forwarding_headers_are_dropped(gateway: Gateway) -> None:
    _, seen = raw(
        gateway,
        "/api/v1/clients",
        **{
            "X-Forwarded-For": "203.0.113.7",
            "X-Forwarded-Host": "evil.example",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Prefix": "/evil",
            "X-Real-Ip": "203.0.113.7",
            "Forwarded": "for=203.0.113.7",
        },
    )
    assert "203.0.113.7" not in json.dumps(seen)
    assert "evil" not in json.dumps(seen)
    assert seen["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert seen["headers"]["x-forwarded-proto"] == "http"


def test_what_belongs_to_the_caller_arrives_unchanged(gateway: Gateway) -> None:
    sent = {"Authorization": "Bearer x", "X-Request-ID": "abc-1", "traceparent": "00-1-2-01"}
    _, seen = raw(gateway, "/api/v1/clients?q=a%20b", **sent)
    assert {name: seen["headers"][name.lower()] for name in sent} == sent
    assert seen["path"] == "/api/v1/clients?q=a%20b"


def test_security_headers_are_there_exactly_once(gateway: Gateway) -> None:
    response = httpx.get(f"{gateway.url}/api/v1/clients")
    assert response.headers.get_list("X-Frame-Options") == ["DENY"]
    assert response.headers.get_list("X-Content-Type-Options") == ["nosniff"]
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "Permissions-Policy" in response.headers
    assert "Server" not in response.headers


def test_an_over_long_header_is_refused(gateway: Gateway) -> None:
    status, _ = raw(gateway, "/api/v1/clients", **{"X-Long": "a" * 40_000})
    assert status == 431


def test_load_is_spread_over_replicas(gateway: Gateway) -> None:
    for replica in (gateway.core_api, gateway.core_api_2):
        replica.seen.clear()
    for number in range(10):
        raw(gateway, f"/api/v1/clients/{number}")
    counts = [len(replica.seen) for replica in (gateway.core_api, gateway.core_api_2)]
    assert sorted(counts) == [5, 5]


def test_a_services_own_503_passes_unchanged(gateway: Gateway) -> None:
    for replica in (gateway.core_api, gateway.core_api_2):
        replica.statuses["/api/v1/down"] = 503
    status, seen = raw(gateway, "/api/v1/down")
    assert (status, seen["path"]) == (503, "/api/v1/down")


def answered(gateway: Gateway, path: str, accept: str, times: int) -> int:
    """How many POSTs, one after the other on one connection, were answered to the end."""
    connection, whole = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10), 0
    body = bytes(500)
    for _ in range(times):
        connection.putrequest("POST", path)
        connection.putheader("Accept", accept)
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        connection.send(body)
        try:
            whole += path.encode() in connection.getresponse().read()
        except http.client.HTTPException:
            connection.close()
    connection.close()
    return whole


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        ("/api/v1/chat/conversations/1/messages", "text/event-stream"),
        ("/api/v1/rag/ask", "text/event-stream"),
        ("/api/v1/ai/v1/chat/completions", "application/json"),
        ("/api/v1/rag/uploads/1", "application/json"),
        ("/api/v1/clients", "application/json"),
    ],
)
def test_no_answer_to_a_body_is_cut_short(gateway: Gateway, path: str, accept: str) -> None:
    """Go's server and client race for a body once its answer is on the way."""
    with ThreadPoolExecutor(8) as callers:
        many = callers.map(lambda _: answered(gateway, path, accept, times=400), range(8))

    assert list(many) == [400] * 8


def test_the_first_page_leads_to_the_documentation(gateway: Gateway) -> None:
    response = httpx.get(f"{gateway.url}/")
    assert (response.status_code, response.headers["Location"]) == (302, "/api/docs")
