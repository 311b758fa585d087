"""Periodic work: once per period whatever the number of workers, and again when it failed."""

from datetime import timedelta

import httpx
import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from chassis.http.service_client import ServiceClient
from chassis.messaging.schedule import Schedule, TaskFailed
from chassis.web.errors import Unavailable
from worker_svc.upkeep import (
    ACCOUNTABILITY,
    ASSIGNMENT,
    AUDIT,
    CHECK,
    CONSENTS,
    ERASURES,
    PRIVACY,
    PRUNE,
    REBUILD,
    RETENTION,
    SLA,
    SOURCES,
    SUBJECT_DATA,
    USAGE,
    NotDone,
    check_task,
    prune_task,
    rebuild_task,
    sweep_task,
)

EVERY = timedelta(days=1)


class Owner:
    """A service that is told to prune."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.requests: list[httpx.Request] = []

    def client(self) -> ServiceClient:
        """One worker's way to it."""
        return ServiceClient(
            target="ai-svc",
            base_url="http://ai-svc:8001",
            source="worker-svc",
            key=SecretStr("internal-key-of-worker-svc"),
            transport=httpx.MockTransport(self._answer),
            first_pause_seconds=0,
        )

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status = self.statuses.pop(0) if self.statuses else 200
        return httpx.Response(status, json={"data": {"outbox": 3}})


async def test_two_workers_prune_once(redis: Redis) -> None:
    owner = Owner()
    async with owner.client() as first, owner.client() as second:
        schedules = [
            Schedule(redis, [prune_task("ai-svc", client, EVERY)]) for client in (first, second)
        ]
        ran = [await schedule.run_due() for schedule in (*schedules, *schedules)]

    assert ran == [["prune:ai-svc"], [], [], []]
    (request,) = owner.requests
    assert (request.method, request.url.path) == ("POST", PRUNE)
    assert request.headers["x-internal-key"] == "internal-key-of-worker-svc"
    assert request.headers["x-source-service"] == "worker-svc"


@pytest.mark.parametrize("status", [404, 403, 500])
async def test_an_owner_that_did_not_prune_is_asked_again(redis: Redis, status: int) -> None:
    owner = Owner(status)
    async with owner.client() as client:
        schedule = Schedule(redis, [prune_task("ai-svc", client, EVERY)])
        with pytest.raises(TaskFailed) as failed:
            await schedule.run_due()
        assert isinstance(failed.value.cause, NotDone | Unavailable)
        assert await schedule.run_due() == ["prune:ai-svc"]


async def test_two_workers_have_the_index_checked_once(redis: Redis) -> None:
    owner = Owner()
    async with owner.client() as first, owner.client() as second:
        schedules = [Schedule(redis, [check_task(client, EVERY)]) for client in (first, second)]
        ran = [await schedule.run_due() for schedule in (*schedules, *schedules)]

    assert ran == [["check:index"], [], [], []]
    (request,) = owner.requests
    assert (request.method, request.url.path) == ("POST", CHECK)
    assert request.headers["x-internal-key"] == "internal-key-of-worker-svc"


async def test_two_workers_have_access_compared_once(redis: Redis) -> None:
    owner = Owner()
    async with owner.client() as first, owner.client() as second:
        schedules = [Schedule(redis, [rebuild_task(client, EVERY)]) for client in (first, second)]
        ran = [await schedule.run_due() for schedule in (*schedules, *schedules)]

    assert ran == [["rebuild:access"], [], [], []]
    (request,) = owner.requests
    assert (request.method, request.url.path) == ("POST", REBUILD)


@pytest.mark.parametrize(
    "what",
    [
        SLA,
        ASSIGNMENT,
        CONSENTS,
        PRIVACY,
        SUBJECT_DATA,
        AUDIT,
        ERASURES,
        RETENTION,
        SOURCES,
        USAGE,
        ACCOUNTABILITY,
    ],
)
async def test_two_workers_sweep_once_per_period(what: str, redis: Redis) -> None:
    owner = Owner()
    async with owner.client() as first, owner.client() as second:
        schedules = [
            Schedule(redis, [sweep_task(what, client, EVERY)]) for client in (first, second)
        ]
        ran = [await schedule.run_due() for schedule in (*schedules, *schedules)]

    assert ran == [[f"sweep:{what}"], [], [], []]
    (request,) = owner.requests
    assert (request.method, request.url.path) == ("POST", f"/internal/v1/{what}/sweep")
    assert request.headers["x-internal-key"] == "internal-key-of-worker-svc"


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_an_owner_that_did_not_sweep_is_asked_again(redis: Redis, status: int) -> None:
    owner = Owner(status)
    async with owner.client() as client:
        schedule = Schedule(redis, [sweep_task(SLA, client, EVERY)])
        with pytest.raises(TaskFailed) as failed:
            await schedule.run_due()
        assert isinstance(failed.value.cause, NotDone | Unavailable)
        assert await schedule.run_due() == ["sweep:sla"]
