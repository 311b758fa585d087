"""What the authorization endpoint refuses: to the client when that is safe, else to the person."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from devstack_oidc_browser import CALLBACK, CHALLENGE, ISSUER, Browser, open_browser, redirect_query


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with open_browser(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": "s256"}, "invalid_request"),
        ({"code_challenge": "short"}, "invalid_request"),
        ({"code_challenge": CHALLENGE + "="}, "invalid_request"),
        ({"code_challenge": CHALLENGE[:-1] + "\n"}, "invalid_request"),
        ({"response_type": None}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_mode": "fragment"}, "invalid_request"),
        ({"scope": None}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"request": "e30.e30."}, "request_not_supported"),
        ({"request_uri": "https://elsewhere.example/r"}, "request_uri_not_supported"),
    ],
)
async def test_a_wrong_request_is_answered_to_the_client(
    browser: Browser, changes: dict[str, str | None], error: str
) -> None:
    answer = await browser.authorize(**changes)

    assert answer.headers["location"].startswith(f"{CALLBACK}?")
    query = redirect_query(answer)
    assert query["error"] == error
    assert query["state"] == "the-state"
    assert query["iss"] == ISSUER
    assert query["error_description"].isascii()
    assert "code" not in query


@pytest.mark.parametrize("client_id", [None, "", "cogep", "cogep-spa "])
async def test_an_unknown_client_gets_no_redirect(browser: Browser, client_id: str | None) -> None:
    answer = await browser.authorize(client_id=client_id)

    assert answer.status_code == 400
    assert "não está registrado" in answer.text
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "redirect_uri",
    [
        None,
        "",
        "http://localhost:8080",
        "http://localhost:8080/callback/",
        "http://localhost:8080/callback?next=x",
        "http://localhost:8080/callback#fragment",
        "http://localhost:8080/Callback",
        "http://localhost:8080/a/../callback",
        "http://localhost:8080/%63allback",
        "http://localhost:8081/callback",
        "https://localhost:8080/callback",
        "http://localhost:8080.evil.example/callback",
        "http://localhost:8080@evil.example/callback",
        "http://evil.example/callback",
        "http://localhost:49152/callback",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:0/callback",
        "http://127.0.0.1:65536/callback",
        "http://127.0.0.1:49152/",
        "http://127.0.0.1:49152/callback/x",
        "http://127.0.0.1:49152/callback?x=1",
        "http://127.0.0.1:49152/callback\n",
        "http://127.0.0.1:49152@evil.example/callback",
        "http://127.0.0.2:49152/callback",
        "https://127.0.0.1:49152/callback",
        "javascript:alert(1)",
        "//localhost:8080/callback",
    ],
)
async def test_an_unregistered_redirect_gets_no_redirect(
    browser: Browser, redirect_uri: str | None
) -> None:
    answer = await browser.authorize(redirect_uri=redirect_uri)

    assert answer.status_code == 400
    assert "O endereço de retorno não está registrado" in answer.text
    assert "location" not in answer.headers


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "http://localhost:8080/",
        "http://127.0.0.1:49152/callback",
        "http://127.0.0.1:1/callback",
        "http://[::1]:49152/callback",
    ],
)
async def test_a_registered_redirect_is_followed(browser: Browser, redirect_uri: str) -> None:
    answer = await browser.submit(await browser.authorize(redirect_uri=redirect_uri))

    assert answer.headers["location"].startswith(f"{redirect_uri}?code=")


async def test_a_clients_redirect_is_not_anothers(browser: Browser) -> None:
    answer = await browser.authorize(redirect_uri="http://other.example/callback")

    assert answer.status_code == 400


async def test_a_repeated_parameter_is_refused(browser: Browser) -> None:
    url = str((await browser.authorize()).request.url)

    answer = await browser.http.get(f"{url}&client_id=cogep-spa")

    assert answer.status_code == 400
    assert "a parameter is repeated" in answer.text


async def test_bytes_that_are_no_text_are_refused(browser: Browser) -> None:
    answer = await browser.http.get(f"{ISSUER}/authorize?client_id=%FF%FE")

    assert answer.status_code == 400


async def test_scopes_nobody_knows_are_ignored(browser: Browser) -> None:
    tokens = await browser.tokens(scope="openid email offline_access")

    assert tokens["scope"] == "openid email"


async def test_an_address_that_does_not_exist_is_explained(browser: Browser) -> None:
    answer = await browser.http.get(f"{ISSUER}/login")

    assert answer.status_code == 405
    assert "Comece a entrada pelo aplicativo" in answer.text
