"""The check that every test is held to: it finds what was planted, and blames the right test."""

import logging
from typing import Any

import httpx
import pytest
import structlog
from redis.asyncio import Redis

from chassis.messaging import outbox
from chassis.observability.logging import configure_logging
from chassis.observability.metrics import RATE_LIMITED
from chassis.settings import Environment, ServiceSettings
from devstack.planted import WATCH, leaked

NAME = "Zoraide Quixadá"
ADDRESS = "zoraide@example.com"


def answer(_request: httpx.Request) -> httpx.Response:
    """Of a service."""
    return httpx.Response(201)


@pytest.fixture(autouse=True)
async def _planted() -> None:
    """A client was registered, and a ticket about her."""
    async with httpx.AsyncClient(
        transport=httpx.MockTransport(answer), base_url="http://core.test/api/v1"
    ) as http:
        await http.post("/clients", json={"name": NAME, "emails": [{"address": ADDRESS}]})
        await http.post("/tickets", json={"subject": "Dor nas costas", "channel": "telephone"})
        await http.post("/teams", json={"name": "Atendimento"})


def found() -> str:
    """What the check says, and then forgets: this test is not to fail of it."""
    said = "\n".join(WATCH.found())
    WATCH.begin("nobody")
    return said


async def test_values_of_requests_are_planted() -> None:
    assert {NAME, ADDRESS, "Dor nas costas"} <= WATCH.planted
    assert not {"telephone", "Atendimento"} & WATCH.planted


async def test_what_a_log_says_is_found() -> None:
    logging.getLogger("cogep.test").warning("registered %s", NAME)

    assert NAME in found()


async def test_what_an_exception_in_a_log_says_is_found() -> None:
    try:
        int(ADDRESS)
    except ValueError:
        logging.getLogger("cogep.test").exception("failed")

    assert ADDRESS in found()


async def test_what_our_own_loggers_say_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging(ServiceSettings(environment=Environment.TEST), service="planted")
    structlog.get_logger("cogep.test").info("registered", who=NAME)

    assert NAME in capsys.readouterr().out
    assert NAME in found()


async def test_label_of_a_metric_is_found() -> None:
    RATE_LIMITED.labels(ADDRESS)

    assert "label of rate_limited" in found()
    RATE_LIMITED.remove(ADDRESS)


async def test_event_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    class Event:
        organization_id = event_id = "o"
        event_type = "client.created"
        traceparent = "t"

        def model_dump_json(self) -> str:
            return f'{{"name": "{NAME}"}}'

    class Session:
        info: dict[str, Any] = {"organization_id": "o", "read_only": False}  # noqa: RUF012 - a stub

    outbox._values(Session(), Event())  # type: ignore[arg-type]  # as much of both as it reads

    assert "event client.created" in found()


async def test_what_is_put_on_a_stream_is_found(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        await redis.xadd("events:dead:planted", {"cause": f"no such client: {NAME}"})
        pipeline = redis.pipeline()
        pipeline.xadd("events:dead:planted", {"cause": ADDRESS})
        await pipeline.execute()
        await redis.delete("events:dead:planted")

    said = found()
    assert NAME in said
    assert ADDRESS in said


async def test_nothing_is_found_where_nothing_is() -> None:
    logging.getLogger("cogep.test").warning("registered a client")

    assert WATCH.found() == []


async def test_what_other_processes_wrote_names_the_test_that_planted_it(
    request: pytest.FixtureRequest,
) -> None:
    found = WATCH.found_in("core-api.log", f'{{"event":"registered","who":"{NAME}"}}')

    assert found == [f"core-api.log: {NAME!r}, planted by {request.node.nodeid}"]
    assert WATCH.found_in("core-api.log", '{"event":"registered"}') == []


def test_escaped_values_are_found_too() -> None:
    assert leaked('{"name":"J\\u00falia Prado"}', ["Júlia Prado", "Outra pessoa"]) == [
        "Júlia Prado"
    ]


pytest_plugins = ["pytester"]


def test_the_test_that_wrote_it_fails(pytester: pytest.Pytester) -> None:
    pytester.makeconftest('pytest_plugins = ["devstack.planted"]')
    pytester.makepyfile(
        test_planted_sample="""
        import logging

        def test_careful():
            logging.getLogger("a").warning("a client")

        def test_careless():
            logging.getLogger("a").warning("Júlia Prado")
        """
    )

    result = pytester.runpytest_subprocess("-q")

    result.assert_outcomes(passed=2, errors=1)
    assert "ERROR at teardown of test_careless" in result.stdout.str()
