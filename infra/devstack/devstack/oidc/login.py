"""Log in like a browser does: the whole code flow with PKCE, the login form included.

For `cogep token`, the seed and tests: they hold what any application could have obtained.
"""

import hashlib
import secrets
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from devstack.errors import DevstackError
from devstack.oidc.clients import SPA_CLIENT_ID
from devstack.oidc.keys import ALGORITHM
from devstack.oidc.tokens import base64url, left_half_hash
from devstack.people import DEVELOPMENT_PASSWORD

# Never listened on: the redirect is read, not followed.
_REDIRECT_URI: Final = "http://127.0.0.1:1/callback"
_SCOPE: Final = "openid profile email"


class LoginFailed(DevstackError):
    """The provider cannot be reached, or did not let the person in."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a login gives."""

    access_token: str
    id_token: str
    refresh_token: str
    expires_in: int


async def obtain_token(
    person: str,
    password: str = DEVELOPMENT_PASSWORD,
    *,
    issuer: str = "http://localhost:8080/auth",
    client_id: str = SPA_CLIENT_ID,
    http: httpx.AsyncClient | None = None,
) -> Tokens:
    """Log `person` in at `issuer`.

    Raises:
        LoginFailed: with one line saying what the provider answered.
    """
    if http is not None:
        return await _Login(http, issuer, client_id).run(person, password)
    async with httpx.AsyncClient(timeout=10, trust_env=False) as own:
        return await _Login(own, issuer, client_id).run(person, password)


class _Login:
    """One attempt, with its own secrets."""

    def __init__(self, http: httpx.AsyncClient, issuer: str, client_id: str) -> None:
        self._http = http
        self._issuer = issuer
        self._client_id = client_id
        self._verifier = secrets.token_urlsafe(48)
        self._state = secrets.token_urlsafe(16)
        self._nonce = secrets.token_urlsafe(16)

    async def run(self, person: str, password: str) -> Tokens:
        try:
            provider = await self._discover()
            code = await self._authorize(provider["authorization_endpoint"], person, password)
            answer = await self._exchange(provider["token_endpoint"], code)
            await self._check_id_token(provider["jwks_uri"], answer)
        except httpx.HTTPError as error:
            raise LoginFailed(
                f"The OpenID provider {self._issuer} does not answer: {error}"
            ) from error
        return Tokens(
            access_token=answer["access_token"],
            id_token=answer["id_token"],
            refresh_token=answer["refresh_token"],
            expires_in=answer["expires_in"],
        )

    async def _discover(self) -> dict[str, Any]:
        response = await self._http.get(f"{self._issuer}/.well-known/openid-configuration")
        document = _json(response, "discovery")
        if document.get("issuer") != self._issuer:
            raise LoginFailed(f"{self._issuer} says it is another issuer: {document.get('issuer')}")
        return document

    async def _authorize(self, endpoint: str, person: str, password: str) -> str:
        digest = hashlib.sha256(self._verifier.encode("ascii")).digest()
        query = {
            "response_type": "code",
            "client_id": self._client_id,
            "redirect_uri": _REDIRECT_URI,
            "scope": _SCOPE,
            "state": self._state,
            "nonce": self._nonce,
            "code_challenge": base64url(digest),
            "code_challenge_method": "S256",
            "prompt": "login",  # not the token of whoever logged in before
        }
        page = await self._http.get(endpoint, params=query, follow_redirects=False)
        if page.is_redirect:
            return self._code(page.headers["location"])
        form = LoginForm.of(page.text)
        filled = form.fields | {"username": person, "password": password}
        answer = await self._http.post(
            urljoin(endpoint, form.action), data=filled, follow_redirects=False
        )
        if answer.is_redirect:
            return self._code(answer.headers["location"])
        reason = LoginForm.of(answer.text).problem or f"status {answer.status_code}"
        raise LoginFailed(f"{person} was not logged in: {reason}")

    def _code(self, location: str) -> str:
        answer = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        if "error" in answer:
            raise LoginFailed(f"{answer['error']}: {answer.get('error_description', '')}")
        if answer.get("state") != self._state or answer.get("iss") != self._issuer:
            raise LoginFailed("The answer belongs to another login: state or issuer do not fit.")
        return answer["code"]

    async def _exchange(self, endpoint: str, code: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "client_id": self._client_id,
            "redirect_uri": _REDIRECT_URI,
            "code": code,
            "code_verifier": self._verifier,
        }
        return _json(await self._http.post(endpoint, data=form), "token")

    async def _check_id_token(self, jwks_uri: str, answer: dict[str, Any]) -> None:
        keys: Any = _json(await self._http.get(jwks_uri), "jwks")
        try:
            token = jwt.decode(answer["id_token"], KeySet.import_key_set(keys), [ALGORITHM])
            expected = jwt.JWTClaimsRegistry(
                iss={"essential": True, "value": self._issuer},
                aud={"essential": True, "value": self._client_id},
                nonce={"essential": True, "value": self._nonce},
                at_hash={"essential": True, "value": left_half_hash(answer["access_token"])},
            )
            expected.validate(token.claims)
        except (JoseError, ValueError, KeyError) as error:
            raise LoginFailed(f"The id token does not verify: {error}") from error


class LoginForm(HTMLParser):
    """Reads the login page: the form's address, its hidden fields, the alert."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.fields: dict[str, str] = {}
        self.problem = ""
        self._in_alert = False

    @classmethod
    def of(cls, html: str) -> "LoginForm":
        """The form of a page."""
        form = cls()
        form.feed(html)
        return form

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what a browser would send."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given.get("action", "")
        elif tag == "input" and given.get("type") == "hidden":
            self.fields[given["name"]] = given.get("value", "")
        elif given.get("role") == "alert":
            self._in_alert = True

    def handle_endtag(self, tag: str) -> None:
        """The alert is one paragraph."""
        if tag == "p":
            self._in_alert = False

    def handle_data(self, data: str) -> None:
        """What the alert says."""
        if self._in_alert:
            self.problem = f"{self.problem} {data}".strip()


def _json(response: httpx.Response, what: str) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        body = {}
    if response.status_code != 200 or not isinstance(body, dict):
        reason = body.get("error_description") if isinstance(body, dict) else None
        raise LoginFailed(f"{what} failed with {response.status_code}: {reason or response.url}")
    return body
