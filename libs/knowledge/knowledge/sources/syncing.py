"""A run: looks at everything a source lists, and submits what is new or has changed.

Each page or object is one fenced transaction, with its count: a run that is killed anywhere and
taken over goes on with what was not looked at yet, and counts nothing twice.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import structlog

from chassis.data.database import Database
from chassis.data.object_storage import STORAGE_FAILURES, ObjectStorage
from chassis.messaging.endurance import describe
from chassis.messaging.job_queue import ClaimedJob, JobQueue
from knowledge.addresses import AddressPolicy
from knowledge.failures import CredentialsLost, DocumentRefused, UrlNotFound, UrlUnavailable
from knowledge.fetching import Resolver, UrlFetcher, resolve
from knowledge.quotas import QuotaExceeded
from knowledge.settings import IngestionSettings, SourceSettings
from knowledge.sources import rows
from knowledge.sources.bucket import BucketAddress, open_bucket
from knowledge.sources.credentials import Credentials, CredentialSafe
from knowledge.sources.entries import Entry, KnownItem, Listing
from knowledge.sources.erasing import erased_address, is_digest
from knowledge.sources.fetching import Fetched, ObjectFetcher, PageFetcher
from knowledge.sources.models import ItemState, SourceKind, SourceRun
from knowledge.sources.rows import Run
from knowledge.sources.sitemap import read_sitemap
from knowledge.sources.submitting import submit_fetched
from knowledge.storage import version_prefix
from knowledge.submission import Upload
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)

STAGE: Final = "sync"
_GONE: Final = frozenset({"404", "410"})
_SILENT_IN_A_ROW: Final = 10
"""Pages a site may owe before the whole run waits for it."""
_USUAL_ITEMS: Final = 500


class Fetcher(Protocol):
    """Gets one entry into the storage."""

    async def fetch(
        self, organization_id: OrganizationId, entry: Entry, item: KnownItem | None, upload: Upload
    ) -> Fetched:
        """Raises DocumentRefused."""


def source_queue(database: Database) -> JobQueue:
    """The queue runs wait in."""
    return JobQueue(database, SourceRun.__table__)


@dataclass(frozen=True, slots=True)
class Syncing:
    """Takes claimed runs through. `documents` is the queue documents wait in."""

    database: Database
    queue: JobQueue
    documents: JobQueue
    storage: ObjectStorage
    fetcher: UrlFetcher
    policy: AddressPolicy
    safe: CredentialSafe
    settings: SourceSettings
    ingestion: IngestionSettings
    resolver: Resolver = resolve

    async def sync(self, job: ClaimedJob) -> None:
        """One whole look. Raises DocumentRefused when the source itself cannot be read, LeaseLost
        when the run is somebody else's or the source is gone."""
        async with self.queue.fenced(job) as session:
            run = await rows.begin(session, job)
            known = await rows.known_items(session, run)
        async with self._opened(run) as (listing, fetcher):
            await self._look(run, listing, known, fetcher)
        async with self.queue.fenced(job) as session:
            if listing.is_whole:
                there = [entry.address for entry in listing.entries]
                most = self.settings.gone_after
                await rows.count(
                    session, run, gone=await rows.miss(session, run, there, gone_after=most)
                )
            await rows.write_synced(session, run)
            await self.queue.complete(session, job)

    @asynccontextmanager
    async def _opened(self, run: Run) -> AsyncIterator[tuple[Listing, Fetcher]]:
        most = min(int(run.options.get("max_items") or _USUAL_ITEMS), self.settings.max_items)
        limit = self.ingestion.max_file_bytes
        pages = PageFetcher(self.fetcher, self.storage, pause=self.settings.pause, max_bytes=limit)
        match run.kind:
            case SourceKind.URL:
                yield Listing((Entry(run.address),)), pages
            case SourceKind.SITEMAP:
                under = run.options.get("under")
                listing = await read_sitemap(self.fetcher, run.address, most=most, under=under)
                yield listing, pages
            case SourceKind.S3:
                address = BucketAddress.of(run.address, run.options)
                credentials = self._credentials(run)
                opened = open_bucket(address, credentials, self.policy, self.resolver)
                async with opened as bucket:
                    objects = ObjectFetcher(bucket, self.storage, max_bytes=limit)
                    yield await bucket.list(most=most), objects

    def _credentials(self, run: Run) -> Credentials | None:
        if run.sealed_credentials is None:
            return None
        if not self.safe.can_seal:
            raise CredentialsLost
        return self.safe.open(run.sealed_credentials, run.place)

    async def _look(
        self, run: Run, listing: Listing, known: dict[str, KnownItem], fetcher: Fetcher
    ) -> None:
        entries = [_as_known(run, entry, known) for entry in listing.entries]
        due = [entry for entry in entries if not _was_seen(run, known.get(entry.address))]
        same = {entry.address for entry in due if _is_same(entry, known.get(entry.address))}
        erased = {entry.address for entry in due if is_digest(entry.address)}
        async with self.queue.fenced(run.job) as session:
            await rows.set_found(session, run, len(entries))
            if erased:
                await rows.count(
                    session, run, skipped=await rows.touch(session, run, sorted(erased))
                )
            if same:
                touched = await rows.touch(session, run, sorted(same))
                await rows.count(session, run, unchanged=touched)
        waiting = [entry for entry in due if entry.address not in same | erased]
        silent = 0
        for number, entry in enumerate(waiting):
            await self.queue.report(
                run.job, STAGE, 99 * (len(entries) - len(waiting) + number) // len(entries)
            )
            answered = await self._look_at(run, entry, known.get(entry.address), fetcher)
            silent = 0 if answered else silent + 1
            if silent >= _SILENT_IN_A_ROW:
                raise UrlUnavailable

    async def _look_at(
        self, run: Run, entry: Entry, item: KnownItem | None, fetcher: Fetcher
    ) -> bool:
        """Whether somebody answered."""
        if item is not None and item.document_id is None and item.content_sha256 is not None:
            # It was a document, which somebody has deleted: it does not come back by itself.
            await self._write(run, entry, ItemState.EXCLUDED, {}, counted="skipped")
            return True
        former = None if item is None else item.document_id
        upload = Upload() if former is None else Upload(former)
        kept = False
        try:
            fetched = await fetcher.fetch(run.organization_id, entry, item, upload)
            if fetched.source is None:
                seen = {**fetched.seen, "misses": 0}
                await self._write(run, entry, ItemState.ACTIVE, seen, counted="unchanged")
            else:
                async with self.queue.fenced(run.job) as session:
                    kept = await submit_fetched(
                        session, run, self.documents, entry, former, fetched, self.ingestion.quota
                    )
        except QuotaExceeded:
            raise  # nothing else would fit either
        except UrlNotFound as refusal:
            await self._not_found(run, entry, item, refusal)
        except DocumentRefused as refusal:
            if refusal.retry and run.kind is SourceKind.URL:
                raise  # there is nothing else to look at: the whole run is tried again
            await self._write(run, entry, ItemState.FAILED, {}, counted="failed", refusal=refusal)
            return not isinstance(refusal, UrlUnavailable)
        finally:
            if not kept:
                await self._drop(run, upload)
        return True

    async def _not_found(
        self, run: Run, entry: Entry, item: KnownItem | None, refusal: UrlNotFound
    ) -> None:
        is_missing = str(refusal.fields.get("status")) in _GONE
        misses = (item.misses if item is not None else 0) + is_missing
        over = is_missing and misses >= self.settings.gone_after
        await self._write(
            run,
            entry,
            ItemState.GONE if over else ItemState.FAILED,
            {"misses": misses},
            counted="gone" if over else "failed",
            refusal=refusal,
        )

    async def _write(
        self,
        run: Run,
        entry: Entry,
        state: ItemState,
        values: dict[str, Any],
        *,
        counted: str,
        refusal: DocumentRefused | None = None,
    ) -> None:
        async with self.queue.fenced(run.job) as session:
            await rows.write_item(session, run, entry.address, state, values, refusal)
            await rows.count(session, run, **{counted: 1})

    async def _drop(self, run: Run, upload: Upload) -> None:
        prefix = version_prefix(run.organization_id, upload.document_id, upload.version_id)
        try:
            await self.storage.delete_prefix(prefix)
        except STORAGE_FAILURES as error:
            _log.warning("objects_left_for_the_sweep", error=describe(error))


def _as_known(run: Run, entry: Entry, known: dict[str, KnownItem]) -> Entry:
    """By its digest, where what it was was erased."""
    if run.erased_key is not None:
        digest = erased_address(run.erased_key, entry.address)
        if digest in known:
            return Entry(digest)
    return entry


def _was_seen(run: Run, item: KnownItem | None) -> bool:
    """By this run already, before it was interrupted."""
    return item is not None and item.checked_at is not None and item.checked_at >= run.began_at


def _is_same(entry: Entry, item: KnownItem | None) -> bool:
    return (
        item is not None
        and item.state is ItemState.ACTIVE
        and item.document_id is not None
        and entry.mark is not None
        and entry.mark == item.listed_as
    )
