"""A page whose document was erased: known by a digest, never taken in again, whoever looks."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import asyncpg
import pytest
import sqlalchemy as sa
from knowledge_factories import Knowledge, Web
from knowledge_sources import AURORA, Watching

from devstack.testing import DatabaseUrls
from knowledge import deletion
from knowledge.models import Document
from knowledge.sources.entries import Entry
from knowledge.sources.erasing import erase_items, erased_address, is_digest
from knowledge.sources.models import ItemState, SourceKind

pytestmark = pytest.mark.committed

PAGE = b"<html><body><main><p>Helena mora em Sobral.</p></main></body></html>"


@pytest.fixture
async def watching(knowledge: Knowledge, web: Web) -> AsyncIterator[Watching]:
    web.pages.clear()
    web.requests.clear()
    web.addresses.clear()
    watch = Watching.over(knowledge, web)
    yield watch
    await watch.syncing.fetcher.close()


@pytest.fixture
async def superuser(database_urls: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_urls.superuser)
    yield connection
    await connection.close()


def put(web: Web, path: str, **headers: str) -> str:
    return web.put(path, PAGE, content_type="text/html; charset=utf-8", **headers)


async def erase(watching: Watching) -> int:
    """The only document; how many items knew it."""
    async with watching.transaction() as session:
        document = await session.scalar(sa.select(Document).with_for_update())
        assert document is not None
        items = await erase_items(session, AURORA, document.id)
        await deletion.delete(session, document)
    return items


async def kept(superuser: asyncpg.Connection, source_id: UUID) -> list[dict[str, object]]:
    rows = await superuser.fetch("SELECT * FROM ai.source_items WHERE source_id = $1", source_id)
    return [dict(row) for row in rows]


async def test_nothing_but_a_digest_is_left_and_the_page_does_not_come_back(
    watching: Watching, web: Web, superuser: asyncpg.Connection
) -> None:
    address = put(web, "/helena", etag='"v1"')
    source = await watching.source(SourceKind.URL, address)
    await watching.look(source)

    erased = await erase(watching)
    again = [await watching.look(source) for _ in range(2)]

    (item,) = await kept(superuser, source)
    assert erased == 1
    assert is_digest(str(item["address"]))
    assert item["state"] == ItemState.EXCLUDED.value
    assert {item[name] for name in ("etag", "last_modified", "listed_as", "content_sha256")} == {
        None
    }
    assert [run["skipped"] for run in again] == [1, 1]
    assert await watching.documents() == []
    assert len([request for request in web.requests if "GET /helena " in request]) == 1
    assert "helena" not in str(item)


async def test_the_others_of_a_source_are_looked_at_as_before(
    watching: Watching, web: Web, superuser: asyncpg.Connection
) -> None:
    entries = "".join(f"<url><loc>{put(web, path)}</loc></url>" for path in ("/a", "/b"))
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    web.put("/map.xml", f'<urlset xmlns="{space}">{entries}</urlset>'.encode())
    source = await watching.source(SourceKind.SITEMAP, web.url("/map.xml"))
    first = await watching.look(source)
    async with watching.transaction() as session:
        items = await watching.items(source)
        document_id = items["a"].document_id
        assert document_id is not None
        await erase_items(session, AURORA, document_id)
        document = await session.get(Document, document_id)
        assert document is not None
        await deletion.delete(session, document)

    second = await watching.look(source)

    assert first["added"] == 2
    assert (second["skipped"], second["unchanged"]) == (1, 1)
    assert len(await watching.documents()) == 1
    assert len(await kept(superuser, source)) == 2


async def test_a_run_that_began_before_writes_nothing_of_it_down(
    watching: Watching, web: Web, superuser: asyncpg.Connection
) -> None:
    address = put(web, "/helena")
    source = await watching.source(SourceKind.URL, address)
    await watching.look(source)
    web.put("/helena", PAGE.replace(b"Sobral", b"Crato"), content_type="text/html")
    await watching.ask(source)
    job = await watching.claim()
    reached = asyncio.Event()
    go_on = asyncio.Event()
    look_at = type(watching.syncing)._look_at

    async def paused(self: object, *given: object) -> object:
        reached.set()
        await go_on.wait()
        return await look_at(self, *given)  # type: ignore[arg-type]  # as it was called

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(watching.syncing), "_look_at", paused)
        running = asyncio.create_task(watching.syncing.sync(job))
        await reached.wait()
        await erase(watching)
        go_on.set()
        await running

    (item,) = await kept(superuser, source)
    assert is_digest(str(item["address"]))
    assert await watching.documents() == []
    assert Entry(address).address == address


async def test_the_digest_is_the_same_in_the_database(superuser: asyncpg.Connection) -> None:
    key, address = bytes(range(32)), "https://exemplo.com.br/laudo-de-helena-avó.pdf"

    told = await superuser.fetchval("SELECT ai.erased_address($1, $2)", key, address)

    assert told == erased_address(key, address)
    assert is_digest(told)
    assert erased_address(key[::-1], address) != told
    assert not is_digest(address)
