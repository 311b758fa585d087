"""Calling another service: what is sent, what is repeated, and when one stops asking."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from pydantic import SecretStr

from chassis.http.circuit_breaker import CircuitBreaker, CircuitOpen, CircuitState
from chassis.http.service_client import ServiceClient
from chassis.web.errors import Unavailable

Answer = Callable[[httpx.Request], httpx.Response]


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Target:
    """The other service: does what it is told to, in order, then answers 200."""

    def __init__(self, *steps: int | Exception) -> None:
        self.steps = list(steps)
        self.requests: list[httpx.Request] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        step = self.steps.pop(0) if self.steps else 200
        if isinstance(step, Exception):
            raise step
        return httpx.Response(step, json={"ok": step})


def _state(breaker: CircuitBreaker) -> str:
    return breaker.state.value


def _client(target: Target, breaker: CircuitBreaker | None = None) -> ServiceClient:
    return ServiceClient(
        target="core-api",
        base_url="http://core-api.test",
        source="worker-svc",
        key=SecretStr("key-of-worker-svc"),
        breaker=breaker,
        transport=httpx.MockTransport(target),
        first_pause_seconds=0.001,
    )


async def test_call_carries_who_asks_and_why() -> None:
    target = Target()
    async with _client(target) as client:
        await client.request("GET", "/internal/v1/x", request_id="correlation-9", token="t.o.k")
    headers = target.requests[0].headers
    assert headers["x-internal-key"] == "key-of-worker-svc"
    assert headers["x-source-service"] == "worker-svc"
    assert headers["x-request-id"] == "correlation-9"
    assert headers["authorization"] == "Bearer t.o.k"


async def test_a_change_says_what_it_is_based_on_and_why() -> None:
    target = Target()
    async with _client(target) as client:
        await client.request(
            "PATCH", "/api/v1/x", request_id="r", if_match=7, reason="A pedido, já confirmado"
        )
        await client.request("PATCH", "/api/v1/x", request_id="r")
    said, nothing = (request.headers for request in target.requests)
    assert said["if-match"] == '"7"'
    assert said["x-change-reason"] == "A%20pedido%2C%20j%C3%A1%20confirmado"
    assert "if-match" not in nothing
    assert "x-change-reason" not in nothing


async def test_without_a_person_there_is_no_token() -> None:
    target = Target()
    async with _client(target) as client:
        await client.request("GET", "/x", request_id="correlation-9")
    assert "authorization" not in target.requests[0].headers


@pytest.mark.parametrize(
    ("method", "error", "calls"),
    [
        ("GET", httpx.ReadTimeout("slow"), 2),
        ("PUT", httpx.RemoteProtocolError("cut"), 2),
        ("DELETE", httpx.ReadError("reset"), 2),
        ("POST", httpx.ConnectError("refused"), 2),
        ("POST", httpx.ConnectTimeout("far"), 2),
    ],
)
async def test_transport_error_is_retried_where_that_is_safe(
    method: str, error: Exception, calls: int
) -> None:
    target = Target(error)
    async with _client(target) as client:
        answer = await client.request(method, "/x", request_id="r-00000001")
    assert answer.status_code == 200
    assert len(target.requests) == calls


@pytest.mark.parametrize("error", [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut")])
async def test_post_that_may_have_arrived_is_not_repeated(error: Exception) -> None:
    target = Target(error)
    async with _client(target) as client:
        with pytest.raises(Unavailable):
            await client.request("POST", "/x", request_id="r-00000001")
    assert len(target.requests) == 1


async def test_post_with_a_key_is_repeated() -> None:
    target = Target(httpx.ReadTimeout("slow"))
    async with _client(target) as client:
        await client.request("POST", "/x", request_id="r-00000001", idempotency_key="k")
    assert [request.headers["idempotency-key"] for request in target.requests] == ["k", "k"]


async def test_retries_end() -> None:
    target = Target(*[httpx.ConnectError("refused")] * 9)
    async with _client(target) as client:
        with pytest.raises(Unavailable):
            await client.request("GET", "/x", request_id="r-00000001")
    assert len(target.requests) == 3


async def test_error_of_the_server_is_not_repeated() -> None:
    target = Target(503)
    async with _client(target) as client:
        with pytest.raises(Unavailable):
            await client.request("GET", "/x", request_id="r-00000001")
    assert len(target.requests) == 1


@pytest.mark.parametrize("status", [400, 404, 409, 422])
async def test_refusal_is_an_answer(status: int) -> None:
    async with _client(Target(status)) as client:
        answer = await client.request("GET", "/x", request_id="r-00000001")
    assert answer.status_code == status


async def test_circuit_opens_after_five_failures_and_lets_one_probe_through() -> None:
    clock, target = Clock(), Target(*[503] * 6)
    breaker = CircuitBreaker("core-api", clock=clock)
    async with _client(target, breaker) as client:
        for _ in range(5):
            with pytest.raises(Unavailable):
                await client.request("GET", "/x", request_id="r-00000001")
        assert _state(breaker) == "open"
        with pytest.raises(Unavailable) as refused:
            await client.request("GET", "/x", request_id="r-00000001")
        assert len(target.requests) == 5, "no call while open"
        assert refused.value.retry_after == timedelta(seconds=30)
        clock.now += 31
        with pytest.raises(Unavailable):
            await client.request("GET", "/x", request_id="r-00000001")
        assert len(target.requests) == 6
        assert _state(breaker) == "open", "the probe failed"
        clock.now += 31
        await client.request("GET", "/x", request_id="r-00000001")
    assert _state(breaker) == "closed"


async def test_only_one_probe_at_a_time() -> None:
    clock = Clock()
    breaker = CircuitBreaker("x", threshold=1, clock=clock)
    with pytest.raises(ZeroDivisionError):
        async with breaker.attempt():
            raise ZeroDivisionError
    clock.now += 31
    async with breaker.attempt():
        with pytest.raises(CircuitOpen):
            async with breaker.attempt():
                pytest.fail("a second probe")
    assert breaker.state is CircuitState.CLOSED


async def test_cancelled_probe_proves_nothing_and_blocks_nobody() -> None:
    clock = Clock()
    breaker = CircuitBreaker("x", threshold=1, clock=clock)
    with pytest.raises(ZeroDivisionError):
        async with breaker.attempt():
            raise ZeroDivisionError
    clock.now += 31

    async def probe() -> None:
        async with breaker.attempt():
            await asyncio.Event().wait()

    task = asyncio.create_task(probe())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert breaker.state is CircuitState.HALF_OPEN


async def test_success_in_between_starts_the_count_again() -> None:
    target = Target(503, 503, 503, 503, 200, 503, 503, 503, 503)
    breaker = CircuitBreaker("core-api")
    async with _client(target, breaker) as client:
        for step in list(target.steps):
            if step == 200:
                await client.request("GET", "/x", request_id="r-00000001")
            else:
                with pytest.raises(Unavailable):
                    await client.request("GET", "/x", request_id="r-00000001")
    assert breaker.state is CircuitState.CLOSED
