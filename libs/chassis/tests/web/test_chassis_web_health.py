"""Alive, ready, measured."""

import time
from pathlib import Path

import httpx
import pytest
from chassis_web_sample import sample_app, sample_settings, started, with_resources
from fastapi import FastAPI
from pydantic import SecretStr
from redis.asyncio import Redis
from starlette.routing import Match

from chassis.data.database import Database
from chassis.settings import DatabaseSettings, ServiceAppSettings
from devstack.testing import DatabaseUrls
from devstack.token_factory import TokenFactory

NOWHERE = SecretStr("postgresql+asyncpg://cogep_worker:x@127.0.0.1:1/cogep")


async def test_alive_names_service_and_version(web: httpx.AsyncClient) -> None:
    answer = await web.get("/health")
    assert answer.json() == {"status": "ok", "service": "sample-svc", "version": "1.2.3"}


async def test_alive_touches_nothing_and_is_quick(
    database_urls: DatabaseUrls, token_factory: TokenFactory
) -> None:
    settings = sample_settings(
        database_urls, "redis://127.0.0.1:1/0", token_factory, "http://127.0.0.1:1"
    )
    app = sample_app(settings)
    async with started(app) as client:
        del app.state.resources
        started_at = time.perf_counter()
        for _ in range(10):
            assert (await client.get("/health")).status_code == 200
        assert (time.perf_counter() - started_at) / 10 < 0.05


async def test_ready_when_everything_answers(web: httpx.AsyncClient) -> None:
    answer = await web.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "redis": "ok"}


async def test_not_ready_without_redis(web: httpx.AsyncClient, web_app: FastAPI) -> None:
    working = web_app.state.resources.redis
    gone = Redis.from_url("redis://127.0.0.1:1/0")
    with_resources(web_app, redis=gone)
    try:
        answer = await web.get("/health/ready")
    finally:
        with_resources(web_app, redis=working)
        await gone.aclose()
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "ok", "redis": "failed"}
    assert "127.0.0.1" not in answer.text


async def test_not_ready_without_database(web: httpx.AsyncClient, web_app: FastAPI) -> None:
    working = web_app.state.resources.database
    gone = Database(
        DatabaseSettings(url=NOWHERE, worker_url=NOWHERE), schema="websample", application_name="x"
    )
    with_resources(web_app, database=gone)
    try:
        answer = await web.get("/health/ready")
    finally:
        with_resources(web_app, database=working)
        await gone.close()
    assert answer.status_code == 503
    assert answer.json()["checks"] == {"database": "failed", "redis": "ok"}


async def test_not_ready_while_migrations_are_behind(
    web_settings: ServiceAppSettings, tmp_path: Path
) -> None:
    versions = tmp_path / "versions"
    versions.mkdir()
    (versions / "first.py").write_text('revision = "first"\ndown_revision = None\n')
    async with started(sample_app(web_settings, migrations=tmp_path)) as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == "failed"


@pytest.mark.parametrize(
    "name",
    [
        'http_requests_total{method="GET",path="/api/v1/notes",status="200"}',
        'http_request_duration_seconds_bucket{le="0.005",method="GET",path="/api/v1/notes"}',
        "http_requests_active 1.0",
        'db_connections_active{pool="app"} 0.0',
    ],
)
async def test_metrics_have_the_agreed_names(
    web: httpx.AsyncClient, ana: dict[str, str], name: str
) -> None:
    await web.get("/api/v1/notes", headers=ana)
    answer = await web.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    assert name in answer.text


@pytest.mark.parametrize("path", ["/health", "/health/ready", "/metrics"])
def test_routine_requests_say_which_route_answers(web_app: FastAPI, path: str) -> None:
    scope = {"type": "http", "method": "GET", "path": path, "headers": []}

    answers = [route.matches(scope) for route in web_app.router.routes]

    (route,) = [found["route"] for match, found in answers if match is Match.FULL]
    assert route.path == path
