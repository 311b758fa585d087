"""The authorization endpoint and the login form: an application asks, and gets a code."""

import hmac
from dataclasses import asdict
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from devstack.oidc.authorization_request import (
    AuthorizationRequest,
    Destination,
    RefusedRequest,
    UnsafeRedirect,
    read_destination,
    read_request,
)
from devstack.oidc.grants import NewGrant, Session
from devstack.oidc.parameters import MalformedRequest, parameters_of
from devstack.oidc.provider import Provider, provider_of
from devstack.people import DEVELOPMENT_PASSWORD, PEOPLE

_LOGIN: Final = "login"
_LONGEST_PASSWORD: Final = 1024


async def authorize(request: Request) -> Response:
    """GET or POST /authorize: answer with a code, an error for the client, or the login page."""
    provider = provider_of(request)
    try:
        parameters = await parameters_of(request)
        destination = read_destination(parameters, provider.settings.clients)
    except MalformedRequest as error:
        return _explain(provider, "O pedido de entrada não pôde ser lido.", str(error))
    except UnsafeRedirect as error:
        return _explain(provider, str(error), _registered(provider))
    try:
        asked = read_request(parameters)
        session = _usable_session(provider, provider.session_of(request), asked)
    except RefusedRequest as error:
        answer = {"error": error.error, "error_description": error.description}
        return _redirect(destination.url(provider.settings.issuer, answer))
    if session is not None:
        return _redirect(_grant(provider, session, destination, asked))
    return _login_page(provider, request, destination, asked)


async def login(request: Request) -> Response:
    """POST /login: the password of the form."""
    provider = provider_of(request)
    try:
        form = await parameters_of(request)
    except MalformedRequest as error:
        return _explain(provider, "O formulário não pôde ser lido.", str(error))
    token, username = form.get("token", ""), form.get("username", "").strip()
    page = provider.store.find_page(_LOGIN, provider.browser_of(request), token)
    if page is None:
        return _explain(provider, "Esta página de entrada expirou ou já foi usada.")
    address = request.client.host if request.client else "unknown"
    wait = provider.logins.attempt(address, username)
    if wait is not None:
        problem = f"Muitas tentativas. Aguarde {wait} segundos e tente de novo."
        response = _form(provider, page, token, username, problem, status_code=429)
        response.headers["Retry-After"] = str(wait)
        return response
    if not _password_is_right(username, form.get("password", "")):
        problem = "Usuário ou senha incorretos. Confira e tente de novo."
        return _form(provider, page, token, username, problem, status_code=403)
    if not provider.store.close_page(token):
        return _explain(provider, "Esta página de entrada expirou ou já foi usada.")
    provider.logins.succeeded(address, username)
    return _logged_in(provider, page, PEOPLE[username.casefold()].username)


def _logged_in(provider: Provider, page: dict[str, str], username: str) -> Response:
    session, cookie = provider.store.open_session(
        username, provider.settings.session_lifetime.total_seconds()
    )
    destination, asked = _recall(page)
    response = _redirect(_grant(provider, session, destination, asked))
    provider.remember_session(response, cookie)
    return response


def _usable_session(
    provider: Provider, session: Session | None, asked: AuthorizationRequest
) -> Session | None:
    """The session, when the client accepts it; None when somebody has to log in (again)."""
    if session is not None and asked.max_age is not None:
        age = provider.now() - session.auth_time
        session = session if age <= asked.max_age else None
    if asked.prompt & {"login", "select_account"}:
        session = None
    if session is None and "none" in asked.prompt:
        raise RefusedRequest("login_required", "nobody is logged in")
    return session


def _grant(
    provider: Provider, session: Session, destination: Destination, asked: AuthorizationRequest
) -> str:
    """Make a code and return the address that carries it to the client."""
    settings = provider.settings
    code = provider.store.authorize(
        NewGrant(
            session=session,
            client_id=destination.client_id,
            scope=asked.scope,
            nonce=asked.nonce,
            redirect_uri=destination.redirect_uri,
            code_challenge=asked.code_challenge,
        ),
        code_lifetime=settings.code_lifetime.total_seconds(),
        grant_lifetime=settings.refresh_token_lifetime.total_seconds(),
    )
    return destination.url(settings.issuer, {"code": code})


def _login_page(
    provider: Provider, request: Request, destination: Destination, asked: AuthorizationRequest
) -> Response:
    browser = provider.browser_of(request)
    page = _remember(destination, asked)
    lifetime = provider.settings.login_page_lifetime.total_seconds()
    token = provider.store.open_page(_LOGIN, browser, page, lifetime)
    response = _form(provider, page, token, asked.login_hint, None, status_code=200)
    provider.remember_browser(response, browser)
    return response


def _form(
    provider: Provider,
    page: dict[str, str],
    token: str,
    username: str,
    problem: str | None,
    *,
    status_code: int,
) -> Response:
    html = provider.pages.login(token=token, username=username, problem=problem)
    return provider.pages.response(html, status_code, form_leads_to=page["redirect_uri"])


def _password_is_right(username: str, password: str) -> bool:
    # Compared for unknown names, too: the time taken does not tell which names exist.
    given = password[:_LONGEST_PASSWORD].encode()
    right = hmac.compare_digest(given, DEVELOPMENT_PASSWORD.encode())
    return right and username.casefold() in PEOPLE


def _remember(destination: Destination, asked: AuthorizationRequest) -> dict[str, str]:
    kept = asdict(destination) | {
        "scope": asked.scope,
        "nonce": asked.nonce,
        "code_challenge": asked.code_challenge,
    }
    return {name: value for name, value in kept.items() if value is not None}


def _recall(page: dict[str, str]) -> tuple[Destination, AuthorizationRequest]:
    destination = Destination(page["client_id"], page["redirect_uri"], page.get("state"))
    asked = AuthorizationRequest(
        scope=page["scope"],
        nonce=page.get("nonce"),
        code_challenge=page["code_challenge"],
        prompt=frozenset(),
        max_age=None,
        login_hint="",
    )
    return destination, asked


def _redirect(url: str) -> Response:
    # 303: the browser must not post the password on to the application (RFC 9700 §4.12).
    return RedirectResponse(url, 303, headers={"Cache-Control": "no-store"})


def _registered(provider: Provider) -> str:
    uris = sorted(uri for each in provider.settings.clients.values() for uri in each.redirect_uris)
    return "Endereços registrados: " + ", ".join(uris)


def _explain(provider: Provider, text: str, detail: str = "") -> Response:
    html = provider.pages.message("Não foi possível entrar", text, detail=detail)
    return provider.pages.response(html, 400)
