"""Puts the provider together, for `uvicorn --factory devstack.oidc.app:create_provider_app`."""

import os
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send

from devstack.errors import DevstackError
from devstack.oidc.authorization import authorize, login
from devstack.oidc.grants import GrantStore
from devstack.oidc.keys import Clock, SigningKeys
from devstack.oidc.login_limit import LoginLimit
from devstack.oidc.logout import confirm_logout, logout
from devstack.oidc.metadata import discovery, health, jwks
from devstack.oidc.pages import FOLDER, Pages
from devstack.oidc.provider import Provider, provider_of
from devstack.oidc.settings import ProviderSettings, settings_from
from devstack.oidc.token_endpoint import revoke, token, userinfo
from devstack.oidc.tokens import TokenIssuer

# What scripts of the application call. The pages are for the address bar only.
_FOR_SCRIPTS: Final = (
    "/.well-known/openid-configuration",
    "/jwks.json",
    "/token",
    "/userinfo",
    "/revoke",
)


class ScriptAccess:
    """CORS for the endpoints scripts call, and for no page."""

    def __init__(self, app: ASGIApp, *, prefix: str, origins: tuple[str, ...]) -> None:
        self._app = app
        self._paths = frozenset(prefix + path for path in _FOR_SCRIPTS)
        self._shared = CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST"),
            allow_headers=("Authorization", "Content-Type"),
            max_age=600,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        shared = scope["type"] == "http" and scope["path"] in self._paths
        await (self._shared if shared else self._app)(scope, receive, send)


def create_provider_app(
    settings: ProviderSettings | None = None, *, now: Clock = time.time
) -> Starlette:
    """The provider, with the environment's settings when none are given.

    Started as a program it ends with one clear line and exit code 2 when it must not run.
    """
    if settings is not None:
        return _compose(settings, now)
    try:
        return _compose(settings_from(os.environ), now)
    except DevstackError as error:
        print(error, file=sys.stderr)
    except (OSError, sqlite3.Error) as error:
        print(f"The OpenID provider cannot keep its state: {error}", file=sys.stderr)
    raise SystemExit(2)


def _compose(settings: ProviderSettings, now: Clock) -> Starlette:
    keys = SigningKeys(settings.state_dir, token_lifetime=settings.access_token_lifetime, now=now)
    store = GrantStore(settings.state_dir, now=now)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        store.close()

    app = Starlette(
        routes=[Mount(settings.prefix, routes=_routes())],
        middleware=[
            Middleware(ScriptAccess, prefix=settings.prefix, origins=settings.allowed_origins)
        ],
        exception_handlers={404: _nothing_here, 405: _nothing_here},
        lifespan=lifespan,
    )
    app.state.provider = Provider(
        settings=settings,
        keys=keys,
        store=store,
        tokens=TokenIssuer(settings, keys, now),
        pages=Pages(settings),
        logins=LoginLimit(now=now, enabled=settings.limit_logins),
        now=now,
    )
    return app


def _routes() -> list[Route | Mount]:
    return [
        Route("/.well-known/openid-configuration", discovery),
        Route("/jwks.json", jwks),
        Route("/health", health),
        Route("/authorize", authorize, methods=["GET", "POST"]),
        Route("/login", login, methods=["POST"]),
        Route("/token", token, methods=["POST"]),
        Route("/userinfo", userinfo, methods=["GET", "POST"]),
        Route("/revoke", revoke, methods=["POST"]),
        Route("/logout", logout, methods=["GET", "POST"]),
        Route("/logout/confirm", confirm_logout, methods=["POST"]),
        Mount("/assets", StaticFiles(directory=FOLDER / "assets")),
    ]


async def _nothing_here(request: Request, error: Exception) -> Response:
    pages = provider_of(request).pages
    status_code = getattr(error, "status_code", 404)
    text = "Nada neste endereço. Comece a entrada pelo aplicativo."
    return pages.response(pages.message("Página não encontrada", text), status_code)
