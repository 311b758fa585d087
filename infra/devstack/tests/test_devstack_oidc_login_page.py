"""The login page: what it shows, whom it lets in, and how often one may try."""

from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from devstack_oidc_browser import ISSUER, Browser, open_browser, redirect_query

from devstack.oidc.login import LoginForm
from devstack.oidc.pages import FOLDER


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with open_browser(tmp_path) as opened:
        yield opened


class Elements(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


async def test_the_page_is_portuguese_and_works_without_scripts(browser: Browser) -> None:
    page = Elements((await browser.authorize()).text)

    assert page.all("html") == [{"lang": "pt-BR"}]
    assert page.all("script") == []
    assert not [name for _, given in page.found for name in given if name.startswith("on")]


async def test_every_field_has_a_label_and_tells_password_managers_what_it_is(
    browser: Browser,
) -> None:
    page = Elements((await browser.authorize()).text)
    fields = {given["id"]: given for given in page.all("input") if given.get("type") != "hidden"}

    assert {given["for"] for given in page.all("label")} == set(fields) == {"username", "password"}
    assert fields["username"]["autocomplete"] == "username"
    assert fields["password"]["autocomplete"] == "current-password"


async def test_the_page_is_nobodys_frame_and_never_cached(browser: Browser) -> None:
    headers = (await browser.authorize()).headers
    policy = headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' http://localhost:8080" in policy
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "no-referrer"


async def test_the_policy_lets_the_form_lead_to_the_command_line(browser: Browser) -> None:
    page = await browser.authorize(redirect_uri="http://127.0.0.1:49152/callback")

    assert "form-action 'self' http://127.0.0.1:49152" in page.headers["content-security-policy"]


async def test_the_style_sheet_is_served_where_the_policy_allows_it(browser: Browser) -> None:
    [link] = [
        given
        for given in Elements((await browser.authorize()).text).all("link")
        if given["rel"] == "stylesheet"
    ]

    style = await browser.http.get(f"http://localhost:8080{link['href']}")

    assert style.text == (FOLDER / "assets" / "auth.css").read_text("utf-8")


async def test_cookies_are_out_of_reach_for_scripts_and_other_sites(browser: Browser) -> None:
    page = await browser.authorize()
    answer = await browser.submit(page)

    for response in (page, answer):
        cookie = response.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=lax" in cookie
        assert "path=/auth" in cookie


async def test_two_systems_on_one_machine_use_other_cookies(browser: Browser) -> None:
    page = await browser.authorize()

    assert page.headers["set-cookie"].startswith("cogep_browser_8080=")


async def test_a_wrong_password_is_told_and_can_be_corrected(browser: Browser) -> None:
    refused = await browser.submit(await browser.authorize(), "ana", "wrong")
    form = LoginForm.of(refused.text)

    assert refused.status_code == 403
    assert form.problem == "Usuário ou senha incorretos. Confira e tente de novo."
    assert 'value="ana"' in refused.text
    assert "wrong" not in refused.text
    assert "code" in redirect_query(await browser.submit(refused))


async def test_an_unknown_name_is_answered_like_a_wrong_password(browser: Browser) -> None:
    wrong = await browser.submit(await browser.authorize(), "ana", "wrong")
    unknown = await browser.submit(await browser.authorize(), "nobody", "cogep")

    assert unknown.status_code == wrong.status_code
    assert LoginForm.of(unknown.text).problem == LoginForm.of(wrong.text).problem


async def test_names_are_read_generously(browser: Browser) -> None:
    answer = await browser.submit(await browser.authorize(), " Ana ")

    assert "code" in redirect_query(answer)


async def test_what_was_typed_is_escaped(browser: Browser) -> None:
    refused = await browser.submit(await browser.authorize(), '"><script>alert(1)</script>', "x")

    assert Elements(refused.text).all("script") == []
    assert "&lt;script&gt;" in refused.text


async def test_a_hinted_name_is_filled_in(browser: Browser) -> None:
    page = await browser.authorize(login_hint="bruno")

    assert 'value="bruno"' in page.text


async def test_a_form_from_another_browser_is_refused(browser: Browser, tmp_path: Path) -> None:
    page = await browser.authorize()
    browser.http.cookies.clear()

    answer = await browser.submit(page)

    assert answer.status_code == 400
    assert "expirou ou já foi usada" in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("token", ["", "forged"])
async def test_a_forged_form_is_refused(browser: Browser, token: str) -> None:
    await browser.authorize()
    data = {"token": token, "username": "ana", "password": "cogep"}

    answer = await browser.http.post(f"{ISSUER}/login", data=data)

    assert answer.status_code == 400


async def test_a_form_works_once(browser: Browser) -> None:
    page = await browser.authorize()
    await browser.submit(page)

    assert (await browser.submit(page)).status_code == 400


async def test_a_form_does_not_work_for_ever(browser: Browser) -> None:
    page = await browser.authorize()
    browser.clock.forward(30 * 60 + 1)

    assert (await browser.submit(page)).status_code == 400


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=b"])
async def test_only_forms_are_read(browser: Browser, content_type: str) -> None:
    answer = await browser.http.post(
        f"{ISSUER}/login", content=b"{}", headers={"Content-Type": content_type}
    )

    assert answer.status_code == 400


async def test_a_huge_form_is_not_read(browser: Browser) -> None:
    answer = await browser.http.post(f"{ISSUER}/login", data={"token": "x" * 40_000})

    assert answer.status_code == 400
    assert "the body is too large" in answer.text


async def _fail(browser: Browser, person: str, times: int) -> httpx.Response:
    page = await browser.authorize(prompt="login")
    answers = [await browser.submit(page, person, "wrong") for _ in range(times)]
    return answers[-1]


async def test_the_sixth_wrong_password_in_a_minute_must_wait(browser: Browser) -> None:
    fifth = await _fail(browser, "ana", 5)
    sixth = await browser.submit(await browser.authorize(), "ANA", "cogep")

    assert fifth.status_code == 403
    assert sixth.status_code == 429
    assert 0 < int(sixth.headers["retry-after"]) <= 61
    assert "Muitas tentativas" in LoginForm.of(sixth.text).problem


async def test_waiting_helps(browser: Browser) -> None:
    limited = await _fail(browser, "ana", 6)
    browser.clock.forward(float(limited.headers["retry-after"]))

    assert "code" in redirect_query(await browser.submit(await browser.authorize()))


async def test_somebody_else_may_still_log_in(browser: Browser) -> None:
    await _fail(browser, "ana", 6)

    assert "code" in redirect_query(await browser.submit(await browser.authorize(), "bruno"))


async def test_right_passwords_are_not_counted(browser: Browser) -> None:
    codes = [await browser.code(prompt="login") for _ in range(7)]

    assert len(set(codes)) == 7
