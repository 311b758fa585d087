"""Getting one page or object into the storage, if it has changed."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx

from chassis.data.object_storage import ObjectStorage, StoredObject
from knowledge.failures import refused_for
from knowledge.fetching import NOTHING_SEEN, Seen, UrlFetcher
from knowledge.models import SourceType
from knowledge.parsing.causes import ParsingFailure
from knowledge.parsing.sniffing import sniff
from knowledge.sources.bucket import Bucket
from knowledge.sources.entries import Entry, KnownItem
from knowledge.storage import original_key, put_original
from knowledge.submission import MAX_TITLE, Source, Upload
from shared_schemas.ids import OrganizationId

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What lies in the storage under the ids of `upload`; without a source nothing has changed.
    `seen`: columns of the item by which the next change is recognised."""

    upload: Upload
    source: Source | None
    seen: dict[str, Any]


class PageFetcher:
    """Pages of the Web, no faster than their site wants."""

    def __init__(
        self,
        fetcher: UrlFetcher,
        storage: ObjectStorage,
        *,
        pause: timedelta,
        max_bytes: int,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._fetcher = fetcher
        self._storage = storage
        self._pause = pause.total_seconds()
        self._max_bytes = max_bytes
        self._sleep = sleep
        self._next: dict[str, float] = {}

    async def fetch(
        self, organization_id: OrganizationId, entry: Entry, item: KnownItem | None, upload: Upload
    ) -> Fetched:
        """Raises DocumentRefused."""
        url = httpx.URL(entry.address)
        await self._wait_for_turn(url)
        try:
            return await self._fetch(organization_id, entry, item, upload)
        finally:
            pause = max(self._pause, self._fetcher.robots.known_delay(url))
            self._next[url.host] = time.monotonic() + pause

    async def _fetch(
        self, organization_id: OrganizationId, entry: Entry, item: KnownItem | None, upload: Upload
    ) -> Fetched:
        async with self._fetcher.open(entry.address, seen=_seen(item)) as page:
            seen = {
                "etag": page.seen.etag,
                "last_modified": page.seen.last_modified,
                "listed_as": entry.mark,
            }
            if page.is_unchanged:
                return Fetched(upload, None, seen)
            key = original_key(organization_id, upload.document_id, upload.version_id)
            stored = await put_original(self._storage, key, page.body, max_bytes=self._max_bytes)
            seen["content_sha256"] = stored.sha256
            if item is not None and item.content_sha256 == stored.sha256:
                return Fetched(upload, None, seen)
            return Fetched(upload, _of_page(entry.address, stored, page.charset), seen)

    async def _wait_for_turn(self, url: httpx.URL) -> None:
        now = time.monotonic()
        wait = self._next.get(url.host, now) - now
        if wait > 0:
            await self._sleep(wait)


class ObjectFetcher:
    """Objects of a bucket."""

    def __init__(self, bucket: Bucket, storage: ObjectStorage, *, max_bytes: int) -> None:
        self._bucket = bucket
        self._storage = storage
        self._max_bytes = max_bytes

    async def fetch(
        self, organization_id: OrganizationId, entry: Entry, item: KnownItem | None, upload: Upload
    ) -> Fetched:
        """Raises DocumentRefused."""
        key = original_key(organization_id, upload.document_id, upload.version_id)
        body: AsyncIterator[bytes] = self._bucket.read(entry.address, max_bytes=self._max_bytes)
        stored = await put_original(self._storage, key, body, max_bytes=self._max_bytes)
        seen = {"listed_as": entry.mark, "content_sha256": stored.sha256}
        if item is not None and item.content_sha256 == stored.sha256:
            return Fetched(upload, None, seen)
        return Fetched(upload, Source.file(stored, entry.address.rpartition("/")[2]), seen)


def _seen(item: KnownItem | None) -> Seen:
    """Nothing, unless the document it became is there: it would never come again."""
    if item is None or item.document_id is None:
        return NOTHING_SEEN
    return Seen(item.etag, item.last_modified)


def _of_page(address: str, stored: StoredObject, charset: str | None) -> Source:
    try:
        form = sniff(stored.head)
    except ParsingFailure as failure:
        raise refused_for(failure.cause) from failure
    return Source(
        SourceType.URL,
        title=address[:MAX_TITLE],
        uri=address,
        storage_key=stored.key,
        mime_type=form.value,
        content_sha256=stored.sha256,
        size_bytes=stored.size_bytes,
        charset=charset,
    )
