"""Logging out: at once for the application, after a question for a link from anywhere."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from devstack_oidc_browser import ISSUER, ORIGIN, OTHER_CLIENT, Browser, open_browser

from devstack.oidc.login import LoginForm


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with open_browser(tmp_path) as opened:
        yield opened


async def log_out(browser: Browser, **parameters: str) -> httpx.Response:
    return await browser.http.get(f"{ISSUER}/logout", params=parameters)


async def is_logged_in(browser: Browser) -> bool:
    return (await browser.authorize()).status_code == 303


async def test_the_application_logs_out_and_comes_back(browser: Browser) -> None:
    tokens = await browser.tokens()

    answer = await log_out(
        browser,
        id_token_hint=tokens["id_token"],
        post_logout_redirect_uri=f"{ORIGIN}/",
        state="bye bye",
    )

    assert answer.status_code == 303
    assert answer.headers["location"] == f"{ORIGIN}/?state=bye+bye"
    assert not await is_logged_in(browser)


async def test_logging_out_ends_the_grants_of_the_session(browser: Browser) -> None:
    tokens = await browser.tokens()

    await log_out(browser, id_token_hint=tokens["id_token"])

    assert (await browser.refresh(tokens["refresh_token"])).status_code == 400
    assert (await browser.userinfo(tokens["access_token"])).status_code == 401


async def test_an_expired_id_token_still_logs_out(browser: Browser) -> None:
    tokens = await browser.tokens()
    browser.clock.forward(3600)

    answer = await log_out(browser, id_token_hint=tokens["id_token"])

    assert "Você saiu" in answer.text
    assert not await is_logged_in(browser)


async def test_a_link_from_anywhere_asks_first(browser: Browser) -> None:
    await browser.tokens()

    question = await log_out(browser)

    assert question.status_code == 200
    assert "Ana Prado" in question.text
    assert await is_logged_in(browser)


async def test_the_button_logs_out(browser: Browser) -> None:
    await browser.tokens()
    question = await log_out(browser, client_id="cogep-spa", post_logout_redirect_uri=f"{ORIGIN}/")
    form = LoginForm.of(question.text)

    answer = await browser.http.post(ORIGIN + form.action, data=form.fields)

    assert answer.headers["location"] == f"{ORIGIN}/"
    assert not await is_logged_in(browser)


async def test_another_site_cannot_press_the_button(browser: Browser) -> None:
    await browser.tokens()
    await log_out(browser)

    answer = await browser.http.post(f"{ISSUER}/logout/confirm", data={"token": "guessed"})

    assert answer.status_code == 400
    assert await is_logged_in(browser)


async def test_a_login_form_is_not_a_logout_form(browser: Browser) -> None:
    page = LoginForm.of((await browser.authorize()).text)

    answer = await browser.http.post(f"{ISSUER}/logout/confirm", data=page.fields)

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "uri",
    ["http://evil.example/", f"{ORIGIN}/elsewhere", f"{ORIGIN}.evil.example/", "javascript:1"],
)
async def test_an_unregistered_return_address_is_refused(browser: Browser, uri: str) -> None:
    tokens = await browser.tokens()

    answer = await log_out(browser, id_token_hint=tokens["id_token"], post_logout_redirect_uri=uri)

    assert answer.status_code == 400
    assert "location" not in answer.headers
    assert await is_logged_in(browser)


async def test_a_return_address_needs_a_client(browser: Browser) -> None:
    answer = await log_out(browser, post_logout_redirect_uri=f"{ORIGIN}/")

    assert answer.status_code == 400


async def test_a_foreign_id_token_is_refused(browser: Browser) -> None:
    answer = await log_out(browser, id_token_hint="e30.e30.e30")

    assert answer.status_code == 400


async def test_an_access_token_is_no_hint(browser: Browser) -> None:
    tokens = await browser.tokens()

    answer = await log_out(browser, id_token_hint=tokens["access_token"])

    assert answer.status_code == 400


async def test_client_and_hint_must_agree(browser: Browser) -> None:
    tokens = await browser.tokens()

    answer = await log_out(browser, id_token_hint=tokens["id_token"], client_id=OTHER_CLIENT)

    assert answer.status_code == 400


async def test_the_hint_of_another_session_asks_first(browser: Browser) -> None:
    old = await browser.tokens()
    await browser.tokens("bruno", prompt="login")

    question = await log_out(browser, id_token_hint=old["id_token"])

    assert "Bruno Tavares" in question.text
    assert await is_logged_in(browser)


async def test_who_is_not_logged_in_is_told_goodbye(browser: Browser) -> None:
    answer = await log_out(browser)

    assert answer.status_code == 200
    assert "Você saiu" in answer.text
