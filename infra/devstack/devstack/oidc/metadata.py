"""What clients and verifiers read about the provider: discovery, keys, health."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from devstack.oidc.authorization_request import SCOPES
from devstack.oidc.keys import ALGORITHM
from devstack.oidc.provider import provider_of

_CLAIMS = [
    *("iss", "aud", "sub", "azp", "sid", "iat", "nbf", "exp", "jti"),
    *("auth_time", "nonce", "at_hash"),
    *("name", "given_name", "family_name", "preferred_username", "email", "email_verified"),
    *("org_id", "org", "realm_access"),
]


async def discovery(request: Request) -> Response:
    """GET /.well-known/openid-configuration (OpenID Connect Discovery §3)."""
    settings = provider_of(request).settings
    document = {
        "issuer": settings.issuer,
        "authorization_endpoint": settings.endpoint("authorize"),
        "token_endpoint": settings.endpoint("token"),
        "userinfo_endpoint": settings.endpoint("userinfo"),
        "jwks_uri": settings.endpoint("jwks.json"),
        "revocation_endpoint": settings.endpoint("revoke"),
        "end_session_endpoint": settings.endpoint("logout"),
        "scopes_supported": list(SCOPES),
        "claims_supported": _CLAIMS,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "code_challenge_methods_supported": ["S256"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": True,
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "ui_locales_supported": ["pt-BR"],
    }
    return JSONResponse(document, headers={"Cache-Control": "public, max-age=300"})


async def jwks(request: Request) -> Response:
    """GET /jwks.json: the public half of every key a verifier may meet."""
    keys = provider_of(request).keys.public().as_dict()
    return JSONResponse(keys, headers={"Cache-Control": "public, max-age=60"})


async def health(request: Request) -> Response:
    """GET /health: alive."""
    return JSONResponse({"status": "ok", "issuer": provider_of(request).settings.issuer})
