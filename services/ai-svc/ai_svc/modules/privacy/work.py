"""One erasure on its way: whose data, and what was erased so far, counted with the erasing.

Each step is transactions that hold the job's fence: whoever lost the lease erases and counts
nothing more, and whoever takes it over goes on with what is still there.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, cast
from uuid import UUID

import sqlalchemy as sa
from redis.asyncio import Redis
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.privacy.models import Erasure, ErasureKey, ErasureObjects
from ai_svc.modules.privacy.naming import Naming
from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from chassis.messaging.job_queue import ClaimedJob, JobQueue
from knowledge.models import Document
from shared_schemas.ids import OrganizationId
from shared_schemas.privacy import KnownValues

KnownOf = Callable[[OrganizationId, UUID], Awaitable[KnownValues]]
"""What the person whose erasure this privacy request asked for is known by."""
ERASURES: Final = Erasure.__table__
_OBJECTS: Final = cast("sa.Table", ErasureObjects.__table__)


@dataclass(frozen=True, slots=True)
class Subject:
    """A client, and everybody merged into it."""

    organization_id: OrganizationId
    client_ids: Sequence[UUID]

    @property
    def documents(self) -> sa.Select[UUID]:
        """The ids of the documents about them."""
        return sa.select(Document.id).where(
            Document.organization_id == self.organization_id,
            Document.client_id.in_(self.client_ids),
        )


@dataclass(frozen=True, slots=True)
class Work:
    """What a step works with."""

    database: Database
    storage: ObjectStorage
    queue: JobQueue
    job: ClaimedJob
    subject: Subject
    redis: Redis | None = None
    """None for a database that was restored and serves nobody yet."""
    known_of: KnownOf | None = None

    async def naming(self) -> Naming:
        """What the person is found by in words, asked for anew each time: it is kept nowhere."""
        if self.known_of is None:
            return Naming.of(KnownValues())
        request_id = self.job.payload["privacy_request_id"]
        return Naming.of(await self.known_of(self.organization_id, request_id))

    @property
    def organization_id(self) -> OrganizationId:
        """Whose it is."""
        return self.subject.organization_id

    @asynccontextmanager
    async def fenced(self) -> AsyncIterator[AsyncSession]:
        """A transaction that holds the job. Raises LeaseLost."""
        async with self.queue.fenced(self.job) as session:
            yield session

    async def count(
        self, session: AsyncSession, erased: Mapping[str, int], *, words_left: bool = False
    ) -> None:
        """Adds to what was erased, in the transaction of the erasing."""
        mine = ERASURES.c.id == self.job.id
        so_far = (await session.execute(sa.select(ERASURES.c.erased).where(mine))).scalar_one()
        total = Counter(so_far)
        total.update({store: number for store, number in erased.items() if number})
        changes: dict[str, object] = {"erased": dict(total)}
        if words_left:
            changes["words_left"] = True
        await session.execute(sa.update(ERASURES).where(mine).values(changes))

    async def leave_objects(
        self, session: AsyncSession, prefixes: Mapping[str, object | None]
    ) -> None:
        """Objects to be deleted once this transaction is committed, and from when on it is known
        that nobody adds any."""
        rows = [
            {
                "organization_id": self.organization_id,
                "prefix": prefix,
                "erasure_id": self.job.id,
                "not_before": not_before,
            }
            for prefix, not_before in prefixes.items()
        ]
        if rows:
            await session.execute(insert(_OBJECTS).values(rows).on_conflict_do_nothing())

    async def leave_keys(self, session: AsyncSession, keys: Sequence[str]) -> int:
        """Keys in Redis to be deleted once this transaction is committed; how many are new."""
        if not keys:
            return 0
        mine = {"organization_id": self.organization_id, "erasure_id": self.job.id}
        rows = [{**mine, "key": key} for key in keys]
        left = insert(ErasureKey).values(rows).on_conflict_do_nothing()
        return len((await session.execute(left.returning(ErasureKey.key))).all())

    async def show(self, stage: str, percent: int) -> None:
        """How far it is; keeps the lease. Raises LeaseLost."""
        await self.queue.report(self.job, stage, percent)
