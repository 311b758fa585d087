"""Sources in the database, and runs that look at them."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from knowledge_factories import Knowledge, Web
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging.job_queue import ClaimedJob
from devstack.people import PEOPLE
from knowledge.addresses import AddressPolicy
from knowledge.failures import DocumentRefused
from knowledge.fetching import UrlFetcher
from knowledge.models import Document, DocumentVersion
from knowledge.settings import IngestionSettings, SourceSettings
from knowledge.sources.credentials import CredentialSafe
from knowledge.sources.models import (
    RunTrigger,
    SourceItem,
    SourceKind,
    SourceRun,
    WatchedSource,
)
from knowledge.sources.syncing import Syncing, source_queue
from shared_schemas.ids import OrganizationId, UserId, new_id

ANA = PEOPLE["ana"]
AURORA = OrganizationId(ANA.organization.id)
ALLOWED = ("127.0.0.2/32", "127.0.0.1/32")
SAFE = CredentialSafe({1: bytes(range(32))})
RUNS = SourceRun.__table__


@dataclass
class Watching:
    """What watches sources in a test."""

    syncing: Syncing
    knowledge: Knowledge

    @classmethod
    def over(cls, knowledge: Knowledge, web: Web, **settings: Any) -> "Watching":
        """Pages of the test's web server, without a pause."""
        ingestion = knowledge.ingestion
        policy = AddressPolicy(ALLOWED)
        fetcher = UrlFetcher(
            policy, max_bytes=200_000, timeout=timedelta(seconds=5), resolver=web.resolve
        )
        return cls(
            Syncing(
                database=ingestion.database,
                queue=source_queue(ingestion.database),
                documents=ingestion.queue,
                storage=ingestion.storage,
                fetcher=fetcher,
                policy=policy,
                safe=SAFE,
                settings=SourceSettings(pause=timedelta(0), **settings),
                ingestion=IngestionSettings(),
                resolver=web.resolve,
            ),
            knowledge,
        )

    def transaction(self) -> Any:
        """Of aurora."""
        return self.syncing.database.transaction(AURORA)

    async def source(self, kind: SourceKind, address: str, **columns: Any) -> UUID:
        """A source of ana's."""
        async with self.transaction() as session:
            row = WatchedSource(
                id=columns.pop("id", new_id()),
                organization_id=AURORA,
                name=f"Fonte {new_id()}",
                kind=kind,
                address=address,
                options=columns.pop("options", {}),
                created_by=UserId(ANA.sub),
                **columns,
            )
            session.add(row)
            await session.flush()
            return row.id

    async def ask(self, source_id: UUID) -> UUID:
        """A run that waits."""
        run_id = new_id()
        async with self.transaction() as session:
            await session.execute(
                sa.insert(RUNS).values(
                    id=run_id,
                    organization_id=AURORA,
                    source_id=source_id,
                    trigger=RunTrigger.PERSON,
                    correlation_id="tests",
                )
            )
        return run_id

    async def claim(self) -> ClaimedJob:
        """The one that waits."""
        (job,) = await self.syncing.queue.claim("tests", 1)
        return job

    async def look(self, source_id: UUID) -> dict[str, Any]:
        """One whole run, and the documents it brought indexed; what the run says."""
        run_id = await self.ask(source_id)
        job = await self.claim()
        try:
            await self.syncing.sync(job)
        except DocumentRefused as refusal:
            await self.syncing.queue.fail(job, str(refusal.code), str(refusal), retry=False)
        await self.knowledge.ingestion.drain_once("tests")
        return await self.run(run_id)

    async def run(self, run_id: UUID) -> dict[str, Any]:
        """What a run says it has done."""
        async with self.transaction() as session:
            found = await session.execute(sa.select(RUNS).where(RUNS.c.id == run_id))
            row = found.mappings().one()
        counts = {name: row[name] for name in _COUNTS if row[name]}
        return {"state": row["state"].value, "error": row["error_code"], **counts}

    async def items(self, source_id: UUID) -> dict[str, SourceItem]:
        """What is known of the source, by the last part of the address."""
        async with self.transaction() as session:
            found = await session.scalars(
                sa.select(SourceItem).where(SourceItem.source_id == source_id)
            )
            return {item.address.rpartition("/")[2]: item for item in found}

    async def documents(self) -> list[Document]:
        """Of aurora."""
        async with self.transaction() as session:
            return list(await session.scalars(sa.select(Document).order_by(Document.id)))

    async def versions(self, session: AsyncSession, document_id: UUID) -> list[DocumentVersion]:
        """Of one document."""
        found = await session.scalars(
            sa.select(DocumentVersion).where(DocumentVersion.document_id == document_id)
        )
        return list(found)


_COUNTS = ("found", "added", "changed", "unchanged", "gone", "failed", "skipped")
