"""What the gateway does when a service is away, a body too large, or somebody too fast."""

import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_upstreams import DIES, running_gateway

from devstack.errors import StartFailed


def test_a_service_that_is_away_is_explained_by_the_other(tmp_path: Path) -> None:
    with running_gateway(tmp_path) as gateway:
        gateway.ai_svc.stop()
        answers = []
        # Refused connections first, then an empty pool once the health check has noticed.
        deadline = time.monotonic() + 6
        while time.monotonic() < deadline:
            response = httpx.post(f"{gateway.url}/api/v1/rag/ask", json={"question": "?"})
            answers.append((response.status_code, response.json()["path"]))
            time.sleep(0.25)
    assert set(answers) == {(503, "/gateway-errors/503")}


def test_one_replica_less_is_noticed_by_nobody_who_reads(tmp_path: Path) -> None:
    with running_gateway(tmp_path) as gateway:
        gateway.core_api.stop()
        statuses = Counter(
            httpx.get(f"{gateway.url}/api/v1/clients/{number}").status_code for number in range(40)
        )
    assert statuses == {200: 40}


def test_a_write_is_never_sent_twice(tmp_path: Path) -> None:
    with running_gateway(tmp_path) as gateway:
        replicas = (gateway.core_api, gateway.core_api_2)
        for replica in replicas:
            replica.statuses["/api/v1/clients"] = DIES
        written = httpx.post(f"{gateway.url}/api/v1/clients", json={})
        arrived = Counter(request for replica in replicas for request in replica.seen)
    assert written.status_code == 503
    assert arrived == {"POST /api/v1/clients": 1}


def test_a_body_over_the_limit_is_413(tmp_path: Path) -> None:
    with running_gateway(tmp_path, GATEWAY_MAX_BODY_BYTES="100000") as gateway:
        url = f"{gateway.url}/api/v1/rag/documents"
        announced = httpx.post(url, content=b"a" * 100_001)
        streamed = httpx.post(url, content=(b"a" * 10_000 for _ in range(11)))
        allowed = httpx.post(url, content=b"a" * 100_000)
        reached = list(gateway.ai_svc.seen)
    assert (announced.status_code, streamed.status_code, allowed.status_code) == (413, 413, 200)
    assert reached == ["POST /api/v1/rag/documents"]


def test_a_flood_from_one_address_is_429_with_retry_after(tmp_path: Path) -> None:
    limits: Any = {"GATEWAY_RATE_AVERAGE": "5", "GATEWAY_RATE_BURST": "10"}
    spoofed = {"X-Forwarded-For": "203.0.113.7"}
    with (
        running_gateway(tmp_path, RATE_LIMIT_ENABLED="true", **limits) as gateway,
        httpx.Client(base_url=gateway.url) as client,
    ):
        answers = [client.get("/api/v1/me", headers=spoofed) for _ in range(30)]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert 15 <= len(refused) <= 20
    assert all(int(answer.headers["Retry-After"]) >= 1 for answer in refused)


def test_the_limit_can_be_switched_off_for_load_tests(tmp_path: Path) -> None:
    limits: Any = {"GATEWAY_RATE_AVERAGE": "5", "GATEWAY_RATE_BURST": "10"}
    with (
        running_gateway(tmp_path, RATE_LIMIT_ENABLED="false", **limits) as gateway,
        httpx.Client(base_url=gateway.url) as client,
    ):
        statuses = {client.get("/api/v1/me").status_code for _ in range(30)}
    assert statuses == {200}


def test_switching_the_limit_off_is_refused_in_production(tmp_path: Path) -> None:
    variables: Any = {"ENVIRONMENT": "production", "RATE_LIMIT_ENABLED": "false"}
    with running_gateway(tmp_path, ready=False, **variables) as gateway:
        with pytest.raises(StartFailed, match="refused in production"):
            gateway.server.wait_until_ready(3)
        response = httpx.get(f"{gateway.url}/api/v1/me")
        reached = gateway.core_api.seen + gateway.core_api_2.seen
    assert (response.status_code, reached) == (404, [])


def test_login_and_first_page_exist_in_development_only(tmp_path: Path) -> None:
    with running_gateway(tmp_path, GATEWAY_OIDC_URL="") as gateway:
        login = httpx.get(f"{gateway.url}/auth/authorize")
        home = httpx.get(f"{gateway.url}/")
    assert (login.json()["path"], home.json()["path"]) == ("/nothing-here", "/nothing-here")
