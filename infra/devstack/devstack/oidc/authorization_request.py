"""An authorization request, checked: what the client may be told, and what only the person."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode, urlsplit

from devstack.oidc.clients import Client
from devstack.oidc.parameters import Parameters

SCOPES: Final = ("openid", "profile", "email")
_PROMPTS: Final = frozenset({"none", "login", "consent", "select_account"})
# An S256 challenge is the base64url of 32 bytes, without padding (RFC 7636 §4.2).
_CHALLENGE: Final = re.compile(r"[A-Za-z0-9_-]{43}\Z", re.ASCII)


class UnsafeRedirect(Exception):
    """Client or redirect URI are wrong: no redirect at all (RFC 6749 §4.1.2.1)."""


class RefusedRequest(Exception):
    """An error the client is told through the redirect. The description is ASCII."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description


@dataclass(frozen=True, slots=True)
class Destination:
    """Where the answer goes: a verified redirect URI and the client's `state`."""

    client_id: str
    redirect_uri: str
    state: str | None

    def url(self, issuer: str, answer: Mapping[str, str]) -> str:
        """The redirect. `iss` tells the client who answered (RFC 9207)."""
        query = dict(answer) | ({"state": self.state} if self.state else {}) | {"iss": issuer}
        joint = "&" if urlsplit(self.redirect_uri).query else "?"
        return f"{self.redirect_uri}{joint}{urlencode(query)}"


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What the client asked for."""

    scope: str
    nonce: str | None
    code_challenge: str
    prompt: frozenset[str]
    max_age: int | None
    login_hint: str


def read_destination(parameters: Parameters, clients: Mapping[str, Client]) -> Destination:
    """Client and redirect URI, before anything else.

    Raises:
        UnsafeRedirect: with a sentence for the person.
    """
    client = clients.get(parameters.get("client_id", ""))
    if client is None:
        raise UnsafeRedirect("O aplicativo que pediu a entrada não está registrado.")
    redirect_uri = parameters.get("redirect_uri", "")
    if not client.may_redirect_to(redirect_uri):
        raise UnsafeRedirect("O endereço de retorno não está registrado para este aplicativo.")
    return Destination(client.id, redirect_uri, parameters.get("state"))


def read_request(parameters: Parameters) -> AuthorizationRequest:
    """Everything else.

    Raises:
        RefusedRequest: with the error code of RFC 6749, RFC 7636 or OpenID Connect Core.
    """
    for unsupported in ("request", "request_uri", "registration"):
        if unsupported in parameters:
            raise RefusedRequest(f"{unsupported}_not_supported", f"{unsupported} is not supported")
    if parameters.get("response_type") is None:
        raise RefusedRequest("invalid_request", "response_type is missing")
    if parameters["response_type"] != "code":
        raise RefusedRequest("unsupported_response_type", "only response_type=code is supported")
    if parameters.get("response_mode", "query") != "query":
        raise RefusedRequest("invalid_request", "only response_mode=query is supported")
    return AuthorizationRequest(
        scope=_scope(parameters),
        nonce=parameters.get("nonce"),
        code_challenge=_code_challenge(parameters),
        prompt=_prompt(parameters),
        max_age=_max_age(parameters),
        login_hint=parameters.get("login_hint", ""),
    )


def _scope(parameters: Parameters) -> str:
    asked = parameters.get("scope", "").split()
    if "openid" not in asked:
        raise RefusedRequest("invalid_scope", "scope must contain openid")
    # OpenID Connect Core §3.1.2.1: scopes that are not understood are ignored.
    return " ".join(scope for scope in SCOPES if scope in asked)


def _code_challenge(parameters: Parameters) -> str:
    challenge = parameters.get("code_challenge")
    if challenge is None:
        raise RefusedRequest("invalid_request", "PKCE is required: code_challenge is missing")
    # RFC 7636 §4.3: without a method, "plain" is meant; it protects nothing and is refused.
    if parameters.get("code_challenge_method", "plain") != "S256":
        raise RefusedRequest("invalid_request", "code_challenge_method must be S256")
    if not _CHALLENGE.match(challenge):
        raise RefusedRequest("invalid_request", "code_challenge is not an S256 challenge")
    return challenge


def _prompt(parameters: Parameters) -> frozenset[str]:
    prompt = frozenset(parameters.get("prompt", "").split())
    if not prompt <= _PROMPTS:
        raise RefusedRequest("invalid_request", "prompt is unknown")
    if "none" in prompt and len(prompt) > 1:
        raise RefusedRequest("invalid_request", "prompt=none stands alone")
    return prompt


def _max_age(parameters: Parameters) -> int | None:
    value = parameters.get("max_age")
    if value is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= 9):
        raise RefusedRequest("invalid_request", "max_age is not a number of seconds")
    return int(value)
