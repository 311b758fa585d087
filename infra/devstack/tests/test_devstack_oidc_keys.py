"""The signing keys: two published, rotated without a token becoming invalid, kept private."""

import json
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from devstack_oidc_browser import ISSUER, Browser, Clock, open_browser
from jose import jwt as jose_jwt

from devstack.oidc.keys import KeysUnreadable, SigningKeys

LIFETIME = timedelta(minutes=15)


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    async with open_browser(tmp_path) as opened:
        yield opened


async def published(browser: Browser) -> list[dict[str, Any]]:
    return list((await browser.http.get(f"{ISSUER}/jwks.json")).json()["keys"])


def kid_of(token: str) -> str:
    return str(jose_jwt.get_unverified_header(token)["kid"])


async def test_the_next_key_is_published_before_it_signs(browser: Browser) -> None:
    current, upcoming = await published(browser)
    tokens = await browser.tokens()

    assert kid_of(tokens["access_token"]) == current["kid"]
    assert upcoming["kid"] != current["kid"]


async def test_nothing_private_is_published(browser: Browser) -> None:
    for key in await published(browser):
        assert set(key) == {"kty", "n", "e", "kid", "use", "alg"}
        assert (key["kty"], key["use"], key["alg"]) == ("RSA", "sig", "RS256")


async def test_rotation_signs_with_the_key_verifiers_already_know(browser: Browser) -> None:
    _, upcoming = await published(browser)

    kid = browser.provider.keys.rotate()

    tokens = await browser.tokens()
    assert kid == kid_of(tokens["access_token"]) == upcoming["kid"]


async def test_tokens_from_before_a_rotation_stay_valid(browser: Browser) -> None:
    tokens = await browser.tokens()

    browser.provider.keys.rotate()

    assert await browser.verified(tokens["access_token"], "cogep-api")
    assert (await browser.userinfo(tokens["access_token"])).status_code == 200
    assert len(await published(browser)) == 3


async def test_a_retired_key_goes_when_its_last_token_expired(browser: Browser) -> None:
    old = (await published(browser))[0]["kid"]
    browser.provider.keys.rotate()
    browser.clock.forward(LIFETIME.total_seconds() + 61)

    assert old not in [key["kid"] for key in await published(browser)]


async def test_a_running_provider_notices_a_rotation_by_another_process(
    browser: Browser, tmp_path: Path
) -> None:
    elsewhere = SigningKeys(tmp_path / "oidc", token_lifetime=LIFETIME)

    kid = elsewhere.rotate()

    assert kid_of((await browser.tokens())["access_token"]) == kid


def test_the_private_half_of_a_retired_key_is_thrown_away(tmp_path: Path) -> None:
    keys = SigningKeys(tmp_path, token_lifetime=LIFETIME)
    keys.rotate()

    [retired] = json.loads((tmp_path / "keys.json").read_text("utf-8"))["retired"]

    assert "d" not in retired["key"]


def test_only_the_owner_may_read_keys_and_grants(tmp_path: Path) -> None:
    state = tmp_path / "oidc"
    SigningKeys(state, token_lifetime=LIFETIME)
    file = state / "keys.json"
    file.chmod(0o644)
    SigningKeys(state, token_lifetime=LIFETIME)

    assert file.stat().st_mode & 0o777 == 0o600
    assert state.stat().st_mode & 0o777 == 0o700


def grant_files(state_dir: Path) -> list[Path]:
    return list(state_dir.glob("oidc/grants*"))


async def test_the_grants_file_is_private(browser: Browser, tmp_path: Path) -> None:
    await browser.tokens()

    modes = {file.stat().st_mode & 0o077 for file in grant_files(tmp_path)}

    assert modes == {0}


async def test_no_secret_is_stored_in_the_clear(browser: Browser, tmp_path: Path) -> None:
    code = await browser.code()
    tokens = (await browser.exchange(code)).json()
    cookie = browser.http.cookies["cogep_session_8080"]

    stored = b"".join(file.read_bytes() for file in grant_files(tmp_path))

    for secret in (code, tokens["refresh_token"], cookie):
        assert secret.encode() not in stored


def test_providers_that_start_together_agree_on_the_keys(tmp_path: Path) -> None:
    def start(_: int) -> str | None:
        return SigningKeys(tmp_path, token_lifetime=LIFETIME).current().kid

    with ThreadPoolExecutor(4) as pool:
        kids = set(pool.map(start, range(4)))

    assert len(kids) == 1


def test_the_keys_survive_a_restart(tmp_path: Path) -> None:
    first = SigningKeys(tmp_path, token_lifetime=LIFETIME).current().kid

    assert SigningKeys(tmp_path, token_lifetime=LIFETIME).current().kid == first


@pytest.mark.parametrize("content", ["", "{", "{}", '{"current": {}, "next": {}, "retired": []}'])
def test_a_damaged_file_is_one_clear_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content, "utf-8")

    with pytest.raises(KeysUnreadable, match=r"keys\.json are damaged: delete the file"):
        SigningKeys(tmp_path, token_lifetime=LIFETIME)


def test_an_interrupted_rotation_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = SigningKeys(tmp_path, token_lifetime=LIFETIME, now=Clock())
    before = keys.current().kid

    def die(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(json, "dump", die)
        with pytest.raises(OSError, match="no space left"):
            keys.rotate()

    assert SigningKeys(tmp_path, token_lifetime=LIFETIME).current().kid == before
    assert keys.rotate() != before
