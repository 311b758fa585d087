"""The token, revocation and userinfo endpoints: what they refuse, and what a misuse costs."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from devstack_oidc_browser import ISSUER, ORIGIN, OTHER_CLIENT, Browser, open_browser
from jose import jwt as jose_jwt


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with open_browser(tmp_path) as opened:
        yield opened


def error_of(response: httpx.Response) -> str:
    assert response.status_code in (400, 401), response.text
    assert response.headers["cache-control"] == "no-store"
    body = response.json()
    assert body["error_description"].isascii()
    return str(body["error"])


async def test_a_used_code_revokes_what_it_gave(browser: Browser) -> None:
    code = await browser.code()
    tokens = (await browser.exchange(code)).json()

    again = await browser.exchange(code)

    assert error_of(again) == "invalid_grant"
    assert error_of(await browser.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert (await browser.userinfo(tokens["access_token"])).status_code == 401


async def test_a_code_lives_one_minute(browser: Browser) -> None:
    young, old = await browser.code(), await browser.code(prompt="login")
    browser.clock.forward(59)
    in_time = await browser.exchange(young)
    browser.clock.forward(1)

    assert in_time.status_code == 200
    assert error_of(await browser.exchange(old)) == "invalid_grant"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 43},
        {"code_verifier": "v" * 42},
        {"code_verifier": "v" * 129},
        {"code_verifier": "v" * 42 + "é"},
        {"redirect_uri": "http://localhost:8080/"},
        {"client_id": OTHER_CLIENT},
        {"code": "guessed"},
    ],
)
async def test_a_code_only_fits_the_request_it_was_made_for(
    browser: Browser, changes: dict[str, str]
) -> None:
    assert error_of(await browser.exchange(await browser.code(), **changes)) == "invalid_grant"


async def test_a_failed_try_costs_the_code(browser: Browser) -> None:
    code = await browser.code()
    await browser.exchange(code, code_verifier="w" * 43)

    assert error_of(await browser.exchange(code)) == "invalid_grant"


@pytest.mark.parametrize("missing", ["code", "code_verifier", "redirect_uri", "grant_type"])
async def test_a_missing_parameter_is_named_and_costs_nothing(
    browser: Browser, missing: str
) -> None:
    code = await browser.code()

    refused = await browser.exchange(code, **{missing: ""})

    assert error_of(refused) == "invalid_request"
    assert missing in refused.json()["error_description"]
    assert (await browser.exchange(code)).status_code == 200


@pytest.mark.parametrize("grant_type", ["password", "client_credentials", "implicit"])
async def test_other_grants_are_refused(browser: Browser, grant_type: str) -> None:
    refused = await browser.exchange(await browser.code(), grant_type=grant_type)

    assert error_of(refused) == "unsupported_grant_type"


@pytest.mark.parametrize("changes", [{"client_id": "nobody"}, {"client_secret": "s"}])
async def test_a_client_that_is_not_ours_is_refused(
    browser: Browser, changes: dict[str, str]
) -> None:
    refused = await browser.exchange(await browser.code(), **changes)

    assert refused.status_code == 401
    assert error_of(refused) == "invalid_client"
    assert refused.headers["www-authenticate"]


async def test_a_client_with_a_secret_is_refused(browser: Browser) -> None:
    refused = await browser.http.post(f"{ISSUER}/token", auth=("cogep-spa", "secret"), data={})

    assert error_of(refused) == "invalid_client"


async def test_the_token_endpoint_reads_only_forms(browser: Browser) -> None:
    refused = await browser.http.post(f"{ISSUER}/token", json={"client_id": "cogep-spa"})

    assert error_of(refused) == "invalid_request"


async def test_tokens_are_never_cached(browser: Browser) -> None:
    response = await browser.exchange(await browser.code())

    assert response.headers["cache-control"] == "no-store"
    assert response.json()["token_type"] == "Bearer"


async def test_a_refresh_token_is_exchanged_for_the_next_one(browser: Browser) -> None:
    first = await browser.tokens()

    second = (await browser.refresh(first["refresh_token"])).json()
    third = await browser.refresh(second["refresh_token"])

    assert (
        len({first["refresh_token"], second["refresh_token"], third.json()["refresh_token"]}) == 3
    )
    assert (await browser.userinfo(third.json()["access_token"])).status_code == 200


async def test_a_refresh_token_that_comes_back_ends_the_grant(browser: Browser) -> None:
    first = await browser.tokens()
    second = (await browser.refresh(first["refresh_token"])).json()

    replayed = await browser.refresh(first["refresh_token"])

    assert error_of(replayed) == "invalid_grant"
    assert error_of(await browser.refresh(second["refresh_token"])) == "invalid_grant"
    assert (await browser.userinfo(second["access_token"])).status_code == 401


async def test_a_stolen_grant_does_not_touch_another_login(browser: Browser) -> None:
    mine = await browser.tokens()
    other = await browser.tokens(prompt="login")
    await browser.refresh(mine["refresh_token"])
    await browser.refresh(mine["refresh_token"])

    assert (await browser.refresh(other["refresh_token"])).status_code == 200


async def test_a_refresh_token_expires_when_it_is_not_used(browser: Browser) -> None:
    tokens = await browser.tokens()
    browser.clock.forward(8 * 3600 + 1)

    assert error_of(await browser.refresh(tokens["refresh_token"])) == "invalid_grant"


async def test_a_grant_in_use_outlives_its_first_refresh_token(browser: Browser) -> None:
    tokens = await browser.tokens()
    for _ in range(3):
        browser.clock.forward(7 * 3600)
        await browser.code(prompt="login")  # whoever logs in sweeps out what has expired
        tokens = (await browser.refresh(tokens["refresh_token"])).json()

    assert (await browser.userinfo(tokens["access_token"])).status_code == 200


@pytest.mark.parametrize("client_id", [OTHER_CLIENT])
async def test_a_refresh_token_of_another_client_is_refused(
    browser: Browser, client_id: str
) -> None:
    tokens = await browser.tokens()

    refused = await browser.refresh(tokens["refresh_token"], client_id=client_id)

    assert error_of(refused) == "invalid_grant"
    assert (await browser.refresh(tokens["refresh_token"])).status_code == 200


async def test_a_scope_may_shrink_but_not_grow(browser: Browser) -> None:
    tokens = await browser.tokens(scope="openid email")

    grown = await browser.refresh(tokens["refresh_token"], scope="openid email profile")
    shrunk = await browser.refresh(tokens["refresh_token"], scope="openid")

    assert error_of(grown) == "invalid_scope"
    assert shrunk.json()["scope"] == "openid"


async def _revoke(browser: Browser, token: str, client_id: str = "cogep-spa") -> int:
    data = {"token": token, "client_id": client_id}
    return (await browser.http.post(f"{ISSUER}/revoke", data=data)).status_code


@pytest.mark.parametrize("which", ["refresh_token", "access_token"])
async def test_a_revoked_token_ends_its_grant(browser: Browser, which: str) -> None:
    tokens = await browser.tokens()

    assert await _revoke(browser, tokens[which]) == 200
    assert error_of(await browser.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert (await browser.userinfo(tokens["access_token"])).status_code == 401


async def test_revoking_what_nobody_knows_is_fine(browser: Browser) -> None:
    assert await _revoke(browser, "unknown") == 200


async def test_a_client_cannot_revoke_anothers_token(browser: Browser) -> None:
    tokens = await browser.tokens()

    await _revoke(browser, tokens["refresh_token"], OTHER_CLIENT)

    assert (await browser.refresh(tokens["refresh_token"])).status_code == 200


async def test_userinfo_needs_a_token(browser: Browser) -> None:
    answer = await browser.http.get(f"{ISSUER}/userinfo")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_userinfo_refuses_an_expired_token(browser: Browser) -> None:
    tokens = await browser.tokens()
    browser.clock.forward(900)

    assert (await browser.userinfo(tokens["access_token"])).status_code == 401


async def test_userinfo_refuses_a_forged_token(browser: Browser) -> None:
    tokens = await browser.tokens()
    claims = jose_jwt.get_unverified_claims(tokens["access_token"])
    kid = jose_jwt.get_unverified_header(tokens["access_token"])["kid"]

    forged = jose_jwt.encode(claims, "secret", algorithm="HS256", headers={"kid": kid})

    answer = await browser.userinfo(forged)
    assert answer.status_code == 401
    assert "invalid_token" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("path", ["token", "userinfo", "revoke", "jwks.json"])
async def test_the_gateways_origin_may_call_by_script(browser: Browser, path: str) -> None:
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization",
    }

    allowed = await browser.http.options(f"{ISSUER}/{path}", headers=headers)
    refused = await browser.http.options(
        f"{ISSUER}/{path}", headers=headers | {"Origin": "http://evil.example"}
    )

    assert allowed.headers["access-control-allow-origin"] == ORIGIN
    assert "access-control-allow-credentials" not in allowed.headers
    assert "access-control-allow-origin" not in refused.headers


async def test_no_script_may_read_the_login_page(browser: Browser) -> None:
    page = await browser.http.get(f"{ISSUER}/authorize", headers={"Origin": ORIGIN})

    assert "access-control-allow-origin" not in page.headers
