"""Working off tickets that wait: read, judge, hand over, tell; once each, whoever began.

No step before the last one leaves anything here, and core-api takes one proposal for a ticket: who
was killed anywhere begins anew, and publishes what core-api has. The event goes out in the
transaction that ends the job.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, Final

import sqlalchemy as sa
import structlog

from ai_svc.modules.providers.service import Brain
from ai_svc.modules.triage.core_api import hand_over, read_ticket
from ai_svc.modules.triage.drafting import assistant, draft_of, evidence_for
from ai_svc.modules.triage.exceptions import NotTriagedYet
from ai_svc.modules.triage.metrics import TRIAGES
from ai_svc.modules.triage.models import Because, Triage, TriageStatus
from ai_svc.modules.triage.permission import may_be_read, readable_history
from ai_svc.modules.triage.proposing import BUILT_IN, judged, proposal_of
from ai_svc.modules.triage.thinking import Thought, think
from ai_svc.modules.usage import service as usage
from ai_svc.workshop import Workshop
from chassis.data.database import Database
from chassis.data.failures import is_unavailable
from chassis.messaging import outbox
from chassis.messaging.backoff import Backoff
from chassis.messaging.endurance import describe
from chassis.messaging.job_queue import ClaimedJob, JobQueue, LeaseLost
from chassis.observability.tracing import continued
from shared_schemas.events import TicketTriaged
from shared_schemas.triage import Decided, Standing, TicketText, TicketToTriage, TriageProposal

_log = structlog.get_logger(__name__)

TRIAGES_TABLE: Final = Triage.__table__
_AT_ONCE: Final = 4
_LEASE: Final = timedelta(minutes=3)
_TIME_LIMIT: Final = timedelta(minutes=2)
_PATIENCE: Final = Backoff(first=timedelta(seconds=2), longest=timedelta(minutes=10))
_BECAUSE: Final = {
    Standing.OFF: Because.OFF,
    Standing.BLOCKED: Because.BLOCKED,
    Standing.DONE: Because.DONE,
    Standing.GONE: Because.GONE,
}


def triage_queue(database: Database) -> JobQueue:
    """The queue new tickets wait in."""
    return JobQueue(database, TRIAGES_TABLE, lease=_LEASE, backoff=_PATIENCE)


class Triager:
    """Takes tickets to their proposal."""

    def __init__(
        self, workshop: Workshop, brain: Brain | None = None, *, queue: JobQueue | None = None
    ) -> None:
        """`brain`: None is words alone."""
        self._workshop = workshop
        self._brain = brain
        self._queue = queue or triage_queue(workshop.database)

    async def drain_once(self, worker: str) -> int:
        """Works off everything that is due; returns how many."""
        done = 0
        while jobs := await self._queue.claim(worker, _AT_ONCE):
            await asyncio.gather(*(self.work_off(job) for job in jobs))
            done += len(jobs)
        return done

    async def work_off(self, job: ClaimedJob) -> None:
        """Triages, or writes down why not yet. Raises only CancelledError."""
        with (
            continued(job.payload["traceparent"], "triage ticket"),
            structlog.contextvars.bound_contextvars(
                request_id=_request_id(job), ticket_id=str(job.payload["ticket_id"])
            ),
        ):
            try:
                async with asyncio.timeout(_TIME_LIMIT.total_seconds()):
                    await self._triage(job)
            except asyncio.CancelledError:
                await asyncio.shield(self._settled(self._queue.give_back(job)))
                raise
            except LeaseLost:
                _log.info("triage_abandoned")  # another replica's by now, or the client was erased
            except NotTriagedYet as cause:
                await self._later(job, cause)
            except Exception as error:  # noqa: BLE001 - one ticket must not stop the others
                if is_unavailable(error):
                    # Nothing can be written now. The lease runs out, and the job is claimed again.
                    _log.warning("triage_interrupted", error=describe(error))
                    return
                _log.error("triage_failed", exc_info=error)
                await self._later(job, NotTriagedYet())

    async def _triage(self, job: ClaimedJob) -> None:
        """Whose words may not be used are not even read."""
        if job.attempts > 1:
            await self._end_former_calls(job)
        workshop, tenant = self._workshop, job.organization_id
        actor, opened_for = assistant(tenant, _request_id(job)), job.payload["client_id"]
        if not await may_be_read(workshop, actor, opened_for):
            await self._passed_over(job, Because.NOT_ALLOWED)
            return
        ticket_id = job.payload["ticket_id"]
        given = await read_ticket(workshop.core_api, tenant, ticket_id, _request_id(job))
        if given.standing is not Standing.WANTED or given.ticket is None:
            await self._ended(job, given.standing, given.decided)
            return
        whose = given.ticket.client_id  # another one, when clients were merged since
        if whose != opened_for and not await may_be_read(workshop, actor, whose):
            await self._passed_over(job, Because.NOT_ALLOWED)
            return
        proposal = await self._proposal(job, given, given.ticket)
        await self._queue.report(job, "handing_over", 80)  # only while it is still ours
        taken = await hand_over(workshop.core_api, proposal, _request_id(job))
        await self._ended(job, taken.standing, taken.decided)

    async def _end_former_calls(self, job: ClaimedJob) -> None:
        """What a replica that was killed over the ticket had set aside for a model: the ticket is
        ours now, and nobody else would say so for minutes."""
        tenant = job.organization_id
        async with self._workshop.database.transaction(tenant) as session:
            await usage.abandon(session, tenant, [job.id])

    async def _proposal(
        self, job: ClaimedJob, given: TicketToTriage, ticket: TicketText
    ) -> TriageProposal:
        workshop, tenant = self._workshop, job.organization_id
        actor = assistant(tenant, _request_id(job))
        history = await readable_history(workshop, tenant, given.history)
        by_words = await judged(given, history)
        evidence = await evidence_for(workshop, actor, ticket)
        by_model = None
        if self._brain is not None:
            thought = Thought(workshop, self._brain, actor, job.id)
            by_model = await think(thought, given, ticket, by_words, evidence)
        judgement = by_model or by_words
        if judgement.draft is None:
            judgement = replace(judgement, draft=await draft_of(workshop, actor, evidence))
        # The history that was not allowed was not read.
        read = given.model_copy(update={"history": tuple(history)})
        return proposal_of(tenant, job.id, read, judgement)

    async def _ended(self, job: ClaimedJob, standing: Standing, decided: Decided | None) -> None:
        """Triaged, now or before, or not wanted."""
        if standing is Standing.TRIAGED and decided is not None:
            await self._told(job, decided)
        elif standing in _BECAUSE:
            await self._passed_over(job, _BECAUSE[standing])
        else:
            raise NotTriagedYet

    async def _told(self, job: ClaimedJob, decided: Decided) -> None:
        """As core-api has it: what was proposed here may have come second."""
        status = TriageStatus.APPLIED if decided.applied else TriageStatus.PROPOSED
        event = TicketTriaged.caused(
            organization_id=job.organization_id,
            correlation_id=_request_id(job),
            ticket_id=job.payload["ticket_id"],
            **decided.model_dump(),
        )
        async with self._queue.fenced(job) as session:
            await session.execute(_mine(job).values(status=status))
            outbox.add(session, event)
            await self._queue.complete(session, job)
        _counted(status, decided.model)

    async def _passed_over(self, job: ClaimedJob, because: Because) -> None:
        async with self._queue.fenced(job) as session:
            passed = {"status": TriageStatus.PASSED_OVER, "because": because}
            await session.execute(_mine(job).values(passed))
            await self._queue.complete(session, job)
        _log.info("triage_passed_over", because=because.value)
        TRIAGES.labels(TriageStatus.PASSED_OVER.value, "nobody").inc()

    async def _later(self, job: ClaimedJob, cause: NotTriagedYet) -> None:
        _log.warning("ticket_not_triaged_yet", code=cause.code, attempts=job.attempts)
        failing = partial(self._queue.fail, job, cause.code, cause.message, retry=True)
        await self._settled(failing())

    async def _settled(self, ending: Coroutine[Any, Any, Any]) -> None:
        """What cannot be written is tried again when the lease runs out."""
        try:
            await ending
        except LeaseLost:
            _log.info("triage_abandoned")
        except Exception as error:  # noqa: BLE001 - the lease runs out
            _log.warning("triage_not_settled", error=describe(error))


def _mine(job: ClaimedJob) -> sa.Update:
    return sa.update(TRIAGES_TABLE).where(
        TRIAGES_TABLE.c.organization_id == job.organization_id, TRIAGES_TABLE.c.id == job.id
    )


def _request_id(job: ClaimedJob) -> str:
    return str(job.payload["correlation_id"] or job.id)


def _counted(status: TriageStatus, model: str | None) -> None:
    by = "words" if model == BUILT_IN else "model"
    _log.info("ticket_triaged", status=status.value, by=by)
    TRIAGES.labels(status.value, by).inc()
