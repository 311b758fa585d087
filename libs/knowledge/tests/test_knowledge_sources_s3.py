"""Watching a bucket: by ETag, with its own credentials and no others, at checked addresses only."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from chassis_s3_server import S3Server
from knowledge_factories import Knowledge, Web
from knowledge_sources import AURORA, SAFE, Watching

from knowledge.addresses import AddressPolicy
from knowledge.failures import CredentialsLost
from knowledge.sources.checked_proxy import CheckedProxy
from knowledge.sources.credentials import Credentials, CredentialSafe
from knowledge.sources.models import ItemState, SourceKind
from knowledge.sources.rows import place_of
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed

CREDENTIALS = Credentials("AKIATENANT", "segredo-do-inquilino")


@pytest.fixture
async def s3() -> AsyncIterator[S3Server]:
    server = S3Server()
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def watching(knowledge: Knowledge, web: Web) -> AsyncIterator[Watching]:
    web.addresses.clear()
    web.addresses["s3.example"] = ["127.0.0.1"]
    watch = Watching.over(knowledge, web)
    yield watch
    await watch.syncing.fetcher.close()


async def bucket(watching: Watching, s3: S3Server, host: str = "s3.example", **more: Any) -> UUID:
    source_id = new_id()
    return await watching.source(
        SourceKind.S3,
        "s3://bucket/manuais/",
        id=source_id,
        options={"endpoint": f"http://{host}:{s3.port}", "region": "sa-east-1", **more},
        sealed_credentials=SAFE.seal(CREDENTIALS, place_of(AURORA, source_id)),
    )


async def test_what_is_new_changed_and_removed_is_seen_by_etag(
    watching: Watching, s3: S3Server
) -> None:
    s3.objects |= {
        "manuais/a.txt": b"O prazo vence em dez dias.",
        "manuais/b.txt": b"A taxa custa dez reais.",
        "manuais/vazio/": b"",
        "outros/c.txt": b"Fora do prefixo.",
    }
    source = await bucket(watching, s3)
    first = await watching.look(source)
    s3.requests.clear()
    s3.objects["manuais/a.txt"] = b"O prazo vence em vinte dias."
    del s3.objects["manuais/b.txt"]
    runs = [await watching.look(source) for _ in range(3)]
    items = await watching.items(source)

    assert first == {"state": "succeeded", "error": None, "found": 2, "added": 2}
    assert [(run.get("changed", 0), run.get("unchanged", 0)) for run in runs] == [
        (1, 0),
        (0, 1),
        (0, 1),
    ]
    assert s3.requests.count("GET manuais/a.txt") == 1
    assert items["a.txt"].state is ItemState.ACTIVE
    assert items["b.txt"].state is ItemState.GONE
    documents = {document.title: document for document in await watching.documents()}
    assert set(documents) == {"a.txt", "b.txt"}
    assert documents["a.txt"].current_version == 2


async def test_only_its_own_credentials_are_used(
    watching: Watching, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOPERATOR")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "segredo-da-casa")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "senha-da-casa")
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.9:1")
    s3.objects["manuais/a.txt"] = b"Um texto qualquer."
    run = await watching.look(await bucket(watching, s3))

    assert run["added"] == 1
    assert s3.heads
    assert all("Credential=AKIATENANT/" in head for head in s3.heads)
    assert not any("senha-da-casa" in head or "AKIAOPERATOR" in head for head in s3.heads)


async def test_without_credentials_nothing_is_signed(
    watching: Watching, s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAOPERATOR")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "segredo-da-casa")
    s3.objects["manuais/a.txt"] = b"Um texto qualquer."
    source = await watching.source(
        SourceKind.S3,
        "s3://bucket/manuais/",
        options={"endpoint": f"http://s3.example:{s3.port}"},
    )

    assert (await watching.look(source))["added"] == 1
    assert set(s3.signed) == {False}


@pytest.mark.parametrize("address", ["10.0.0.7", "169.254.169.254", "::1"])
async def test_a_service_in_the_house_is_refused(
    watching: Watching, web: Web, s3: S3Server, address: str
) -> None:
    web.addresses["casa.example"] = [address]

    run = await watching.look(await bucket(watching, s3, "casa.example"))

    assert (run["state"], run["error"]) == ("failed", "URL_BLOCKED")
    assert s3.requests == []


async def test_a_name_that_changes_its_mind_is_refused(
    watching: Watching, web: Web, s3: S3Server
) -> None:
    web.addresses["muda.example"] = ["127.0.0.1", "10.0.0.7"]

    run = await watching.look(await bucket(watching, s3, "muda.example"))

    assert run["error"] == "URL_BLOCKED"


@pytest.mark.parametrize(("status", "code"), [(403, "BUCKET_REFUSED"), (404, "BUCKET_NOT_FOUND")])
async def test_what_the_storage_says_is_told_to_people(
    watching: Watching, s3: S3Server, monkeypatch: pytest.MonkeyPatch, status: int, code: str
) -> None:
    monkeypatch.setattr(S3Server, "_answer", lambda *_: (status, b"<Error/>"))

    assert (await watching.look(await bucket(watching, s3)))["error"] == code


async def test_credentials_open_only_where_they_were_sealed(
    watching: Watching, s3: S3Server
) -> None:
    place = place_of(AURORA, new_id())
    sealed = SAFE.seal(CREDENTIALS, place)

    assert SAFE.open(sealed, place) == CREDENTIALS
    assert b"segredo" not in sealed
    assert "segredo" not in repr(CREDENTIALS)
    for safe, where in (
        (SAFE, place_of(AURORA, new_id())),
        (CredentialSafe({1: bytes(32)}), place),
        (CredentialSafe({2: bytes(range(32))}), place),
    ):
        with pytest.raises(CredentialsLost):
            safe.open(sealed, where)
    elsewhere = await watching.source(
        SourceKind.S3,
        "s3://bucket/manuais/",
        options={"endpoint": f"http://s3.example:{s3.port}"},
        sealed_credentials=sealed,
    )
    assert (await watching.look(elsewhere))["error"] == "SOURCE_CREDENTIALS_LOST"


async def test_the_proxy_writes_nothing_and_goes_nowhere_else(web: Web) -> None:
    web.addresses["casa.example"] = ["10.0.0.7"]
    page = web.put("/p", b"ok")
    policy = AddressPolicy(["127.0.0.2/32"])
    async with (
        CheckedProxy(policy, web.resolve).running() as proxy,
        httpx.AsyncClient(proxy=proxy.url) as client,
    ):
        assert (await client.get(page)).text == "ok"
        assert (await client.post(page)).status_code == 502
        assert not proxy.refused
        assert (await client.get("http://casa.example:8080/")).status_code == 403
        with pytest.raises(httpx.ProxyError):
            await client.get("https://casa.example:8443/")
        assert proxy.refused
