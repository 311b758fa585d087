"""Keys between our services: one per caller, current and previous accepted so that they can be
rotated."""

import hmac
from collections.abc import Mapping

from pydantic import SecretStr


class InternalKeys:
    """Which caller may come with which keys."""

    def __init__(self, accepted: Mapping[str, tuple[SecretStr, ...]]) -> None:
        self._accepted = {
            service: tuple(key.get_secret_value().encode() for key in keys)
            for service, keys in accepted.items()
        }

    def authenticate(self, *, service: str | None, key: str | None) -> str | None:
        """The service's name when the key is one of its own, else None. Time does not depend on
        the key."""
        if service is None or key is None:
            return None
        candidates = self._accepted.get(service, ())
        # Every candidate is compared, found or not: the time tells nothing about which one matched.
        matches = [hmac.compare_digest(candidate, key.encode()) for candidate in candidates]
        return service if any(matches) else None
