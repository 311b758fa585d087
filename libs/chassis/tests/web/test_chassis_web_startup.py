"""A service from its start to its end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import structlog
from chassis_web_sample import sample_app, started
from fastapi import FastAPI
from pydantic import SecretStr

from chassis.settings import DatabaseSettings, RedisSettings, ServiceAppSettings
from chassis.web.resources import Resources


async def test_own_resources_open_after_and_close_before_the_shared_ones(
    web_settings: ServiceAppSettings,
) -> None:
    events: list[str] = []

    @asynccontextmanager
    async def storage(app: FastAPI, resources: Resources) -> AsyncIterator[None]:
        events.append(f"open {resources.name}")
        app.state.storage = "storage"
        yield
        assert not resources.http.is_closed
        events.append("close")

    app = sample_app(web_settings, own_resources=storage)
    async with started(app) as client:
        assert app.state.storage == "storage"
        assert (await client.get("/health")).status_code == 200
    assert events == ["open sample-svc", "close"]
    assert app.state.resources.http.is_closed


async def test_background_work_runs_as_long_as_the_service(
    web_settings: ServiceAppSettings,
) -> None:
    events: list[str] = []

    async def work(resources: Resources) -> None:
        events.append(resources.name)
        try:
            await asyncio.Event().wait()
        finally:
            events.append("stopped")

    async with started(sample_app(web_settings, background=[work])):
        await asyncio.sleep(0)
        assert events == ["sample-svc"]
    assert events == ["sample-svc", "stopped"]


async def test_background_work_that_dies_is_heard_and_the_service_goes_on(
    web_settings: ServiceAppSettings,
) -> None:
    async def work(_resources: Resources) -> None:
        raise ZeroDivisionError

    app = sample_app(web_settings, background=[work])
    with structlog.testing.capture_logs() as logs:
        async with started(app) as client:
            await asyncio.sleep(0.01)
            assert (await client.get("/health")).status_code == 200
    assert "background_task_died" in [entry["event"] for entry in logs]


async def test_nothing_has_to_answer_for_a_service_to_start(
    web_settings: ServiceAppSettings,
) -> None:
    nowhere = SecretStr("postgresql+asyncpg://cogep_app:x@127.0.0.1:1/cogep")
    settings = replace(
        web_settings,
        database=DatabaseSettings(url=nowhere, worker_url=nowhere),
        redis=RedisSettings(url=SecretStr("redis://127.0.0.1:1/0")),
        oidc=web_settings.oidc.model_copy(update={"jwks_url": "http://127.0.0.1:1/"}),
    )
    async with started(sample_app(settings, relay=True)) as client:
        assert (await client.get("/health")).status_code == 200
        assert (await client.get("/health/ready")).status_code == 503
