"""The code flow as it should go, its tokens read by another JOSE library."""

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from devstack_oidc_browser import CALLBACK, ISSUER, Browser, open_browser, redirect_query

from devstack.oidc.login import LoginFailed, obtain_token
from devstack.people import PEOPLE, Person
from shared_schemas.actor import TokenClaims


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with open_browser(tmp_path) as opened:
        yield opened


async def test_discovery_offers_only_what_the_provider_does(browser: Browser) -> None:
    document = (await browser.http.get(f"{ISSUER}/.well-known/openid-configuration")).json()

    assert document["issuer"] == ISSUER
    assert document["code_challenge_methods_supported"] == ["S256"]
    assert document["response_types_supported"] == ["code"]
    assert document["id_token_signing_alg_values_supported"] == ["RS256"]


async def test_every_advertised_endpoint_exists(browser: Browser) -> None:
    document = (await browser.http.get(f"{ISSUER}/.well-known/openid-configuration")).json()
    endpoints = [
        value
        for name, value in document.items()
        if name.endswith("_endpoint") or name == "jwks_uri"
    ]

    statuses = {url: (await browser.http.get(url)).status_code for url in endpoints}

    assert len(statuses) == 6
    assert 404 not in statuses.values()


async def test_a_login_ends_at_the_application_with_code_state_and_issuer(browser: Browser) -> None:
    answer = await browser.submit(await browser.authorize())

    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    query = redirect_query(answer)
    assert query["state"] == "the-state"
    assert query["iss"] == ISSUER
    assert len(query["code"]) >= 43


@pytest.mark.parametrize("person", PEOPLE.values(), ids=PEOPLE)
async def test_the_access_token_carries_the_claims_services_rely_on(
    browser: Browser, person: Person
) -> None:
    tokens = await browser.tokens(person.username)

    claims = await browser.verified(tokens["access_token"], "cogep-api")

    read = TokenClaims.model_validate(claims)
    assert read.sub == person.sub
    assert read.org_id == person.organization.id
    assert read.org == person.organization.slug
    assert read.roles == frozenset(person.roles)
    assert (read.email, read.name) == (person.email, person.name)
    now = int(browser.clock())
    assert (claims["iat"], claims["nbf"], claims["exp"]) == (now, now, now + 900)


async def test_every_access_token_has_an_id_of_its_own(browser: Browser) -> None:
    tokens = await browser.tokens()
    renewed = (await browser.refresh(tokens["refresh_token"])).json()

    first = await browser.verified(tokens["access_token"], "cogep-api")
    second = await browser.verified(renewed["access_token"], "cogep-api")

    assert first["jti"] != second["jti"]


async def test_the_id_token_is_bound_to_client_nonce_and_access_token(browser: Browser) -> None:
    tokens = await browser.tokens()

    claims = await browser.verified(
        tokens["id_token"], "cogep-spa", access_token=tokens["access_token"]
    )

    assert claims["nonce"] == "the-nonce"
    assert claims["at_hash"]
    assert claims["auth_time"] == int(browser.clock())


async def test_an_id_token_is_not_an_access_token(browser: Browser) -> None:
    tokens = await browser.tokens()

    assert (await browser.userinfo(tokens["id_token"])).status_code == 401


async def test_without_a_nonce_the_id_token_has_none(browser: Browser) -> None:
    tokens = await browser.tokens(nonce=None)

    assert "nonce" not in await browser.verified(
        tokens["id_token"], "cogep-spa", access_token=tokens["access_token"]
    )


async def test_userinfo_says_what_the_scopes_allow(browser: Browser) -> None:
    everything = await browser.tokens("davi")
    little = await browser.tokens("davi", scope="openid", prompt="login")

    full = (await browser.userinfo(everything["access_token"])).json()
    bare = (await browser.userinfo(little["access_token"])).json()

    assert full["email"] == "davi@aurora.example"
    assert full["sub"] == bare["sub"] == str(PEOPLE["davi"].sub)
    assert "email" not in bare
    assert "name" not in bare


async def test_who_is_logged_in_is_not_asked_again(browser: Browser) -> None:
    await browser.tokens()

    again = await browser.authorize()

    assert "code" in redirect_query(again)


@pytest.mark.parametrize("prompt", ["login", "select_account"])
async def test_prompt_asks_again(browser: Browser, prompt: str) -> None:
    await browser.tokens()

    assert (await browser.authorize(prompt=prompt)).status_code == 200


async def test_max_age_asks_again_when_the_login_is_old(browser: Browser) -> None:
    await browser.tokens()
    browser.clock.forward(61)

    assert (await browser.authorize(max_age="60")).status_code == 200
    assert (await browser.authorize(max_age="62")).status_code == 303


async def test_prompt_none_never_shows_a_page(browser: Browser) -> None:
    before = redirect_query(await browser.authorize(prompt="none"))
    await browser.tokens()
    after = redirect_query(await browser.authorize(prompt="none"))

    assert before["error"] == "login_required"
    assert before["state"] == "the-state"
    assert "code" in after


async def test_a_session_ends_by_itself(browser: Browser) -> None:
    await browser.tokens()
    browser.clock.forward(10 * 3600 + 1)

    assert (await browser.authorize()).status_code == 200


async def test_a_restart_logs_nobody_out(tmp_path: Path) -> None:
    async with open_browser(tmp_path) as first:
        tokens = await first.tokens()
        cookies = first.http.cookies
    async with open_browser(tmp_path) as second:
        second.http.cookies = cookies
        renewed = await second.refresh(tokens["refresh_token"])
        again = await second.authorize()

    assert renewed.status_code == 200
    assert "code" in redirect_query(again)


async def test_the_application_may_post_its_request(browser: Browser) -> None:
    query = urlsplit(str((await browser.authorize()).request.url)).query
    headers = {"Content-Type": "application/x-www-form-urlencoded"}

    page = await browser.http.post(f"{ISSUER}/authorize", content=query, headers=headers)

    assert "code" in redirect_query(await browser.submit(page))


async def test_obtain_token_walks_the_same_way(browser: Browser) -> None:
    tokens = await obtain_token("beto", issuer=ISSUER, http=browser.http)

    claims = await browser.verified(tokens.access_token, "cogep-api")

    assert claims["org"] == "boreal"


async def test_obtain_token_ignores_who_is_already_logged_in(browser: Browser) -> None:
    await browser.tokens("ana")

    tokens = await obtain_token("vera", issuer=ISSUER, http=browser.http)

    assert (await browser.verified(tokens.access_token, "cogep-api"))["email"].startswith("vera@")


async def test_obtain_token_says_what_the_page_said(browser: Browser) -> None:
    with pytest.raises(LoginFailed, match="ana was not logged in: Usuário ou senha incorretos"):
        await obtain_token("ana", "wrong", issuer=ISSUER, http=browser.http)


async def test_obtain_token_says_when_nobody_answers() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("connection refused", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(refuse)) as http:
        with pytest.raises(LoginFailed, match="does not answer: connection refused"):
            await obtain_token("ana", issuer=ISSUER, http=http)
