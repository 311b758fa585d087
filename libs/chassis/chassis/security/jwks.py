"""The issuer's signing keys: fetched once for everybody, kept through outages, never evicted by
a stranger's `kid`."""

import asyncio
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
import structlog
from jose import jwk
from jose.backends.base import Key
from jose.exceptions import JOSEError

from chassis.observability import metrics
from chassis.settings import OidcSettings

log = structlog.get_logger(__name__)

ALGORITHMS: Final = ("RS256", "ES256")
_PUBLIC_MEMBERS: Final = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}
_MINIMUM_RSA_BITS: Final = 2048
_MAXIMUM_DOCUMENT_BYTES: Final = 262_144
_MAXIMUM_KEYS: Final = 64


class KeysUnavailable(Exception):
    """The issuer could not be asked, and no key is known from before."""


class _UnusableDocument(Exception):
    """The issuer's answer is not a key set one could use."""


@dataclass(frozen=True, slots=True, eq=False)
class SigningKey:
    """One public key. Kept as the same object over refreshes for as long as its material stays
    the same."""

    kid: str
    algorithm: str
    material: Key
    fingerprint: str


class JwksCache:
    """Keys by `(kid, alg)`.

    A known key costs no request; a set older than its maximum age is renewed in the background. An
    unknown `kid` may cost one fetch per window, shared by everybody who waits. A failed fetch
    changes nothing; a successful one replaces the set, so a key the issuer has withdrawn is no
    longer believed.
    """

    def __init__(
        self,
        http: httpx.AsyncClient,
        settings: OidcSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._settings = settings
        self._clock = clock
        self._keys: dict[tuple[str, str], SigningKey] = {}
        self._attempted_at: float | None = None
        self._renew_at = 0.0
        self._fetch: asyncio.Task[None] | None = None

    async def key(self, kid: str, algorithm: str) -> SigningKey | None:
        """The key, or None when the issuer does not publish it. `KeysUnavailable` when nothing
        is known at all."""
        found = self._keys.get((kid, algorithm))
        if found is None:
            await self._fetch_unless_just_done()
            found = self._keys.get((kid, algorithm))
            if found is None and not self._keys:
                raise KeysUnavailable
        return found

    def trusts(self, key: SigningKey) -> bool:
        """Whether the issuer still publishes the key. Never waits; starts a renewal when the set
        is old."""
        if self._clock() >= self._renew_at:
            self._start_fetch()
        return self._keys.get((key.kid, key.algorithm)) is key

    async def warm_up(self) -> None:
        """Fetches the keys before the first request. An issuer that is down is not an obstacle."""
        await self._fetch_unless_just_done()

    async def close(self) -> None:
        """Ends a fetch under way."""
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.gather(self._fetch, return_exceptions=True)

    async def _fetch_unless_just_done(self) -> None:
        window = self._settings.jwks_refetch_window_seconds
        running = self._fetch is not None
        if running or self._attempted_at is None or self._clock() - self._attempted_at >= window:
            # Shielded: the caller who hangs up must not take the key away from those who wait with
            # it.
            await asyncio.shield(self._start_fetch())

    def _start_fetch(self) -> "asyncio.Task[None]":
        if self._fetch is None:
            now = self._clock()
            self._attempted_at = now
            self._renew_at = now + self._settings.jwks_refetch_window_seconds
            self._fetch = asyncio.create_task(self._fetch_once(), name="jwks-fetch")
        return self._fetch

    async def _fetch_once(self) -> None:
        try:
            keys = _parse(await self._document(await self._url()))
        except (httpx.HTTPError, httpx.InvalidURL, _UnusableDocument) as error:
            metrics.JWKS_FETCHES.labels("failed").inc()
            log.warning("jwks_fetch_failed", error=f"{type(error).__name__}: {error}"[:200])
        else:
            metrics.JWKS_FETCHES.labels("succeeded").inc()
            self._replace(keys)
            self._renew_at = self._clock() + self._settings.jwks_max_age_seconds
        finally:
            self._fetch = None

    def _replace(self, fresh: Mapping[tuple[str, str], SigningKey]) -> None:
        self._keys = {
            name: known
            if (known := self._keys.get(name)) and known.fingerprint == key.fingerprint
            else key
            for name, key in fresh.items()
        }

    async def _url(self) -> str:
        if self._settings.jwks_url is not None:
            return self._settings.jwks_url
        issuer = self._settings.issuer
        configuration = await self._document(
            f"{issuer.rstrip('/')}/.well-known/openid-configuration"
        )
        if configuration.get("issuer") != issuer:  # OpenID Connect Discovery 4.3
            raise _UnusableDocument("the discovery document names another issuer")
        url = configuration.get("jwks_uri")
        if not isinstance(url, str):
            raise _UnusableDocument("the discovery document has no jwks_uri")
        return url

    async def _document(self, url: str) -> dict[str, Any]:
        body = bytearray()
        async with self._http.stream("GET", url, timeout=5.0) as response:
            response.raise_for_status()
            async for piece in response.aiter_bytes():
                body += piece
                if len(body) > _MAXIMUM_DOCUMENT_BYTES:
                    raise _UnusableDocument("the document is too large")
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            raise _UnusableDocument("the document is not JSON") from None
        if not isinstance(document, dict):
            raise _UnusableDocument("the document is not a JSON object")
        return document


def _parse(document: dict[str, Any]) -> dict[tuple[str, str], SigningKey]:
    """The usable signature keys. None at all counts as an outage: an empty set must not log
    everybody out."""
    entries = document.get("keys")
    if not isinstance(entries, list) or len(entries) > _MAXIMUM_KEYS:
        raise _UnusableDocument("the key set has no list of keys")
    found = [key for entry in entries if (key := _signing_key(entry)) is not None]
    if not found:
        raise _UnusableDocument("the key set has no usable signature key")
    return {(key.kid, key.algorithm): key for key in found}


def _signing_key(entry: Any) -> SigningKey | None:
    """The key of one JWK (RFC 7517), or None when it is not an asymmetric signature key we use."""
    if not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    kid, kty = entry.get("kid"), entry.get("kty")
    algorithm = {"RSA": "RS256", "EC": "ES256"}.get(kty) if isinstance(kty, str) else None
    if not isinstance(kid, str) or algorithm is None or entry.get("alg", algorithm) != algorithm:
        return None
    if kty == "EC" and entry.get("crv") != "P-256":
        return None
    public = {name: entry.get(name) for name in _PUBLIC_MEMBERS[str(kty)]}
    try:
        material = jwk.construct(public, algorithm)
        if kty == "RSA" and _rsa_bits(material) < _MINIMUM_RSA_BITS:
            return None
    except (JOSEError, ValueError, TypeError, KeyError, AttributeError):
        return None
    fingerprint = hashlib.sha256(json.dumps(public, sort_keys=True).encode()).hexdigest()
    return SigningKey(kid=kid, algorithm=algorithm, material=material, fingerprint=fingerprint)


def _rsa_bits(material: Key) -> int:
    return int(material.prepared_key.key_size)  # type: ignore[attr-defined]  # of the cryptography backend
