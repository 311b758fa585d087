"""Working off the queue of mails, which is core-api's: it says what is sent to whom, this side
sends it and says what became of it."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, cast

import httpx
import sqlalchemy as sa
import structlog
from pydantic import BaseModel, ValidationError

from chassis.data.columns import metadata_for
from chassis.http.service_client import ServiceClient
from chassis.messaging.backoff import Backoff
from chassis.messaging.job_queue import ClaimedJob, JobQueue, LeaseLost, job_columns
from chassis.web.errors import Unavailable
from chassis.web.resources import Resources
from shared_schemas.ids import new_id
from worker_svc.job_worker import JobWorker
from worker_svc.mail import Letter, NotSent, Postman
from worker_svc.queue_work import JobFailed, to_its_end
from worker_svc.settings import WorkerAppSettings

_log = structlog.get_logger(__name__)

DELIVERIES: Final = sa.Table("deliveries", metadata_for("crm"), *job_columns())
"""The mechanics only: what a delivery is of, core-api knows."""
_AGAIN: Final = Backoff(first=timedelta(seconds=0.5), longest=timedelta(seconds=15))
_LAST_WORDS: Final = 4.0
"""Seconds for the report when the service is told to stop."""
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
    async with ServiceClient(
        target="core-api",
        base_url=settings.services.core_api_url,
        source=resources.name,
        key=settings.internal_keys.key,
    ) as core:
        delivery = Delivering(core, Postman(settings.smtp))
        worker = JobWorker(
            queue,
            partial(deliver, queue, delivery),
            slots=settings.smtp.slots,
            poll=settings.worker.poll,
            patience=settings.worker.patience,
        )
        running = asyncio.create_task(worker.run())
        try:
            yield
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


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


@dataclass(frozen=True, slots=True)
class Delivering:
    """One process's way of sending."""

    core: ServiceClient
    postman: Postman

    async def deliver(self, job: ClaimedJob) -> None:
        """Asks for the mail, sends it, says so. LeaseLost, JobFailed."""
        try:
            begun = await self._tell(job, "begin", {})
        except Unavailable:
            raise _NOBODY_SAYS from None
        if begun["mail"] is None:
            return  # core-api has ended it
        try:
            mail = _Mail.model_validate(begun["mail"])
            message_id = await self.postman.send(Letter(id=job.id, **mail.model_dump()))
        except NotSent as refusal:
            await self._tell(job, "not-sent", _said(refusal, retry=refusal.retry))
            return
        said = {"message_id": message_id, "sent_at": datetime.now(UTC).isoformat()}
        await _to_the_end(self._report(job, said))

    async def give_up(self, job: ClaimedJob, failure: JobFailed) -> None:
        """Has core-api end the delivery, so that a person sees to it. LeaseLost, JobFailed."""
        await self._tell(job, "not-sent", _said(failure, retry=False))

    async def _report(self, job: ClaimedJob, said: Mapping[str, Any]) -> None:
        """As long as it takes: a report that is lost is a mail twice."""
        for attempt in itertools.count(1):
            try:
                await self._tell(job, "sent", said)
            except (Unavailable, JobFailed):
                await asyncio.sleep(_AGAIN.after(attempt).total_seconds())
            else:
                return

    async def _tell(self, job: ClaimedJob, what: str, said: Mapping[str, Any]) -> Any:
        held = {"organization_id": str(job.organization_id), "lease_token": job.lease_token}
        answer = await self.core.request(
            "POST",
            f"/internal/v1/deliveries/{job.id}/{what}",
            request_id=str(new_id()),
            json={**held, **said},
        )
        if answer.status_code == httpx.codes.OK:
            return answer.json()["data"]
        code = _code(answer)
        if code in _GONE:
            raise LeaseLost
        _log.error("delivery_refused", status=answer.status_code, code=code)
        raise JobFailed("DELIVERY_ERROR", "O envio parou por um erro interno.", retry=True)


async def _to_the_end(report: Coroutine[Any, Any, None]) -> None:
    """What was sent is said, also when the service is told to stop meanwhile."""
    telling = asyncio.ensure_future(report)
    try:
        await asyncio.shield(telling)
    except asyncio.CancelledError:
        with contextlib.suppress(Exception):
            await asyncio.wait_for(telling, _LAST_WORDS)
        raise


def _said(failure: NotSent | JobFailed, *, retry: bool) -> dict[str, Any]:
    return {"code": failure.code, "message": str(failure), "retry": retry}


def _code(answer: httpx.Response) -> str | None:
    try:
        return _Refusal.model_validate_json(answer.content).code
    except ValidationError:
        return None


class _Refusal(BaseModel):
    """The part of an error that matters here."""

    code: str
