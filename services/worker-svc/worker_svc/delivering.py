"""Working off the queue of mails, which is core-api's: it says what is sent to whom, this side
sends it and says what became of it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, cast
from uuid import UUID

import httpx
import sqlalchemy as sa
import structlog
from pydantic import BaseModel

from chassis.data.columns import metadata_for
from chassis.http.service_client import ServiceClient
from chassis.messaging.backoff import Backoff
from chassis.messaging.endurance import describe
from chassis.messaging.job_queue import ClaimedJob, JobQueue, LeaseLost, job_columns
from chassis.web.errors import Unavailable
from chassis.web.resources import Resources
from shared_schemas.ids import new_id
from worker_svc.calling import code_of, core_api
from worker_svc.job_worker import working
from worker_svc.mail import Letter, NotSent, Postman
from worker_svc.queue_work import JobFailed, to_its_end
from worker_svc.settings import WorkerAppSettings

_log = structlog.get_logger(__name__)

DELIVERIES: Final = sa.Table("deliveries", metadata_for("crm"), *job_columns())
"""The mechanics only: what a delivery is of, core-api knows."""
_AGAIN: Final = Backoff(first=timedelta(seconds=0.5), longest=timedelta(seconds=15))
_LAST_WORDS: Final = 4.0
"""Seconds for the report when the service is told to stop."""
_REMEMBERED: Final = 1_000
"""Deliveries whose reports are owed. More than the slots only after outages, one by one."""
_GONE: Final = frozenset({"LEASE_LOST", "DELIVERY_NOT_FOUND"})


@asynccontextmanager
async def delivering(resources: Resources) -> AsyncIterator[None]:
    """Sends mails while the service runs, where a mail server is configured; otherwise they wait
    for the people who send them. No stream wakes it: a mail may wait for the next poll."""
    settings = cast("WorkerAppSettings", resources.settings)
    if settings.smtp.host is None:
        yield
        return
    queue = JobQueue(resources.database, DELIVERIES)
    async with core_api(resources) as core, aclosing(Postman(settings.smtp)) as postman:
        work = partial(deliver, queue, Delivering(core, postman))
        async with working(queue, work, settings.worker, slots=settings.smtp.slots):
            yield


async def deliver(queue: JobQueue, delivering: "Delivering", job: ClaimedJob) -> None:
    """Takes one claimed delivery to its end, whatever the end is."""
    await to_its_end(queue, job, delivering.deliver, delivering.give_up)


_NOBODY_SAYS: Final = JobFailed(
    "SERVICE_UNAVAILABLE", "O serviço não respondeu. Uma nova tentativa será feita.", retry=True
)


class _Mail(BaseModel):
    """A mail as core-api hands it over."""

    to: str
    subject: str
    text: str
    sender_name: str
    reply_to: str | None


class Delivering:
    """One process's way of sending. What it has sent and could not say yet, it knows: that delivery
    comes back when its lease runs out, and is only reported then."""

    def __init__(self, core: ServiceClient, postman: Postman) -> None:
        self._core = core
        self._postman = postman
        self._unheard: dict[UUID, Mapping[str, Any]] = {}
        self._under_way: set[UUID] = set()

    async def deliver(self, job: ClaimedJob) -> None:
        """Asks for the mail, sends it, says so. LeaseLost, JobFailed."""
        if job.id in self._under_way:
            raise LeaseLost  # this very process is at it: what becomes of that counts
        self._under_way.add(job.id)
        try:
            said = self._unheard.get(job.id) or await self._send(job)
        finally:
            self._under_way.discard(job.id)
        if said is not None:
            await _to_the_end(self._report(job, said))

    async def give_up(self, job: ClaimedJob, failure: JobFailed) -> None:
        """Has core-api end the delivery, so that a person sees to it. LeaseLost, JobFailed."""
        if said := self._unheard.get(job.id):
            await _to_the_end(self._report(job, said))
            return
        await self._tell(job, "not-sent", _said(failure, retry=False))

    async def _send(self, job: ClaimedJob) -> Mapping[str, Any] | None:
        """What is to be said of a mail that went out; None for one that did not."""
        try:
            begun = await self._tell(job, "begin", {})
        except Unavailable:
            raise _NOBODY_SAYS from None
        if begun["mail"] is None:
            return None  # core-api has ended it
        try:
            mail = _Mail.model_validate(begun["mail"])
            message_id = await self._postman.send(Letter(id=job.id, **mail.model_dump()))
        except NotSent as refusal:
            await self._tell(job, "not-sent", _said(refusal, retry=refusal.retry))
            return None
        except asyncio.CancelledError:
            # The server may have it. Given back, it would count as one that was never under way.
            raise LeaseLost from None
        said = {"message_id": message_id, "sent_at": datetime.now(UTC).isoformat()}
        self._unheard[job.id] = said
        if len(self._unheard) > _REMEMBERED:
            del self._unheard[next(iter(self._unheard))]
        return said

    async def _report(self, job: ClaimedJob, said: Mapping[str, Any]) -> None:
        """As long as it takes: a report that is lost is a mail twice. LeaseLost when the delivery
        is no more."""
        for attempt in itertools.count(1):
            try:
                await self._tell(job, "sent", said)
            except LeaseLost:
                self._unheard.pop(job.id, None)
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is: the mail went out
                _log.warning("delivery_not_reported", error=describe(error))
                await asyncio.sleep(_AGAIN.after(attempt).total_seconds())
            else:
                self._unheard.pop(job.id, None)
                return

    async def _tell(self, job: ClaimedJob, what: str, said: Mapping[str, Any]) -> Any:
        held = {"organization_id": str(job.organization_id), "lease_token": job.lease_token}
        answer = await self._core.request(
            "POST",
            f"/internal/v1/deliveries/{job.id}/{what}",
            request_id=str(new_id()),
            json={**held, **said},
        )
        if answer.status_code == httpx.codes.OK:
            return answer.json()["data"]
        code = code_of(answer)
        if code in _GONE:
            raise LeaseLost
        _log.error("delivery_refused", status=answer.status_code, code=code)
        raise JobFailed("DELIVERY_ERROR", "O envio parou por um erro interno.", retry=True)


async def _to_the_end(report: Coroutine[Any, Any, None]) -> None:
    """What was sent is said, also when the service is told to stop meanwhile, or the lease was
    lost. LeaseLost for what nobody heard by then: it is not given back as if it had not gone out.
    """
    telling = asyncio.ensure_future(report)
    try:
        await asyncio.shield(telling)
    except asyncio.CancelledError:
        try:
            async with asyncio.timeout(_LAST_WORDS):
                await telling
        except TimeoutError:
            raise LeaseLost from None
        raise


def _said(failure: NotSent | JobFailed, *, retry: bool) -> dict[str, Any]:
    return {"code": failure.code, "message": str(failure), "retry": retry}
