"""The issuer's keys: fetched seldom, shared, kept through outages."""

import asyncio
import base64
from collections.abc import AsyncIterator

import httpx
import pytest
from chassis_web_sample import KeyServer
from joserfc.jwk import ECKey, RSAKey

from chassis.security.jwks import JwksCache, KeysUnavailable
from chassis.settings import OidcSettings

RSA = RSAKey.generate_key(2048, {"kid": "a", "use": "sig", "alg": "RS256"})
OTHER = RSAKey.generate_key(2048, {"kid": "b", "use": "sig", "alg": "RS256"})


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    server = KeyServer({"keys": [RSA.as_dict(private=False)]})
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def jwks(server: KeyServer, clock: Clock) -> AsyncIterator[JwksCache]:
    settings = OidcSettings(
        issuer="http://issuer.test",
        audience="api",
        jwks_url=server.url,
        jwks_max_age_seconds=600,
        jwks_refetch_window_seconds=10,
    )
    async with httpx.AsyncClient() as http:
        cache = JwksCache(http, settings, clock)
        yield cache
        await cache.close()


async def test_fifty_who_need_the_first_key_share_one_fetch(
    jwks: JwksCache, server: KeyServer
) -> None:
    server.delay = 0.05
    found = await asyncio.gather(*(jwks.key("a", "RS256") for _ in range(50)))
    assert all(key is found[0] for key in found)
    assert server.requests == 1


async def test_known_key_costs_no_request(jwks: JwksCache, server: KeyServer) -> None:
    for _ in range(20):
        assert await jwks.key("a", "RS256")
    assert server.requests == 1


async def test_unknown_kids_cost_one_fetch_per_window(
    jwks: JwksCache, server: KeyServer, clock: Clock
) -> None:
    await jwks.warm_up()
    for attempt in range(30):
        assert await jwks.key(f"invented-{attempt}", "RS256") is None
    assert server.requests == 1
    clock.now += 11
    for attempt in range(30):
        assert await jwks.key(f"invented-{attempt}", "RS256") is None
    assert server.requests == 2
    assert await jwks.key("a", "RS256")


async def test_new_key_is_found_after_the_window(
    jwks: JwksCache, server: KeyServer, clock: Clock
) -> None:
    await jwks.warm_up()
    server.document = {"keys": [RSA.as_dict(private=False), OTHER.as_dict(private=False)]}
    clock.now += 11
    assert await jwks.key("b", "RS256")


async def test_outage_keeps_known_keys(jwks: JwksCache, server: KeyServer, clock: Clock) -> None:
    key = await jwks.key("a", "RS256")
    assert key is not None
    await server.stop()
    for _ in range(5):
        clock.now += 700
        assert await jwks.key("unknown", "RS256") is None
        assert jwks.trusts(key)
        assert await jwks.key("a", "RS256") is key


@pytest.mark.parametrize(
    "document",
    [None, {}, {"keys": []}, {"keys": {}}, {"keys": [{"kty": "oct", "kid": "a"}, 7, None]}],
)
async def test_useless_answer_is_an_outage(
    jwks: JwksCache, server: KeyServer, clock: Clock, document: dict[str, object] | None
) -> None:
    key = await jwks.key("a", "RS256")
    server.document = document
    clock.now += 700
    await jwks.key("unknown", "RS256")
    assert server.requests == 2
    assert await jwks.key("a", "RS256") is key


async def test_old_set_is_renewed_in_the_background(
    jwks: JwksCache, server: KeyServer, clock: Clock
) -> None:
    key = await jwks.key("a", "RS256")
    assert key is not None
    clock.now += 601
    assert jwks.trusts(key)
    assert jwks._fetch is not None
    await jwks._fetch
    assert server.requests == 2
    assert jwks.trusts(key), "the same material stays the same key"


async def test_withdrawn_key_is_no_longer_trusted(
    jwks: JwksCache, server: KeyServer, clock: Clock
) -> None:
    key = await jwks.key("a", "RS256")
    assert key is not None
    server.document = {"keys": [OTHER.as_dict(private=False)]}
    clock.now += 11
    await jwks.key("b", "RS256")
    assert not jwks.trusts(key)


async def test_same_kid_with_new_material_is_another_key(
    jwks: JwksCache, server: KeyServer, clock: Clock
) -> None:
    key = await jwks.key("a", "RS256")
    assert key is not None
    impostor = RSAKey.generate_key(2048, {"kid": "a", "use": "sig"})
    server.document = {"keys": [impostor.as_dict(private=False)]}
    clock.now += 11
    await jwks.key("unknown", "RS256")
    assert not jwks.trusts(key)


async def test_only_usable_signature_keys_are_taken(
    jwks: JwksCache, server: KeyServer, clock: Clock
) -> None:
    modulus = base64.urlsafe_b64encode(b"\xc1" * 128).rstrip(b"=").decode()
    small = {"kty": "RSA", "kid": "small", "n": modulus, "e": "AQAB"}
    encryption = OTHER.as_dict(private=False) | {"use": "enc"}
    curve = ECKey.generate_key("P-384", {"kid": "curve", "use": "sig"})
    server.document = {
        "keys": [
            small,
            encryption,
            curve.as_dict(private=False),
            OTHER.as_dict(private=False) | {"kid": "wrong-alg", "alg": "RS512"},
            OTHER.as_dict(private=False) | {"kid": "broken", "n": "!"},
            RSA.as_dict(private=False),
        ]
    }
    await jwks.warm_up()
    assert set(jwks._keys) == {("a", "RS256")}


async def test_nothing_known_and_nobody_to_ask(jwks: JwksCache, server: KeyServer) -> None:
    server.document = None
    with pytest.raises(KeysUnavailable):
        await jwks.key("a", "RS256")


async def test_one_who_hangs_up_does_not_stop_the_fetch_of_others(
    jwks: JwksCache, server: KeyServer
) -> None:
    server.delay = 0.1
    impatient = asyncio.create_task(jwks.key("a", "RS256"))
    patient = asyncio.create_task(jwks.key("a", "RS256"))
    await asyncio.sleep(0.02)
    impatient.cancel()
    assert await patient
    assert server.requests == 1


async def test_keys_are_discovered_from_the_issuer() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/realm/.well-known/openid-configuration":
            return httpx.Response(
                200, json={"issuer": "http://issuer.test/realm", "jwks_uri": "http://keys.test/k"}
            )
        return httpx.Response(200, json={"keys": [RSA.as_dict(private=False)]})

    settings = OidcSettings(issuer="http://issuer.test/realm", audience="api")
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        assert await JwksCache(http, settings).key("a", "RS256")


async def test_discovery_document_of_another_issuer_is_not_believed() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.host == "evil.test":
            return httpx.Response(200, json={"keys": [RSA.as_dict(private=False)]})
        return httpx.Response(
            200, json={"issuer": "http://evil.test", "jwks_uri": "http://evil.test/keys"}
        )

    settings = OidcSettings(issuer="http://issuer.test/realm", audience="api")
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        with pytest.raises(KeysUnavailable):
            await JwksCache(http, settings).key("a", "RS256")
