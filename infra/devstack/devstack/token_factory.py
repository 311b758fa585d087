"""Access tokens for tests: the development provider's claims, signed with keys of this process."""

import time
from typing import Any
from uuid import uuid4

from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

from devstack.people import PEOPLE

_LIFETIME_SECONDS = 900


class TokenFactory:
    """Plays the OpenID provider: `jwks()` is what a service would fetch."""

    issuer = "http://oidc.test/auth"
    audience = "cogep-api"

    def __init__(self) -> None:
        self.keys = [self._new_key("test-1")]

    def jwks(self) -> dict[str, Any]:
        """The public keys, as the provider would publish them."""
        return dict(KeySet([*self.keys]).as_dict(private=False))

    def rotate(self) -> None:
        """Sign with a new key from now on; the old ones stay published."""
        self.keys.append(self._new_key(f"test-{len(self.keys) + 1}"))

    def token(self, person: str = "ana", **changes: Any) -> str:
        """An access token of one of the sample people. A claim changed to None is left out."""
        return self.sign(self.claims(person, **changes))

    def claims(self, person: str = "ana", **changes: Any) -> dict[str, Any]:
        """The claims `token` signs."""
        who, now = PEOPLE[person], int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": str(who.sub),
            "email": who.email,
            "name": who.name,
            "org_id": str(who.organization.id),
            "org": who.organization.slug,
            "realm_access": {"roles": list(who.roles)},
            "iat": now,
            "nbf": now,
            "exp": now + _LIFETIME_SECONDS,
            "jti": str(uuid4()),
        } | changes
        return {name: value for name, value in claims.items() if value is not None}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """Sign any claims with the current key."""
        key = self.keys[-1]
        return jwt.encode({"alg": "RS256", "typ": "at+jwt", "kid": key.kid} | header, claims, key)

    @staticmethod
    def _new_key(kid: str) -> RSAKey:
        return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})
