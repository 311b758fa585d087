"""The parts of one running provider, and the cookies it sets."""

import secrets
from dataclasses import dataclass
from typing import Final, cast
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from devstack.oidc.grants import GrantStore, Session
from devstack.oidc.keys import Clock, SigningKeys
from devstack.oidc.login_limit import LoginLimit
from devstack.oidc.pages import Pages
from devstack.oidc.settings import ProviderSettings
from devstack.oidc.tokens import TokenIssuer

_BROWSER: Final = "cogep_browser"
_SESSION: Final = "cogep_session"


@dataclass(frozen=True, slots=True)
class Provider:
    """Everything an endpoint works with."""

    settings: ProviderSettings
    keys: SigningKeys
    store: GrantStore
    tokens: TokenIssuer
    pages: Pages
    logins: LoginLimit
    now: Clock

    def session_of(self, request: Request) -> Session | None:
        """Who is logged in with this browser."""
        cookie = request.cookies.get(self._cookie(_SESSION))
        return self.store.find_session(cookie) if cookie else None

    def remember_session(self, response: Response, cookie: str) -> None:
        """Hand the session to the browser."""
        self._set(response, _SESSION, cookie, self.settings.session_lifetime.total_seconds())

    def forget_session(self, response: Response) -> None:
        """Take the session back from the browser."""
        response.delete_cookie(
            self._cookie(_SESSION), path=self.settings.prefix, httponly=True, samesite="lax"
        )

    def browser_of(self, request: Request) -> str:
        """The random name of this browser: pages are bound to it. A new one when it has none."""
        return request.cookies.get(self._cookie(_BROWSER)) or secrets.token_urlsafe(32)

    def remember_browser(self, response: Response, browser: str) -> None:
        """Let the browser bring its name back with the form."""
        self._set(response, _BROWSER, browser, None)

    def _set(self, response: Response, name: str, value: str, max_age: float | None) -> None:
        response.set_cookie(
            self._cookie(name),
            value,
            max_age=int(max_age) if max_age is not None else None,
            path=self.settings.prefix,
            secure=self.settings.issuer.startswith("https:"),
            httponly=True,
            samesite="lax",  # strict would be missing when an application sends the browser here
        )

    def _cookie(self, name: str) -> str:
        # Cookies do not know ports: two systems on one machine must not log each other out.
        return f"{name}_{urlsplit(self.settings.issuer).port or 443}"


def provider_of(request: Request) -> Provider:
    """The provider this request was sent to."""
    return cast("Provider", request.app.state.provider)
