"""How often one caller may ask, and what happens when nobody can count."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from chassis_web_sample import sample_app, sample_settings, started
from prometheus_client import REGISTRY
from pydantic import SecretStr, ValidationError
from redis.asyncio import Redis

from chassis.settings import Environment, RedisSettings, ServiceSettings
from chassis.web.rate_limit import RateLimiter
from devstack.testing import DatabaseUrls
from devstack.token_factory import TokenFactory

SEARCH = "/api/v1/search?q=x"


@pytest.fixture
async def limited(
    database_urls: DatabaseUrls,
    redis: Redis,
    redis_url: str,
    token_factory: TokenFactory,
    web: httpx.AsyncClient,
    key_server_url: str,
) -> AsyncIterator[httpx.AsyncClient]:
    """The sample service with five requests a minute."""
    settings = sample_settings(
        database_urls, redis_url, token_factory, key_server_url, rate_limit_default="5/minute"
    )
    async with started(sample_app(settings)) as client:
        yield client


async def test_one_too_many_is_429_with_retry_after(
    limited: httpx.AsyncClient, ana: dict[str, str]
) -> None:
    for _ in range(5):
        assert (await limited.get(SEARCH, headers=ana)).status_code == 200
    answer = await limited.get(SEARCH, headers=ana)
    assert (answer.status_code, answer.json()["code"]) == (429, "RATE_LIMITED")
    assert 1 <= int(answer.headers["retry-after"]) <= 60
    assert answer.json()["message"].startswith("Muitas requisições")


async def test_everybody_has_a_quota_of_their_own(
    limited: httpx.AsyncClient, ana: dict[str, str], beto: dict[str, str], vera: dict[str, str]
) -> None:
    for _ in range(6):
        await limited.get(SEARCH, headers=ana)
    assert (await limited.get(SEARCH, headers=beto)).status_code == 200
    assert (await limited.get(SEARCH, headers=vera)).status_code == 200


async def test_new_token_is_no_new_quota(
    limited: httpx.AsyncClient, token_factory: TokenFactory
) -> None:
    answers = [
        await limited.get(SEARCH, headers={"authorization": f"Bearer {token_factory.token()}"})
        for _ in range(6)
    ]
    assert answers[-1].status_code == 429


async def test_guessing_tokens_is_limited_by_address_whatever_is_forwarded(
    limited: httpx.AsyncClient,
) -> None:
    statuses = [
        (
            await limited.get(
                SEARCH,
                headers={
                    "authorization": f"Bearer {number}",
                    "x-forwarded-for": f"10.0.0.{number}",
                },
            )
        ).status_code
        for number in range(7)
    ]
    assert statuses == [401] * 5 + [429] * 2


async def test_route_may_have_a_tighter_limit(
    limited: httpx.AsyncClient, ana: dict[str, str]
) -> None:
    statuses = [(await limited.get("/api/v1/limited", headers=ana)).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert (await limited.get(SEARCH, headers=ana)).status_code == 200


async def test_health_is_never_limited(limited: httpx.AsyncClient) -> None:
    assert {(await limited.get("/health")).status_code for _ in range(20)} == {200}


async def test_at_the_same_time_nobody_slips_through(
    limited: httpx.AsyncClient, ana: dict[str, str]
) -> None:
    answers = await asyncio.gather(*(limited.get(SEARCH, headers=ana) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 15


def _failed_open() -> float:
    return REGISTRY.get_sample_value("rate_limit_failed_open_total") or 0.0


def _limiter(url: str) -> RateLimiter:
    service = ServiceSettings(environment=Environment.TEST, rate_limit_default="1/minute")
    return RateLimiter(service, RedisSettings(url=SecretStr(url)))


SCOPE = {"type": "http", "client": ("192.0.2.1", 1)}


async def test_redis_that_is_gone_lets_everybody_in_at_once() -> None:
    limiter, before = _limiter("redis://127.0.0.1:1/0"), _failed_open()
    started_at = time.perf_counter()
    for _ in range(50):
        await limiter.check(SCOPE, limiter.default, "test")
    assert time.perf_counter() - started_at < 1
    assert _failed_open() == before + 1, "asks again only after a pause"
    await limiter.close()


async def test_redis_that_hangs_costs_a_moment_once() -> None:
    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    limiter = _limiter(f"redis://127.0.0.1:{silent.sockets[0].getsockname()[1]}/0")
    started_at = time.perf_counter()
    await asyncio.gather(*(limiter.check(SCOPE, limiter.default, "test") for _ in range(20)))
    for _ in range(20):
        await limiter.check(SCOPE, limiter.default, "test")
    assert time.perf_counter() - started_at < 1
    await limiter.close()
    silent.close()
    await silent.wait_closed()


async def test_counting_resumes_after_the_pause(redis_url: str, redis: Redis) -> None:
    now = 0.0
    service = ServiceSettings(environment=Environment.TEST, rate_limit_default="1/minute")
    limiter = RateLimiter(service, RedisSettings(url=SecretStr(redis_url)), clock=lambda: now)
    limiter._fail_open(ConnectionError())
    for _ in range(3):
        await limiter.check(SCOPE, limiter.default, "resume")
    now = 10.0
    await limiter.check(SCOPE, limiter.default, "resume")
    with pytest.raises(Exception, match="Muitas requisições"):
        await limiter.check(SCOPE, limiter.default, "resume")
    await limiter.close()


async def test_keys_name_the_organization_and_expire(
    limited: httpx.AsyncClient, ana: dict[str, str], redis: Redis, token_factory: TokenFactory
) -> None:
    await limited.get(SEARCH, headers=ana)
    keys = [str(key) for key in await redis.keys("rate*")]
    assert keys
    assert all(token_factory.claims("ana")["org_id"] in key for key in keys)
    assert all([await redis.ttl(key) > 0 for key in await redis.keys("rate*")])


def test_switching_it_off_in_production_is_refused() -> None:
    with pytest.raises(ValidationError, match="RATE_LIMIT_ENABLED"):
        ServiceSettings(environment=Environment.PRODUCTION, rate_limit_enabled=False)
