"""Access and id tokens: what stands in them, how they are signed, how they are read back."""

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import JoseError

from devstack.oidc.grants import Grant
from devstack.oidc.keys import ALGORITHM, Clock, SigningKeys
from devstack.oidc.settings import ProviderSettings
from devstack.people import PEOPLE, Person

_SEPARATOR: Final = "."


@dataclass(frozen=True, slots=True)
class TokenIssuer:
    """Signs and verifies for one issuer."""

    settings: ProviderSettings
    keys: SigningKeys
    now: Clock

    def access_token(self, grant: Grant, scope: str) -> str:
        """What the services verify. They rely on its claims, whatever the scope."""
        person = PEOPLE[grant.username]
        lifetime = self.settings.access_token_lifetime.total_seconds()
        claims = {
            **self._times(lifetime),
            **organization_claims(person),
            "aud": self.settings.audience,
            "sub": str(person.sub),
            "azp": grant.client_id,
            "sid": grant.sid,
            "jti": f"{grant.id}{_SEPARATOR}{secrets.token_hex(8)}",
            "scope": scope,
            "typ": "Bearer",
            "name": person.name,
            "email": person.email,
            "preferred_username": person.username,
        }
        return self._sign(claims)

    def id_token(self, grant: Grant, access_token: str) -> str:
        """What the application learns about the login (OpenID Connect Core §2)."""
        person = PEOPLE[grant.username]
        claims = {
            **self._times(self.settings.access_token_lifetime.total_seconds()),
            **person_claims(person, grant.scope),
            "aud": grant.client_id,
            "azp": grant.client_id,
            "sid": grant.sid,
            "auth_time": int(grant.auth_time),
            "at_hash": left_half_hash(access_token),
            "typ": "ID",
        }
        if grant.nonce is not None:
            claims["nonce"] = grant.nonce
        return self._sign(claims)

    def grant_of_access_token(self, token: str) -> str | None:
        """The grant id in an access token of ours; None when it is forged, foreign or expired."""
        now = int(self.now())
        claims = self._verified(token)
        if claims is None or claims.get("aud") != self.settings.audience:
            return None
        if not isinstance(claims.get("exp"), int) or claims["exp"] <= now or claims["nbf"] > now:
            return None
        return str(claims["jti"]).partition(_SEPARATOR)[0]

    def hinted_login(self, id_token: str) -> tuple[str, str] | None:
        """Client and session of an id token of ours. An expired one still says who logs out."""
        claims = self._verified(id_token)
        if claims is None or claims.get("typ") != "ID":
            return None
        return str(claims["aud"]), str(claims["sid"])

    def _verified(self, token: str) -> dict[str, Any] | None:
        try:
            claims = jwt.decode(token, self.keys.public(), algorithms=[ALGORITHM]).claims
        except (JoseError, ValueError):
            return None
        return claims if claims.get("iss") == self.settings.issuer else None

    def _times(self, lifetime: float) -> dict[str, Any]:
        now = int(self.now())
        return {
            "iss": self.settings.issuer,
            "iat": now,
            "nbf": now,
            "exp": now + int(lifetime),
        }

    def _sign(self, claims: dict[str, Any]) -> str:
        key = self.keys.current()
        header = {"alg": ALGORITHM, "kid": key.kid}
        return jwt.encode(header, claims, key, algorithms=[ALGORITHM])


def organization_claims(person: Person) -> dict[str, Any]:
    """Tenant and roles, in Keycloak's shape."""
    return {
        "org_id": str(person.organization.id),
        "org": person.organization.slug,
        "realm_access": {"roles": [role.value for role in person.roles]},
    }


def person_claims(person: Person, scope: str) -> dict[str, Any]:
    """What the granted scopes say about a person (OpenID Connect Core §5.4)."""
    scopes = scope.split()
    claims: dict[str, Any] = {"sub": str(person.sub), **organization_claims(person)}
    if "profile" in scopes:
        claims |= {
            "name": person.name,
            "given_name": person.given_name,
            "family_name": person.family_name,
            "preferred_username": person.username,
            "locale": "pt-BR",
        }
    if "email" in scopes:
        claims |= {"email": person.email, "email_verified": True}
    return claims


def left_half_hash(value: str) -> str:
    """`at_hash` for RS256: the left half of the SHA-256 (OpenID Connect Core §3.1.3.6)."""
    return base64url(hashlib.sha256(value.encode("ascii")).digest()[:16])


def base64url(value: bytes) -> str:
    """Base64 for URLs, without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")
