"""Whom the documents of a watched source are for."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from knowledge_factories import Knowledge, Web
from knowledge_sources import Watching

from knowledge.models import Visibility
from knowledge.sources.fetching import PageFetcher
from knowledge.sources.models import SourceKind, WatchedSource

pytestmark = pytest.mark.committed


@pytest.fixture
async def watching(knowledge: Knowledge, web: Web) -> AsyncIterator[Watching]:
    web.pages.clear()
    watch = Watching.over(knowledge, web)
    yield watch
    await watch.syncing.fetcher.close()


async def test_what_is_closed_while_it_is_looked_at_brings_nothing_open(
    watching: Watching, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = await watching.source(
        SourceKind.URL,
        web.put("/a", b"<html><body>O cofre.</body></html>", content_type="text/html"),
    )
    fetch = PageFetcher.fetch

    async def closed_meanwhile(self: PageFetcher, *given: Any) -> Any:
        fetched = await fetch(self, *given)
        async with watching.transaction() as session:
            row = await session.get(WatchedSource, source)
            assert row is not None
            row.visibility, row.allowed_roles = "restricted", ["dpo"]
        return fetched

    monkeypatch.setattr(PageFetcher, "fetch", closed_meanwhile)
    await watching.look(source)

    (document,) = await watching.documents()
    assert (document.visibility, document.allowed_roles) == (Visibility.RESTRICTED, ["dpo"])
