"""Erasing to the end: step by step, looking again, and answering core-api once it is proven.

Rows first, then the keys and objects they stood for, then the statistics of words. A step that
finds nothing left does nothing, so an erasure that was killed anywhere goes on by beginning anew.
The answer is published in the transaction that looks for the last time and ends the job: exactly
once.
"""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any, Final, cast

import sqlalchemy as sa
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.privacy import stores
from ai_svc.modules.privacy.answers import erase_answers
from ai_svc.modules.privacy.asking import known_values
from ai_svc.modules.privacy.at_hand import erase_keys
from ai_svc.modules.privacy.conversations import (
    erase_conversations,
    erase_memories,
    erase_proposals,
)
from ai_svc.modules.privacy.documents import erase_documents
from ai_svc.modules.privacy.exceptions import NotErasedYet, RedisSilent, StillThere, StorageSilent
from ai_svc.modules.privacy.leftovers import erase_objects, forget_words
from ai_svc.modules.privacy.models import ErasureKey, ErasureObjects
from ai_svc.modules.privacy.running_answers import await_running_answers
from ai_svc.modules.privacy.small_stores import (
    erase_batch_items,
    erase_projections,
    erase_replies,
    erase_triages,
    erase_uploads,
)
from ai_svc.modules.privacy.wordings import WORDINGS, erase_named_texts
from ai_svc.modules.privacy.work import ERASURES, KnownOf, Subject, Work
from ai_svc.settings import AiSettings
from chassis.data.database import Database
from chassis.data.failures import is_unavailable
from chassis.data.object_storage import STORAGE_FAILURES, ObjectStorage
from chassis.http.service_client import ServiceClient
from chassis.messaging import outbox
from chassis.messaging.backoff import Backoff
from chassis.messaging.endurance import describe, heed_cancellation, keep_running
from chassis.messaging.job_queue import ClaimedJob, JobQueue, LeaseLost
from chassis.observability.tracing import continued
from chassis.web.resources import Resources
from shared_schemas.events import PrivacyErasureCompleted
from shared_schemas.ids import new_id
from shared_schemas.privacy import StoreAction

_log = structlog.get_logger(__name__)

SERVICE: Final = "ai-svc"
STEPS: Final[tuple[Callable[[Work], Coroutine[Any, Any, None]], ...]] = (
    erase_conversations,
    erase_proposals,
    erase_memories,
    erase_named_texts,
    erase_keys,
    erase_answers,
    erase_documents,
    erase_uploads,
    erase_batch_items,
    erase_triages,
    erase_projections,
    erase_replies,
    erase_objects,
    forget_words,
    await_running_answers,
)
_ERASED: Final = tuple(each.name for each in stores.STORES if each.action is not StoreAction.KEEP)
_ROUNDS: Final = 3
"""What is found again is erased again, before anybody is told that there is trouble."""
_POLL_SECONDS: Final = 2.0
_PATIENCE: Final = Backoff(first=timedelta(seconds=2), longest=timedelta(minutes=1))


def erasure_queue(database: Database) -> JobQueue:
    """The queue erasures wait in."""
    return JobQueue(database, ERASURES, backoff=_PATIENCE)


async def keep_erasing(resources: Resources) -> None:
    """Works off what core-api asks for, as long as the service lives."""
    settings = cast("AiSettings", resources.settings)
    name = f"erasing:{new_id()}"
    async with ServiceClient(
        target="core-api",
        base_url=settings.core_api.core_api_url,
        source=resources.name,
        key=settings.internal_keys.key,
    ) as core_api:
        eraser = Eraser(
            resources.database,
            ObjectStorage.at(settings.storage),
            resources.redis,
            known_of=partial(known_values, core_api),
        )

        async def work() -> None:
            while True:
                await eraser.drain_once(name)
                heed_cancellation()
                await asyncio.sleep(_POLL_SECONDS)

        await keep_running("erasures", work)


class Eraser:
    """Takes erasures to their end, whoever began them."""

    def __init__(
        self,
        database: Database,
        storage: ObjectStorage,
        redis: Redis | None,
        *,
        queue: JobQueue | None = None,
        known_of: KnownOf | None = None,
    ) -> None:
        """`redis`: None for a database that was restored and serves nobody yet. `known_of`: None
        where nobody can say what a person is known by."""
        self._known_of = known_of
        self._database = database
        self._storage = storage
        self._redis = redis
        self._queue = queue or erasure_queue(database)

    async def drain_once(self, worker: str) -> int:
        """Works off everything that is due; returns how many."""
        done = 0
        while jobs := await self._queue.claim(worker, 1):
            for job in jobs:
                await self.work_off(job)
            done += len(jobs)
        return done

    async def work_off(self, job: ClaimedJob) -> None:
        """Erases everything, or writes down why not yet. Raises only CancelledError."""
        with (
            continued(job.payload["traceparent"], "erase client"),
            structlog.contextvars.bound_contextvars(
                request_id=job.payload["correlation_id"],
                privacy_request_id=str(job.payload["privacy_request_id"]),
            ),
        ):
            try:
                await self._erase(job)
            except asyncio.CancelledError:
                await asyncio.shield(self._settled(self._queue.give_back(job)))
                raise
            except LeaseLost:
                _log.info("erasure_abandoned")  # another replica's by now
            except NotErasedYet as cause:
                await self._later(job, cause)
            except STORAGE_FAILURES as error:
                _log.warning("erasure_interrupted", error=describe(error))
                await self._later(job, StorageSilent())
            except RedisError as error:
                _log.warning("erasure_interrupted", error=describe(error))
                await self._later(job, RedisSilent())
            except Exception as error:  # noqa: BLE001 - one erasure must not stop the others
                if is_unavailable(error):
                    # Nothing can be written now. The lease runs out, and the job is claimed again.
                    _log.warning("erasure_interrupted", error=describe(error))
                    return
                _log.error("erasure_failed", exc_info=error)
                await self._later(job, NotErasedYet())

    async def _erase(self, job: ClaimedJob) -> None:
        subject = Subject(job.organization_id, tuple(job.payload["client_ids"]))
        work = Work(
            self._database, self._storage, self._queue, job, subject, self._redis, self._known_of
        )
        for _ in range(_ROUNDS):
            for number, step in enumerate(STEPS):
                await step(work)
                await work.show(step.__name__, 100 * number // len(STEPS))
            if await _named_nowhere(work) and await _finished(work):
                _log.info("erasure_completed")
                return
        raise StillThere

    async def _later(self, job: ClaimedJob, cause: NotErasedYet) -> None:
        _log.warning("erasure_not_finished", code=cause.code, attempts=job.attempts)
        failing = partial(self._queue.fail, job, cause.code, cause.message, retry=True)
        await self._settled(failing())

    async def _settled(self, ending: Coroutine[Any, Any, Any]) -> None:
        """What cannot be written is tried again when the lease runs out."""
        try:
            await ending
        except LeaseLost:
            _log.info("erasure_abandoned")
        except Exception as error:  # noqa: BLE001 - the lease runs out
            _log.warning("erasure_not_settled", error=describe(error))


async def _named_nowhere(work: Work) -> bool:
    """Looks through every text once more, outside of the transaction that ends the erasure."""
    naming = await work.naming()
    if naming.is_empty:
        return True
    for wordings in WORDINGS:
        async for keys in wordings.naming(work.database, work.subject, naming):
            if keys:
                return False
            await work.show("named_nowhere", 99)
    return True


async def _finished(work: Work) -> bool:
    """Looks for everything once more; when there is nothing, says so to core-api."""
    async with work.fenced() as session:
        there = await stores.count(session, work.subject)
        if any(there.get(name) for name in _ERASED):
            return False
        if await _left(session, work, ErasureObjects) or await _left(session, work, ErasureKey):
            return False
        row = await session.execute(
            sa.select(ERASURES.c.erased, ERASURES.c.words_left).where(ERASURES.c.id == work.job.id)
        )
        erased, words_left = row.one()
        if words_left:
            return False
        outbox.add(session, _answer(work, erased, await stores.marked(session, work.subject)))
        await work.queue.complete(session, work.job)
    return True


async def _left(
    session: AsyncSession, work: Work, written_down: type[ErasureObjects | ErasureKey]
) -> bool:
    left = sa.exists().where(
        written_down.organization_id == work.organization_id,
        written_down.erasure_id == work.job.id,
    )
    return bool(await session.scalar(sa.select(left)))


def _answer(work: Work, erased: dict[str, int], marked: int) -> PrivacyErasureCompleted:
    asked = work.job.payload
    event = PrivacyErasureCompleted.caused(
        organization_id=work.organization_id,
        correlation_id=asked["correlation_id"],
        privacy_request_id=asked["privacy_request_id"],
        client_id=asked["client_id"],
        service=SERVICE,
        erased={name: erased.get(name, 0) for name in _ERASED},
        kept={"client_absences": marked, "deleted_documents": erased.get("documents", 0)},
    )
    return event.model_copy(update={"source_service": SERVICE})
