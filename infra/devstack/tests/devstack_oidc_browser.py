"""A browser and an application for the tests of the OpenID provider, on a clock of their own."""

import hashlib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from jose import jwt as jose_jwt

from devstack.oidc.app import create_provider_app
from devstack.oidc.clients import single_page_app
from devstack.oidc.keys import SigningKeys
from devstack.oidc.login import LoginForm
from devstack.oidc.provider import Provider
from devstack.oidc.settings import ProviderSettings, settings_from
from devstack.oidc.tokens import base64url
from devstack.people import DEVELOPMENT_PASSWORD

ORIGIN = "http://localhost:8080"
ISSUER = f"{ORIGIN}/auth"
CALLBACK = f"{ORIGIN}/callback"
VERIFIER = "v" * 43
CHALLENGE = base64url(hashlib.sha256(VERIFIER.encode()).digest())
OTHER_CLIENT = "another-app"


class Clock:
    """Time that only passes when told."""

    def __init__(self) -> None:
        self.seconds = time.time()

    def __call__(self) -> float:
        return self.seconds

    def forward(self, seconds: float) -> None:
        self.seconds += seconds


class Browser:
    """Cookies, an address bar, and an application's calls."""

    def __init__(self, http: httpx.AsyncClient, provider: Provider, clock: Clock) -> None:
        self.http = http
        self.provider = provider
        self.clock = clock

    async def authorize(self, **changes: str | None) -> httpx.Response:
        """Follow an application's link; None leaves a parameter out."""
        query = {
            "response_type": "code",
            "client_id": "cogep-spa",
            "redirect_uri": CALLBACK,
            "scope": "openid profile email",
            "state": "the-state",
            "nonce": "the-nonce",
            "code_challenge": CHALLENGE,
            "code_challenge_method": "S256",
        } | changes
        given = {name: value for name, value in query.items() if value is not None}
        return await self.http.get(f"{ISSUER}/authorize", params=given)

    async def submit(
        self, page: httpx.Response, person: str = "ana", password: str = DEVELOPMENT_PASSWORD
    ) -> httpx.Response:
        """Fill in a login page."""
        form = LoginForm.of(page.text)
        data = form.fields | {"username": person, "password": password}
        return await self.http.post(ORIGIN + form.action, data=data)

    async def code(self, person: str = "ana", **changes: str | None) -> str:
        """Log in and return the code of the redirect."""
        answer = await self.submit(await self.authorize(**changes), person)
        return redirect_query(answer)["code"]

    async def exchange(self, code: str, /, **changes: str) -> httpx.Response:
        """The application redeems a code."""
        data = {
            "grant_type": "authorization_code",
            "client_id": "cogep-spa",
            "redirect_uri": CALLBACK,
            "code": code,
            "code_verifier": VERIFIER,
        } | changes
        return await self.http.post(f"{ISSUER}/token", data=data)

    async def refresh(self, token: str, /, **changes: str) -> httpx.Response:
        """The application renews its tokens."""
        data = {"grant_type": "refresh_token", "client_id": "cogep-spa", "refresh_token": token}
        return await self.http.post(f"{ISSUER}/token", data=data | changes)

    async def tokens(self, person: str = "ana", **changes: str | None) -> dict[str, Any]:
        """The whole flow."""
        response = await self.exchange(await self.code(person, **changes))
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def userinfo(self, access_token: str) -> httpx.Response:
        """Ask whom a token stands for."""
        headers = {"Authorization": f"Bearer {access_token}"}
        return await self.http.get(f"{ISSUER}/userinfo", headers=headers)

    async def verified(self, token: str, audience: str, **options: Any) -> dict[str, Any]:
        """The claims as python-jose, which shares no code with the provider, reads them."""
        keys = (await self.http.get(f"{ISSUER}/jwks.json")).json()["keys"]
        kid = jose_jwt.get_unverified_header(token)["kid"]
        [key] = [key for key in keys if key["kid"] == kid]
        claims = jose_jwt.decode(
            token, key, algorithms=["RS256"], audience=audience, issuer=ISSUER, **options
        )
        return dict(claims)


def redirect_query(response: httpx.Response) -> dict[str, str]:
    """What a redirect carries."""
    assert response.status_code == 303, response.text
    query = parse_qs(urlsplit(response.headers["location"]).query)
    return {name: values[0] for name, values in query.items()}


def provider_settings(state_dir: Path) -> ProviderSettings:
    """The environment's defaults, and a second client to confuse the first one with."""
    settings = settings_from({"COGEP_STATE_DIR": str(state_dir)})
    other = replace(single_page_app("http://other.example"), id=OTHER_CLIENT)
    return replace(settings, clients={**settings.clients, OTHER_CLIENT: other})


@asynccontextmanager
async def open_browser(state_dir: Path, clock: Clock | None = None) -> AsyncIterator[Browser]:
    """A provider with its state in `state_dir`, and a browser in front of it."""
    clock, settings = clock or Clock(), provider_settings(state_dir)
    keys = settings.state_dir / "keys.json"
    if not keys.exists():
        keys.parent.mkdir(parents=True, exist_ok=True)
        keys.write_text(_key_file(), "utf-8")
    app = create_provider_app(settings, now=clock)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url=ORIGIN) as http:
        yield Browser(http, app.state.provider, clock)
    app.state.provider.store.close()


@cache
def _key_file() -> str:
    """RSA keys take a while to find: made once, used by every test."""
    with TemporaryDirectory() as folder:
        settings = provider_settings(Path(folder))
        SigningKeys(settings.state_dir, token_lifetime=settings.access_token_lifetime)
        return (settings.state_dir / "keys.json").read_text("utf-8")
