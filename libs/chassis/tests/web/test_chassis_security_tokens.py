"""Which access tokens hold. Forgeries are built by hand: no library would make some of them."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
import structlog
from chassis_web_sample import KeyServer
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwt as joserfc_jwt
from joserfc.jwk import ECKey, RSAKey

from chassis.security.jwks import JwksCache
from chassis.security.oidc import TokenVerifier
from chassis.settings import OidcSettings
from chassis.web.errors import Unauthenticated, Unavailable
from devstack.token_factory import TokenFactory
from shared_schemas.permissions import Permission, Role


class Issuer(TokenFactory):
    """The tests' own provider, so that its keys can be rotated and withdrawn."""


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
async def keys(issuer: Issuer) -> AsyncIterator[KeyServer]:
    server = KeyServer(issuer.jwks())
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def verifier(issuer: Issuer, keys: KeyServer) -> AsyncIterator[TokenVerifier]:
    settings = OidcSettings(
        issuer=issuer.issuer, audience=issuer.audience, jwks_url=keys.url, leeway_seconds=5
    )
    async with httpx.AsyncClient() as http:
        jwks = JwksCache(http, settings)
        yield TokenVerifier(settings, jwks)
        await jwks.close()


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{_b64(json.dumps(header).encode())}.{_b64(json.dumps(claims).encode())}"


def _hs256(header: dict[str, Any], claims: dict[str, Any], secret: bytes) -> str:
    unsigned = _unsigned(header, claims)
    return f"{unsigned}.{_b64(hmac.digest(secret, unsigned.encode(), hashlib.sha256))}"


def _public(key: RSAKey, encoding: serialization.Encoding) -> bytes:
    public = key.public_key
    return public.public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)


async def test_token_of_a_person_becomes_their_claims(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    verified = await verifier.verified(issuer.token("bruno"))
    assert verified.claims.email == "bruno@aurora.example"
    assert verified.roles == {Role.AGENT}
    assert Permission.TICKETS_WRITE in verified.permissions
    assert Permission.MEMBERS_WRITE not in verified.permissions


async def test_roles_of_other_products_are_ignored(verifier: TokenVerifier, issuer: Issuer) -> None:
    token = issuer.token(realm_access={"roles": ["offline_access", "viewer", "root"]})
    assert (await verifier.verified(token)).roles == {Role.VIEWER}


async def test_es256_is_accepted(issuer: Issuer, keys: KeyServer, verifier: TokenVerifier) -> None:
    key = ECKey.generate_key("P-256", {"kid": "ec", "use": "sig"})
    keys.document = {"keys": [*issuer.jwks()["keys"], key.as_dict(private=False)]}
    token = joserfc_jwt.encode({"alg": "ES256", "kid": "ec"}, issuer.claims(), key)
    assert (await verifier.verify(token)).org == "aurora"


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"iss": "http://oidc.test/auth/"}, id="issuer with a slash too many"),
        pytest.param({"iss": "http://evil.test"}, id="another issuer"),
        pytest.param({"iss": None}, id="no issuer"),
        pytest.param({"aud": "another-api"}, id="another audience"),
        pytest.param({"aud": ["another-api"]}, id="another audience in a list"),
        pytest.param({"aud": None}, id="no audience"),
        pytest.param({"exp": None}, id="no expiry"),
        pytest.param({"exp": int(time.time()) - 60}, id="expired"),
        pytest.param({"exp": "soon"}, id="expiry in words"),
        pytest.param({"exp": [1]}, id="expiry in a list"),
        pytest.param({"exp": 1e400}, id="expiry without end"),
        pytest.param({"nbf": int(time.time()) + 3600}, id="not yet valid"),
        pytest.param({"iat": None}, id="no time of issue"),
        pytest.param({"iat": int(time.time()) + 3600}, id="issued in the future"),
        pytest.param({"sub": None}, id="no subject"),
        pytest.param({"sub": "ana"}, id="subject is not a UUID"),
        pytest.param({"org_id": None}, id="no organization"),
        pytest.param({"org_id": "aurora"}, id="organization is not a UUID"),
        pytest.param({"realm_access": {"roles": "admin"}}, id="roles are not a list"),
    ],
)
async def test_signed_token_with_wrong_claims_is_refused(
    verifier: TokenVerifier, issuer: Issuer, changes: dict[str, Any]
) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(issuer.token(**changes))


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "", None, ["RS256"], "HS256", "PS256"]
)
async def test_algorithm_outside_the_list_is_refused(
    verifier: TokenVerifier, issuer: Issuer, algorithm: object
) -> None:
    token = _unsigned({"alg": algorithm, "kid": issuer.keys[-1].kid}, issuer.claims())
    for signature in ("", _b64(b"signature")):
        with pytest.raises(Unauthenticated):
            await verifier.verify(f"{token}.{signature}")


@pytest.mark.parametrize("encoding", [serialization.Encoding.DER, serialization.Encoding.PEM])
async def test_public_key_used_as_hmac_secret_is_refused(
    verifier: TokenVerifier, issuer: Issuer, encoding: serialization.Encoding
) -> None:
    key = issuer.keys[-1]
    secret = _public(key, encoding)
    for header in ({"alg": "HS256", "kid": key.kid}, {"alg": "HS256"}):
        with pytest.raises(Unauthenticated):
            await verifier.verify(_hs256(header, issuer.claims(), secret))


async def test_key_set_with_a_symmetric_key_does_not_admit_hs256(
    verifier: TokenVerifier, issuer: Issuer, keys: KeyServer
) -> None:
    secret = b"s" * 32
    symmetric = {"kty": "oct", "k": _b64(secret), "kid": "oct", "alg": "HS256", "use": "sig"}
    keys.document = {"keys": [*issuer.jwks()["keys"], symmetric]}
    with pytest.raises(Unauthenticated):
        await verifier.verify(_hs256({"alg": "HS256", "kid": "oct"}, issuer.claims(), secret))


async def test_kid_of_one_key_signed_by_another_is_refused(
    verifier: TokenVerifier, issuer: Issuer, keys: KeyServer
) -> None:
    other = RSAKey.generate_key(2048, {"kid": "other", "use": "sig"})
    keys.document = {"keys": [*issuer.jwks()["keys"], other.as_dict(private=False)]}
    header = {"alg": "RS256", "kid": issuer.keys[-1].kid}
    with pytest.raises(Unauthenticated):
        await verifier.verify(joserfc_jwt.encode(header, issuer.claims(), other))


async def test_unknown_kid_and_no_kid_are_refused(verifier: TokenVerifier, issuer: Issuer) -> None:
    for header in (
        {"alg": "RS256", "kid": str(uuid4())},
        {"alg": "RS256"},
        {"alg": "RS256", "kid": 7},
    ):
        unsigned = _unsigned(header, issuer.claims())
        with pytest.raises(Unauthenticated):
            await verifier.verify(f"{unsigned}.{_b64(b'x' * 256)}")


async def test_critical_header_extension_is_refused(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    key = issuer.keys[-1]
    header = {"alg": "RS256", "kid": key.kid, "crit": ["b64"], "b64": True}
    unsigned = _unsigned(header, issuer.claims())
    # Properly signed: only `crit` is wrong with it.
    assert key.private_key is not None
    signature = key.private_key.sign(unsigned.encode(), padding.PKCS1v15(), SHA256())
    with pytest.raises(Unauthenticated):
        await verifier.verify(f"{unsigned}.{_b64(signature)}")


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b.c", "not a token", "é.ü.ã", "x" * 10_000, "a.b.c.d.e", "\0.\0.\0"]
)
async def test_garbage_is_refused(verifier: TokenVerifier, token: str) -> None:
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


async def test_changed_payload_is_refused(verifier: TokenVerifier, issuer: Issuer) -> None:
    head, _, signature = issuer.token("vera").split(".")
    payload = _b64(json.dumps(issuer.claims("vera", realm_access={"roles": ["admin"]})).encode())
    with pytest.raises(Unauthenticated):
        await verifier.verify(f"{head}.{payload}.{signature}")


async def test_refusal_is_logged_with_its_reason_and_without_the_token(
    verifier: TokenVerifier, issuer: Issuer
) -> None:
    token = issuer.token(exp=int(time.time()) - 60)
    with structlog.testing.capture_logs() as logs, pytest.raises(Unauthenticated):
        await verifier.verify(token)
    assert [(entry["event"], entry["reason"]) for entry in logs] == [("token_refused", "expired")]
    assert not any(part in str(logs) for part in token.split("."))


async def test_remembered_token_ends_with_its_expiry(issuer: Issuer, keys: KeyServer) -> None:
    now = time.time()
    ends_at = int(now) + 60
    settings = OidcSettings(
        issuer=issuer.issuer, audience=issuer.audience, jwks_url=keys.url, leeway_seconds=0
    )
    async with httpx.AsyncClient() as http:
        verifier = TokenVerifier(settings, JwksCache(http, settings), clock=lambda: now)
        token = issuer.token(exp=ends_at)
        first = await verifier.verified(token)
        now = ends_at - 0.001
        assert await verifier.verified(token) is first
        now = ends_at  # python-jose would take it for another second
        with pytest.raises(Unauthenticated):
            await verifier.verified(token)


async def test_remembered_token_ends_with_its_key(
    issuer: Issuer, keys: KeyServer, verifier: TokenVerifier
) -> None:
    token = issuer.token()
    await verifier.verify(token)
    other = RSAKey.generate_key(2048, {"kid": "successor", "use": "sig"})
    keys.document = {"keys": [other.as_dict(private=False)]}
    await verifier.jwks._start_fetch()
    with pytest.raises(Unauthenticated):
        await verifier.verify(token)


async def test_remembered_tokens_are_bounded(issuer: Issuer, keys: KeyServer) -> None:
    settings = OidcSettings(issuer=issuer.issuer, audience=issuer.audience, jwks_url=keys.url)
    async with httpx.AsyncClient() as http:
        verifier = TokenVerifier(settings, JwksCache(http, settings), remember=3)
        for _ in range(5):
            await verifier.verify(issuer.token())
        assert len(verifier._verified) == 3


async def test_without_any_key_the_answer_is_later_not_no(
    issuer: Issuer, keys: KeyServer, verifier: TokenVerifier
) -> None:
    keys.document = None
    with pytest.raises(Unavailable):
        await verifier.verify(issuer.token())
