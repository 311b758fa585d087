"""The token, userinfo and revocation endpoints: what applications call, never an address bar."""

import hashlib
import hmac
import re
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from devstack.oidc.grants import Grant
from devstack.oidc.parameters import MalformedRequest, Parameters, parameters_of
from devstack.oidc.provider import Provider, provider_of
from devstack.oidc.tokens import base64url, person_claims
from devstack.people import PEOPLE

_VERIFIER: Final = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z", re.ASCII)  # RFC 7636 §4.1
_NO_STORE: Final = {"Cache-Control": "no-store", "Pragma": "no-cache"}


class TokenRefused(Exception):
    """An error of RFC 6749 §5.2. The description is ASCII."""

    def __init__(self, error: str, description: str, status_code: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status_code = status_code


async def token(request: Request) -> Response:
    """POST /token: a code or a refresh token becomes tokens."""
    provider = provider_of(request)
    try:
        form = await _form_of(request, provider)
        grant, scope = _redeem(provider, form)
    except TokenRefused as error:
        return _refusal(error)
    return JSONResponse(_tokens(provider, grant, scope), headers=_NO_STORE)


async def revoke(request: Request) -> Response:
    """POST /revoke (RFC 7009). Revoking any token ends the grant it came from."""
    provider = provider_of(request)
    try:
        form = await _form_of(request, provider)
        value = _needed(form, "token")
    except TokenRefused as error:
        return _refusal(error)
    grant = provider.store.find_by_refresh_token(value) or _grant_of_access_token(provider, value)
    if grant is not None and grant.client_id == form["client_id"]:
        provider.store.revoke(grant.id)
    return Response(status_code=200, headers=_NO_STORE)  # also for a token nobody knows: §2.2


async def userinfo(request: Request) -> Response:
    """GET or POST /userinfo: the claims of the person an access token stands for."""
    provider = provider_of(request)
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not value:
        return Response(status_code=401, headers={**_NO_STORE, "WWW-Authenticate": "Bearer"})
    grant = _grant_of_access_token(provider, value.strip())
    if grant is None or grant.revoked_at is not None:
        challenge = 'Bearer error="invalid_token", error_description="expired, revoked or forged"'
        return Response(status_code=401, headers={**_NO_STORE, "WWW-Authenticate": challenge})
    claims = person_claims(PEOPLE[grant.username], grant.scope)
    return JSONResponse(claims, headers=_NO_STORE)


def _redeem(provider: Provider, form: Parameters) -> tuple[Grant, str]:
    """The grant a form has a right to, and the scope of the tokens it gets."""
    grant_type = _needed(form, "grant_type")
    if grant_type == "authorization_code":
        grant = _redeem_code(provider, form)
        return grant, grant.scope
    if grant_type == "refresh_token":
        grant = _redeem_refresh_token(provider, form)
        return grant, _narrowed(grant.scope, form.get("scope"))
    raise TokenRefused("unsupported_grant_type", "use a code or a refresh token")


def _redeem_code(provider: Provider, form: Parameters) -> Grant:
    """A code is good for one try. A second one, or one that does not fit, ends its grant.

    RFC 6749 §4.1.2, RFC 9700 §4.5.
    """
    code, redirect_uri = _needed(form, "code"), _needed(form, "redirect_uri")
    verifier = _needed(form, "code_verifier")
    grant = provider.store.find_by_code(code)
    if grant is None:
        raise TokenRefused("invalid_grant", "the code is unknown")
    if not provider.store.use_code(grant.id):
        provider.store.revoke(grant.id)
        raise TokenRefused("invalid_grant", "the code was used before: its tokens are revoked")
    fits = (
        grant.client_id == form["client_id"]
        and grant.redirect_uri == redirect_uri
        and _verifies(verifier, grant.code_challenge)
    )
    if not fits:
        provider.store.revoke(grant.id)
        raise TokenRefused("invalid_grant", "client, redirect_uri or code_verifier do not fit")
    if grant.code_expires_at <= provider.now() or grant.revoked_at is not None:
        provider.store.revoke(grant.id)
        raise TokenRefused("invalid_grant", "the code has expired")
    return grant


def _redeem_refresh_token(provider: Provider, form: Parameters) -> Grant:
    """A refresh token that comes back twice was copied: its whole grant ends (RFC 9700 §4.14)."""
    value = _needed(form, "refresh_token")
    grant = provider.store.find_by_refresh_token(value)
    if grant is None or grant.client_id != form["client_id"]:
        raise TokenRefused("invalid_grant", "the refresh token is unknown or expired")
    if grant.revoked_at is not None:
        raise TokenRefused("invalid_grant", "the grant is revoked")
    _narrowed(grant.scope, form.get("scope"))  # a refused scope must not cost the token
    if not provider.store.use_refresh_token(value):
        provider.store.revoke(grant.id)
        raise TokenRefused(
            "invalid_grant", "the refresh token was used before: the grant is revoked"
        )
    return grant


def _tokens(provider: Provider, grant: Grant, scope: str) -> dict[str, str | int]:
    settings = provider.settings
    access_token = provider.tokens.access_token(grant, scope)
    refresh_token = provider.store.issue_refresh_token(
        grant.id, settings.refresh_token_lifetime.total_seconds()
    )
    return {
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": int(settings.access_token_lifetime.total_seconds()),
        "refresh_token": refresh_token,
        "refresh_expires_in": int(settings.refresh_token_lifetime.total_seconds()),
        "id_token": provider.tokens.id_token(grant, access_token),
        "scope": scope,
    }


async def _form_of(request: Request, provider: Provider) -> Parameters:
    """The form of a client we know. Public clients name themselves and prove nothing."""
    if "authorization" in request.headers:
        raise TokenRefused("invalid_client", "this client has no secret", 401)
    try:
        form = await parameters_of(request)
    except MalformedRequest as error:
        raise TokenRefused("invalid_request", str(error)) from error
    if "client_secret" in form or form.get("client_id") not in provider.settings.clients:
        raise TokenRefused("invalid_client", "client_id is unknown or came with a secret", 401)
    return form


def _needed(form: Parameters, name: str) -> str:
    value = form.get(name)
    if value is None:
        raise TokenRefused("invalid_request", f"{name} is missing")
    return value


def _narrowed(granted: str, asked: str | None) -> str:
    if asked is None:
        return granted
    if not set(asked.split()) <= set(granted.split()):
        raise TokenRefused("invalid_scope", "the scope is wider than the granted one")
    return " ".join(scope for scope in granted.split() if scope in asked.split())


def _verifies(verifier: str, challenge: str) -> bool:
    if not _VERIFIER.match(verifier):
        return False
    digest = base64url(hashlib.sha256(verifier.encode("ascii")).digest())
    return hmac.compare_digest(digest, challenge)


def _grant_of_access_token(provider: Provider, value: str) -> Grant | None:
    grant_id = provider.tokens.grant_of_access_token(value)
    return provider.store.find_grant(grant_id) if grant_id else None


def _refusal(error: TokenRefused) -> Response:
    headers = dict(_NO_STORE)
    if error.status_code == 401:
        headers["WWW-Authenticate"] = "Basic"
    body = {"error": error.error, "error_description": error.description}
    return JSONResponse(body, error.status_code, headers=headers)
