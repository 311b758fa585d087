"""Keys between services."""

import httpx
import pytest
from chassis_web_sample import INTERNAL_KEY, PREVIOUS_INTERNAL_KEY

from chassis.security.internal_key import InternalKeys
from devstack.token_factory import TokenFactory

PRUNE = "/internal/v1/maintenance/prune"


def _headers(key: str, service: str = "worker-svc") -> dict[str, str]:
    return {"x-internal-key": key, "x-source-service": service}


@pytest.mark.parametrize("key", [INTERNAL_KEY, PREVIOUS_INTERNAL_KEY])
async def test_current_and_previous_key_are_accepted(web: httpx.AsyncClient, key: str) -> None:
    answer = await web.post(PRUNE, headers=_headers(key))
    assert answer.json()["data"] == {"service": "worker-svc", "actor": None}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-internal-key": INTERNAL_KEY},
        {"x-source-service": "worker-svc"},
        _headers("wrong-key-of-the-caller"),
        _headers(""),
        _headers(INTERNAL_KEY, "ai-svc"),
        _headers(INTERNAL_KEY, ""),
    ],
)
async def test_anything_else_is_refused(web: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await web.post(PRUNE, headers=headers)).status_code == 401


@pytest.mark.parametrize("keys", [("wrong", INTERNAL_KEY), (INTERNAL_KEY, "wrong")])
async def test_key_sent_twice_is_refused(web: httpx.AsyncClient, keys: tuple[str, str]) -> None:
    headers = [("x-source-service", "worker-svc"), *(("x-internal-key", key) for key in keys)]
    assert (await web.post(PRUNE, headers=headers)).status_code == 401


async def test_access_token_alone_does_not_open_internal_routes(
    web: httpx.AsyncClient, ana: dict[str, str]
) -> None:
    assert (await web.post(PRUNE, headers=ana)).status_code == 401


async def test_person_behind_the_call_is_checked_too(
    web: httpx.AsyncClient, ana: dict[str, str], token_factory: TokenFactory
) -> None:
    answer = await web.post(PRUNE, headers=_headers(INTERNAL_KEY) | ana)
    assert answer.json()["data"]["actor"] == token_factory.claims("ana")["sub"]
    bad = {"authorization": "Bearer forged"}
    assert (await web.post(PRUNE, headers=_headers(INTERNAL_KEY) | bad)).status_code == 401


async def test_key_does_not_open_the_routes_of_people(web: httpx.AsyncClient) -> None:
    assert (await web.get("/api/v1/notes", headers=_headers(INTERNAL_KEY))).status_code == 401


def test_key_that_is_not_ascii_is_compared_not_raised() -> None:
    assert InternalKeys({}).authenticate(service="worker-svc", key="ção") is None
