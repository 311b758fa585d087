"""RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0)."""

from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from devstack.oidc.grants import Session
from devstack.oidc.parameters import MalformedRequest, Parameters, parameters_of
from devstack.oidc.provider import Provider, provider_of
from devstack.people import PEOPLE

_LOGOUT: Final = "logout"


class LogoutRefused(Exception):
    """Shown to the person: the request cannot be trusted."""


async def logout(request: Request) -> Response:
    """GET or POST /logout.

    Without an id token of the session the person is asked first: any page may link here.
    """
    provider = provider_of(request)
    try:
        parameters = await parameters_of(request)
        sid = _hinted_session(provider, parameters)
        return_to = _return_address(provider, parameters)
    except (MalformedRequest, LogoutRefused) as error:
        html = provider.pages.message("Não foi possível sair", str(error))
        return provider.pages.response(html, 400)
    session = provider.session_of(request)
    if sid is not None and (session is None or session.sid == sid):
        return _ended(provider, sid, return_to)
    if session is None:
        return _goodbye(provider, return_to)
    return _ask(provider, request, session, return_to)


async def confirm_logout(request: Request) -> Response:
    """POST /logout/confirm: the person pressed the button."""
    provider = provider_of(request)
    try:
        form = await parameters_of(request)
    except MalformedRequest:
        form = {}
    token = form.get("token", "")
    page = provider.store.find_page(_LOGOUT, provider.browser_of(request), token)
    if page is None or not provider.store.close_page(token):
        text = "Esta página expirou ou já foi usada."
        html = provider.pages.message("Não foi possível sair", text)
        return provider.pages.response(html, 400)
    return _ended(provider, page["sid"], page.get("return_to"))


def _hinted_session(provider: Provider, parameters: Parameters) -> str | None:
    hint = parameters.get("id_token_hint")
    if hint is None:
        return None
    login = provider.tokens.hinted_login(hint)
    if login is None:
        raise LogoutRefused("O comprovante de entrada enviado não foi emitido aqui.")
    client_id, sid = login
    if parameters.setdefault("client_id", client_id) != client_id:
        raise LogoutRefused("O comprovante de entrada é de outro aplicativo.")
    return sid


def _return_address(provider: Provider, parameters: Parameters) -> str | None:
    uri = parameters.get("post_logout_redirect_uri")
    if uri is None:
        return None
    client = provider.settings.clients.get(parameters.get("client_id", ""))
    if client is None or not client.may_return_to(uri):
        raise LogoutRefused("O endereço de retorno não está registrado para este aplicativo.")
    state = parameters.get("state")
    if state is None:
        return uri
    joint = "&" if urlsplit(uri).query else "?"
    return f"{uri}{joint}{urlencode({'state': state})}"


def _ask(provider: Provider, request: Request, session: Session, return_to: str | None) -> Response:
    browser = provider.browser_of(request)
    content = {"sid": session.sid} | ({"return_to": return_to} if return_to else {})
    lifetime = provider.settings.login_page_lifetime.total_seconds()
    token = provider.store.open_page(_LOGOUT, browser, content, lifetime)
    html = provider.pages.confirm_logout(token=token, name=PEOPLE[session.username].name)
    response = provider.pages.response(html, form_leads_to=return_to)
    provider.remember_browser(response, browser)
    return response


def _ended(provider: Provider, sid: str, return_to: str | None) -> Response:
    provider.store.end_session(sid)
    response = _goodbye(provider, return_to)
    provider.forget_session(response)
    return response


def _goodbye(provider: Provider, return_to: str | None) -> Response:
    if return_to is not None:
        return RedirectResponse(return_to, 303, headers={"Cache-Control": "no-store"})
    html = provider.pages.message("Você saiu", "Até a próxima.")
    return provider.pages.response(html)
