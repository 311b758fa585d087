"""Deciding whether an access token holds.

python-jose checks the signature and the times; what it lets through when asked naively is closed
here: one key, selected by `kid` *and* algorithm; an allow-list of asymmetric algorithms; `exp`,
`iat`, `aud`, `iss` and `sub` required; `crit` refused (RFC 7515 §4.1.11: an extension that is not
understood makes the token invalid).
"""

import hashlib
import time
from collections.abc import Callable
from typing import Any, Final

import structlog
from jose import jwt
from jose.exceptions import ExpiredSignatureError, JWTClaimsError, JWTError
from pydantic import ValidationError

from chassis.observability import metrics
from chassis.security.jwks import ALGORITHMS, JwksCache, KeysUnavailable, SigningKey
from chassis.settings import OidcSettings
from chassis.web.errors import Unauthenticated, Unavailable
from shared_schemas.actor import TokenClaims
from shared_schemas.ids import OrganizationId, UserId
from shared_schemas.permissions import permissions_of

log = structlog.get_logger(__name__)

_MAXIMUM_TOKEN_LENGTH: Final = 8192
_REQUIRED: Final = {f"require_{claim}": True for claim in ("exp", "iat", "aud", "iss", "sub")}


class TokenRefused(Exception):
    """Why a token does not hold. For the log; the caller only learns that it does not."""


class VerifiedToken:
    """What a token that holds has to say, and until when."""

    __slots__ = (
        "announced_until",
        "claims",
        "expires_at",
        "key",
        "organization_id",
        "permissions",
        "roles",
        "user_id",
    )

    def __init__(self, claims: TokenClaims, key: SigningKey, expires_at: float) -> None:
        self.claims = claims
        self.key = key
        self.expires_at = expires_at
        self.organization_id = OrganizationId(claims.org_id)
        self.user_id = UserId(claims.sub)
        self.roles = claims.roles
        self.permissions = permissions_of(claims.roles)
        self.announced_until = 0.0  # monotonic


class TokenVerifier:
    """Verifies access tokens; remembers those that hold, by digest, while their key is trusted
    and they last."""

    def __init__(
        self,
        settings: OidcSettings,
        jwks: JwksCache,
        *,
        remember: int = 10_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.jwks = jwks
        self._settings = settings
        self._remember = remember
        self._clock = clock
        self._verified: dict[bytes, VerifiedToken] = {}

    async def verify(self, token: str) -> TokenClaims:
        """The claims; `Unauthenticated` when the token does not hold, `Unavailable` when no key
        can be had."""
        return (await self.verified(token)).claims

    async def verified(self, token: str) -> VerifiedToken:
        """Like `verify`, with what is derived from the claims computed once per token."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        known = self._verified.get(digest)
        if known is not None:
            if known.expires_at > self._clock() and self.jwks.trusts(known.key):
                return known
            del self._verified[digest]
        try:
            verified = await self._check(token)
        except TokenRefused as refusal:
            metrics.TOKENS_REFUSED.inc()
            log.warning("token_refused", reason=str(refusal))
            raise Unauthenticated from None
        except KeysUnavailable:
            raise Unavailable from None
        self._keep(digest, verified)
        return verified

    async def _check(self, token: str) -> VerifiedToken:
        if len(token) > _MAXIMUM_TOKEN_LENGTH:
            raise TokenRefused("longer than any token of ours")
        kid, algorithm = _header_of(token)
        key = await self.jwks.key(kid, algorithm)
        if key is None:
            raise TokenRefused("the issuer has no such key")
        claims = self._claims(token, key)
        expires_at = claims.exp + self._settings.leeway_seconds
        if expires_at <= self._clock():  # "on or after" (RFC 7519); python-jose only looks after
            raise TokenRefused("expired")
        return VerifiedToken(claims, key, expires_at)

    def _claims(self, token: str, key: SigningKey) -> TokenClaims:
        leeway = self._settings.leeway_seconds
        try:
            claims = jwt.decode(
                token,
                key.material,
                algorithms=[key.algorithm],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                options={**_REQUIRED, "verify_at_hash": False, "leeway": leeway},
            )
            if int(claims["iat"]) > self._clock() + leeway:
                raise TokenRefused("issued in the future")
            return TokenClaims.model_validate(claims)
        except ExpiredSignatureError:
            raise TokenRefused("expired") from None
        except JWTClaimsError as error:
            raise TokenRefused(str(error)) from None
        except JWTError as error:
            raise TokenRefused(str(error)[:200]) from None
        except ValidationError as error:
            names = sorted({str(entry["loc"][0]) for entry in error.errors() if entry["loc"]})
            raise TokenRefused(f"claims missing or malformed: {', '.join(names)}") from None
        except (TypeError, ValueError, ArithmeticError):
            # python-jose converts claims with int() and lets what that raises escape.
            raise TokenRefused("a time claim is not a number") from None

    def _keep(self, digest: bytes, verified: VerifiedToken) -> None:
        if len(self._verified) >= self._remember:
            del self._verified[next(iter(self._verified))]
        self._verified[digest] = verified


def _header_of(token: str) -> tuple[str, str]:
    """The `kid` and `alg` a token claims, once its header is acceptable at all."""
    try:
        header: dict[str, Any] = jwt.get_unverified_header(token)
    except JWTError:
        raise TokenRefused("not a signed token") from None
    if "crit" in header:
        raise TokenRefused("critical header extensions are not supported")
    kid, algorithm = header.get("kid"), header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise TokenRefused(f"algorithm not allowed: {str(algorithm)[:20]}")
    if not isinstance(kid, str):
        raise TokenRefused("no kid")
    return kid, algorithm
