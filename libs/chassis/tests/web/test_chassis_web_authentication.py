"""Who gets in, and in which order things are refused."""

import time
from collections.abc import AsyncIterator

import httpx
import pytest
import structlog
from chassis_web_sample import bearer, sample_app, started

from chassis.security import authentication
from chassis.settings import ServiceAppSettings
from chassis.web.errors import Forbidden
from chassis.web.resources import Resources
from devstack.token_factory import TokenFactory
from shared_schemas.actor import Actor, TokenClaims

NOTES = "/api/v1/notes"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": ""},
        {"authorization": "Bearer"},
        {"authorization": "Bearer "},
        {"authorization": "Basic YW5hOmNvZ2Vw"},
        {"authorization": "Bearer not.a.token"},
    ],
)
async def test_without_a_valid_token_401_says_how_to_authenticate(
    web: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    answer = await web.get(NOTES, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["code"] == "UNAUTHENTICATED"


async def test_refused_token_is_logged_once_without_itself(
    web: httpx.AsyncClient, token_factory: TokenFactory
) -> None:
    token = token_factory.token(exp=int(time.time()) - 3600)
    with structlog.testing.capture_logs() as logs:
        answer = await web.get(NOTES, headers=bearer(token))
    assert answer.status_code == 401
    assert [entry["reason"] for entry in logs if entry["event"] == "token_refused"] == ["expired"]
    assert not any(part in repr(logs) for part in token.split("."))


async def test_two_authorization_headers_are_refused(
    web: httpx.AsyncClient, ana: dict[str, str]
) -> None:
    good, bad = ("authorization", ana["authorization"]), ("authorization", "Bearer x")
    for headers in ([good, bad], [bad, good]):
        assert (await web.get(NOTES, headers=headers)).status_code == 401


async def test_missing_permission_is_403(web: httpx.AsyncClient, vera: dict[str, str]) -> None:
    answer = await web.post(NOTES, headers=vera, json={"slug": "a", "text": "b"})
    assert (answer.status_code, answer.json()["code"]) == (403, "FORBIDDEN")


async def test_stranger_learns_nothing_about_the_body(web: httpx.AsyncClient) -> None:
    answer = await web.post(NOTES, content=b"{", headers={"content-type": "application/json"})
    assert answer.status_code == 401


async def test_missing_permission_comes_before_the_body(
    web: httpx.AsyncClient, vera: dict[str, str]
) -> None:
    answer = await web.post(NOTES, headers=vera, json={"unknown": 1})
    assert answer.status_code == 403


async def test_stranger_cannot_make_us_read_an_upload(web: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1
            yield b"x" * 1000

    headers = {"content-type": "multipart/form-data; boundary=b", "content-length": "2999999"}
    answer = await web.post("/api/v1/uploads", content=endless(), headers=headers)
    assert answer.status_code == 401
    assert sent <= 1


async def test_first_request_of_a_token_is_announced_once(
    web_settings: ServiceAppSettings, token_factory: TokenFactory
) -> None:
    seen: list[str] = []

    async def provision(resources: Resources, claims: TokenClaims, actor: Actor) -> None:
        assert resources.name == "sample-svc"
        assert actor.user_id == claims.sub
        seen.append(claims.email)

    app = sample_app(web_settings, on_authenticated=provision)
    async with started(app) as client:
        ana, bruno = bearer(token_factory.token("ana")), bearer(token_factory.token("bruno"))
        for headers in (ana, ana, bruno, ana):
            await client.get("/api/v1/search", params={"q": "x"}, headers=headers)
    assert seen == ["ana@aurora.example", "bruno@aurora.example"]


async def test_a_token_in_use_is_announced_again_after_a_minute(
    web_settings: ServiceAppSettings, ana: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = 0

    async def provision(_resources: Resources, _claims: TokenClaims, _actor: Actor) -> None:
        nonlocal calls
        calls += 1

    app = sample_app(web_settings, on_authenticated=provision)
    async with started(app) as client:
        await client.get("/api/v1/search", params={"q": "x"}, headers=ana)
        later = time.monotonic() + 61
        monkeypatch.setattr(authentication, "monotonic", lambda: later)
        await client.get("/api/v1/search", params={"q": "x"}, headers=ana)
        await client.get("/api/v1/search", params={"q": "x"}, headers=ana)
    assert calls == 2


async def test_hook_that_refuses_is_asked_again(
    web_settings: ServiceAppSettings, ana: dict[str, str]
) -> None:
    calls = 0

    async def refuse(_resources: Resources, _claims: TokenClaims, _actor: Actor) -> None:
        nonlocal calls
        calls += 1
        raise Forbidden

    async with started(sample_app(web_settings, on_authenticated=refuse)) as client:
        for _ in range(2):
            answer = await client.get("/api/v1/search", params={"q": "x"}, headers=ana)
            assert answer.status_code == 403
    assert calls == 2
