"""Watching pages and sitemaps: what is new, what has changed, what is gone, and what harms."""

import gzip
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from knowledge_factories import Knowledge, Web
from knowledge_sources import Watching

from chassis.messaging.job_queue import LeaseLost
from knowledge import deletion
from knowledge.models import Document
from knowledge.settings import IngestionSettings
from knowledge.sources import sitemap
from knowledge.sources.models import ItemState, SourceKind

pytestmark = pytest.mark.committed

NS = "http://www.sitemaps.org/schemas/sitemap/0.9"


@pytest.fixture
async def watching(knowledge: Knowledge, web: Web) -> AsyncIterator[Watching]:
    web.pages.clear()
    web.requests.clear()
    web.addresses.clear()
    watch = Watching.over(knowledge, web)
    yield watch
    await watch.syncing.fetcher.close()


def page(text: str) -> bytes:
    """A page that says something."""
    title = f"<title>{text[:20]}</title>"
    return f"<html><head>{title}</head><body><main><p>{text}</p></main></body></html>".encode()


def put(web: Web, path: str, text: str, **headers: str) -> str:
    return web.put(path, page(text), content_type="text/html; charset=utf-8", **headers)


def urlset(web: Web, *paths: str, **lastmods: str) -> bytes:
    entries = "".join(
        f"<url><loc>{path if '://' in path else web.url(path)}</loc>"
        f"<lastmod>{lastmods.get(path.strip('/'), '2026-01-01')}</lastmod></url>"
        for path in paths
    )
    return f'<?xml version="1.0"?><urlset xmlns="{NS}">{entries}</urlset>'.encode()


def index(web: Web, *paths: str) -> bytes:
    entries = "".join(f"<sitemap><loc>{web.url(path)}</loc></sitemap>" for path in paths)
    return f'<sitemapindex xmlns="{NS}">{entries}</sitemapindex>'.encode()


def asked(web: Web, path: str) -> int:
    return sum(request.startswith(f"GET {path} ") for request in web.requests)


async def test_a_page_is_asked_for_changes_only(watching: Watching, web: Web) -> None:
    address = put(web, "/a", "O prazo é de dez dias.", etag='"v1"')
    source = await watching.source(SourceKind.URL, address, tags=["site"])
    first = await watching.look(source)
    web.put("/a", status="304 Not Modified")
    second = await watching.look(source)
    put(web, "/a", "O prazo é de vinte dias.", etag='"v2"')
    third = await watching.look(source)
    (document,) = await watching.documents()

    assert first == {"state": "succeeded", "error": None, "found": 1, "added": 1}
    assert second == {"state": "succeeded", "error": None, "found": 1, "unchanged": 1}
    assert third == {"state": "succeeded", "error": None, "found": 1, "changed": 1}
    assert 'If-None-Match: "v1"' in [r for r in web.requests if "GET /a " in r][1]
    assert "COGEP-Assist" in web.requests[0]
    assert (document.current_version, document.status.value) == (2, "indexed")
    assert (document.title, document.tags) == ("O prazo é de dez dia", ["site"])


async def test_a_source_keeps_to_the_quota_that_is_configured(watching: Watching, web: Web) -> None:
    web.put("/map.xml", urlset(web, put(web, "/a", "Um."), put(web, "/b", "Dois.")))
    source = await watching.source(SourceKind.SITEMAP, web.url("/map.xml"))
    syncing = replace(watching.syncing, ingestion=IngestionSettings(quota_documents=1))

    run = await replace(watching, syncing=syncing).look(source)

    assert (run["state"], run["error"]) == ("failed", "QUOTA_EXCEEDED")
    assert len(await watching.documents()) == 1


async def test_the_same_bytes_again_are_no_change(watching: Watching, web: Web) -> None:
    source = await watching.source(SourceKind.URL, put(web, "/a", "Sempre igual."))
    await watching.look(source)
    again = await watching.look(source)

    assert again["unchanged"] == 1
    (document,) = await watching.documents()
    assert document.latest_version == 1
    stored = [each.key async for each in watching.syncing.storage.list()]
    assert len(stored) == 1


async def test_a_page_that_is_gone_is_marked_after_a_while_and_kept(
    watching: Watching, web: Web
) -> None:
    address = put(web, "/a", "Ainda está aqui.")
    source = await watching.source(SourceKind.URL, address)
    await watching.look(source)
    web.put("/a", status="404 Not Found")
    states = []
    for _ in range(3):
        await watching.look(source)
        states.append((await watching.items(source))["a"].state)
    put(web, "/a", "Voltou, e diferente.")
    back = await watching.look(source)

    assert states == [ItemState.FAILED, ItemState.FAILED, ItemState.GONE]
    assert len(await watching.documents()) == 1
    assert back["changed"] == 1
    item = (await watching.items(source))["a"]
    assert (item.state, item.misses, item.error_code) == (ItemState.ACTIVE, 0, None)


async def test_what_robots_do_not_allow_is_not_read(watching: Watching, web: Web) -> None:
    web.put("/robots.txt", b"User-agent: *\nDisallow: /privado\n")
    allowed = await watching.source(SourceKind.URL, put(web, "/publico", "Aberto."))
    refused = await watching.source(SourceKind.URL, put(web, "/privado", "Fechado."))

    assert (await watching.look(allowed))["added"] == 1
    assert (await watching.look(refused))["failed"] == 1
    item = (await watching.items(refused))["privado"]
    assert item.error_code == "URL_ROBOTS_DISALLOWED"
    assert "robots.txt" in str(item.error_message)
    assert asked(web, "/privado") == 0
    assert asked(web, "/robots.txt") == 1


async def test_a_redirect_to_what_robots_do_not_allow_is_not_followed(
    watching: Watching, web: Web
) -> None:
    web.put("/robots.txt", b"User-agent: COGEP-Assist\nDisallow: /fim\n")
    put(web, "/fim", "Fechado.")
    source = await watching.source(
        SourceKind.URL, web.put("/inicio", status="302 Found", location="/fim")
    )

    await watching.look(source)

    assert (await watching.items(source))["inicio"].error_code == "URL_ROBOTS_DISALLOWED"
    assert asked(web, "/fim") == 0


async def test_a_site_that_cannot_say_what_it_allows_is_asked_later(
    watching: Watching, web: Web
) -> None:
    web.put("/robots.txt", status="503 Busy")
    source = await watching.source(SourceKind.URL, put(web, "/a", "Aberto."))

    run = await watching.look(source)

    assert (run["state"], run["error"]) == ("failed", "URL_ROBOTS_UNAVAILABLE")
    assert asked(web, "/a") == 0


@pytest.mark.parametrize(
    "location", ["http://127.0.0.3/", "http://169.254.169.254/latest", "http://interno.example/"]
)
async def test_a_redirect_into_the_house_is_refused(
    watching: Watching, web: Web, location: str
) -> None:
    web.addresses["interno.example"] = ["10.0.0.7"]
    address = web.put("/a", status="302 Found", location=location)
    source = await watching.source(SourceKind.URL, address)

    run = await watching.look(source)

    assert run["failed"] == 1
    assert (await watching.items(source))["a"].error_code == "URL_BLOCKED"


async def test_a_huge_page_and_a_strange_one_are_named(watching: Watching, web: Web) -> None:
    huge = await watching.source(
        SourceKind.URL, web.put("/g", b"x" * 200_001, content_type="text/html")
    )
    strange = await watching.source(
        SourceKind.URL, web.put("/i", b"GIF89a", content_type="image/gif")
    )
    await watching.look(huge)
    await watching.look(strange)

    assert (await watching.items(huge))["g"].error_code == "DOCUMENT_TOO_LARGE"
    assert (await watching.items(strange))["i"].error_code == "DOCUMENT_TYPE_UNSUPPORTED"
    assert await watching.documents() == []
    assert [each async for each in watching.syncing.storage.list()] == []


async def test_a_sitemap_brings_its_pages_and_asks_again_only_for_what_changed(
    watching: Watching, web: Web
) -> None:
    for name in ("a", "b", "c"):
        put(web, f"/{name}", f"Página {name}.")
    address = web.put("/s.xml", urlset(web, "/a", "/b", "/c", "/a"), content_type="application/xml")
    source = await watching.source(SourceKind.SITEMAP, address)
    first = await watching.look(source)
    web.requests.clear()
    put(web, "/b", "Página b, revista.")
    web.put("/s.xml", urlset(web, "/a", "/b", b="2026-02-02"))
    second = await watching.look(source)

    assert first == {"state": "succeeded", "error": None, "found": 3, "added": 3}
    assert second == {
        "state": "succeeded",
        "error": None,
        "found": 2,
        "changed": 1,
        "unchanged": 1,
    }
    assert (asked(web, "/a"), asked(web, "/b")) == (0, 1)
    assert (await watching.items(source))["c"].misses == 1
    assert len(await watching.documents()) == 3


async def test_what_is_no_longer_listed_is_gone_after_a_while(watching: Watching, web: Web) -> None:
    put(web, "/a", "Página a.")
    put(web, "/b", "Página b.")
    source = await watching.source(SourceKind.SITEMAP, web.put("/s.xml", urlset(web, "/a", "/b")))
    await watching.look(source)
    web.put("/s.xml", urlset(web, "/a"))
    runs = [await watching.look(source) for _ in range(4)]

    assert [run.get("gone", 0) for run in runs] == [0, 0, 1, 0]
    assert (await watching.items(source))["b"].state is ItemState.GONE
    assert len(await watching.documents()) == 2


async def test_index_files_loops_and_other_sites(watching: Watching, web: Web) -> None:
    for name in ("a", "b"):
        put(web, f"/{name}", f"Página {name}.")
    web.put("/i.xml", index(web, "/i.xml", "/1.xml", "/2.xml.gz", "/i.xml"))
    web.put("/1.xml", urlset(web, "/a", "http://outro.example/x", "ftp://pagina.example/y"))
    web.put("/2.xml.gz", gzip.compress(urlset(web, "/b")), content_type="application/gzip")
    source = await watching.source(SourceKind.SITEMAP, web.url("/i.xml"))

    run = await watching.look(source)

    assert (run["found"], run["added"]) == (2, 2)
    assert asked(web, "/i.xml") == 1
    assert set(await watching.items(source)) == {"a", "b"}


async def test_a_site_that_calls_itself_otherwise_is_followed_there(
    watching: Watching, web: Web
) -> None:
    there = "www.pagina.example"
    put(web, "/a", "Página a.")
    web.put("/w.xml", index(web, "/1.xml").replace(b"http://", b"http://www."))
    web.put("/1.xml", urlset(web, web.url("/a", there), "http://outro.example/x"))
    address = web.put("/s.xml", status="301 Moved", location=web.url("/w.xml", there))
    source = await watching.source(SourceKind.SITEMAP, address)

    run = await watching.look(source)

    assert (run["found"], run["added"]) == (1, 1)
    assert [item.address for item in (await watching.items(source)).values()] == [
        web.url("/a", there)
    ]


async def test_a_sitemap_of_another_sites_pages_says_so(watching: Watching, web: Web) -> None:
    address = web.put("/s.xml", urlset(web, "http://outro.example/x"))
    run = await watching.look(await watching.source(SourceKind.SITEMAP, address))
    assert (run["state"], run["error"]) == ("failed", "SITEMAP_OF_ANOTHER_SITE")


async def test_more_pages_than_wanted_are_left_and_nothing_is_missing(
    watching: Watching, web: Web
) -> None:
    for number in range(5):
        put(web, f"/p{number}", f"Página {number}.")
    paths = [f"/p{number}" for number in range(5)]
    address = web.put("/s.xml", urlset(web, *paths))
    source = await watching.source(SourceKind.SITEMAP, address, options={"max_items": 3})
    first = await watching.look(source)
    web.put("/s.xml", urlset(web, *reversed(paths)))
    await watching.look(source)

    assert (first["found"], first["added"]) == (3, 3)
    assert {item.misses for item in (await watching.items(source)).values()} == {0}


async def test_only_what_is_under_a_path(watching: Watching, web: Web) -> None:
    put(web, "/ajuda/a", "Ajuda.")
    put(web, "/loja/b", "Loja.")
    address = web.put("/s.xml", urlset(web, "/ajuda/a", "/loja/b"))
    source = await watching.source(SourceKind.SITEMAP, address, options={"under": "/ajuda/"})

    assert (await watching.look(source))["found"] == 1


BILLION = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
    b"<urlset><url><loc>&b;</loc></url></urlset>"
)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"<html><body>ol\xc3\xa1</body></html>", "SITEMAP_INVALID"),
        (b"nada disso", "SITEMAP_INVALID"),
        (BILLION, "SITEMAP_INVALID"),
        (gzip.compress(b"nada", mtime=0)[:-9], "SITEMAP_INVALID"),
        (gzip.compress(b"<urlset>" + b" " * 3_000_000, mtime=0), "DOCUMENT_TOO_LARGE"),
    ],
)
async def test_what_is_no_sitemap_is_named(
    watching: Watching, web: Web, body: bytes, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sitemap, "_MAX_BYTES", 1_000_000)
    source = await watching.source(SourceKind.SITEMAP, web.put("/s.xml", body))

    run = await watching.look(source)

    assert (run["state"], run["error"]) == ("failed", code)
    assert await watching.documents() == []


async def test_a_run_that_was_interrupted_goes_on_where_it_was(
    watching: Watching, web: Web
) -> None:
    for name in ("a", "b", "c"):
        put(web, f"/{name}", f"Página {name}.")
    address = web.put("/s.xml", urlset(web, "/a", "/b", "/c"))
    source = await watching.source(SourceKind.SITEMAP, address)
    run_id = await watching.ask(source)
    job = await watching.claim()
    web.pages["/c"] = b""  # the worker dies here
    real = watching.syncing.fetcher.open

    def dying(url: str, **known: Any) -> Any:
        if url.endswith("/c"):
            raise KeyboardInterrupt
        return real(url, **known)

    watching.syncing.fetcher.open = dying  # type: ignore[method-assign]  # it dies once
    with pytest.raises(KeyboardInterrupt):
        await watching.syncing.sync(job)
    watching.syncing.fetcher.open = real  # type: ignore[method-assign]  # another process
    put(web, "/c", "Página c.")
    async with watching.syncing.database.worker_transaction() as session:
        table = watching.syncing.queue.table
        await session.execute(sa.update(table).values(lease_expires_at=sa.func.now()))
    web.requests.clear()
    again = await watching.claim()
    await watching.syncing.sync(again)

    assert (asked(web, "/a"), asked(web, "/b"), asked(web, "/c")) == (0, 0, 1)
    assert await watching.run(run_id) == {
        "state": "succeeded",
        "error": None,
        "found": 3,
        "added": 3,
    }
    assert len(await watching.documents()) == 3
    with pytest.raises(LeaseLost):  # the first worker was only asleep
        await watching.syncing.sync(job)
    assert len(await watching.documents()) == 3


async def test_what_somebody_deleted_does_not_come_back(watching: Watching, web: Web) -> None:
    source = await watching.source(SourceKind.URL, put(web, "/a", "Some daqui."))
    await watching.look(source)
    async with watching.transaction() as session:
        document = (await session.scalars(sa.select(Document).with_for_update())).one()
        await deletion.delete(session, document)
    put(web, "/a", "Some daqui, em outra versão.")

    run = await watching.look(source)

    assert run["skipped"] == 1
    assert (await watching.items(source))["a"].state is ItemState.EXCLUDED
    assert await watching.documents() == []
