"""What every queue of this service has in common: a worker, its alarm clock, and how jobs end."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import structlog

from chassis.data.failures import is_unavailable
from chassis.messaging.endurance import describe
from chassis.messaging.job_queue import ClaimedJob, JobQueue, JobState, LeaseLost
from chassis.messaging.listener import StreamListener
from chassis.web.resources import Resources
from worker_svc.job_worker import Handler, JobWorker, running, working
from worker_svc.settings import WorkerSettings

_log = structlog.get_logger(__name__)


class JobFailed(Exception):
    """The job cannot go on; `message` is for people, in Brazilian Portuguese."""

    def __init__(self, code: str, message: str, *, retry: bool) -> None:
        super().__init__(message)
        self.code = code
        self.retry = retry


_INTERRUPTED: Final = JobFailed(
    "JOB_INTERRUPTED", "O processamento foi interrompido repetidas vezes.", retry=False
)
_UNEXPECTED: Final = JobFailed("JOB_ERROR", "Ocorreu um erro no processamento.", retry=True)


@asynccontextmanager
async def working_off(
    resources: Resources,
    queue: JobQueue,
    handle: Handler,
    settings: WorkerSettings,
    *,
    slots: int,
    woken_by: Sequence[str],
) -> AsyncIterator[JobWorker]:
    """Works off the queue meanwhile, woken by events of these types; at the end finishes or gives
    back what it has."""
    async with working(queue, handle, settings, slots=slots) as worker:
        listener = StreamListener(resources.redis, resources.name, list(woken_by), worker.wake)
        async with running(listener.run()):
            yield worker


async def to_its_end(
    queue: JobQueue,
    job: ClaimedJob,
    work: Callable[[ClaimedJob], Awaitable[None]],
    end: Callable[[ClaimedJob, JobFailed], Awaitable[None]],
) -> None:
    """Does the work, or writes down why not: `end`, where the owner has to know that it is over.

    Raises only CancelledError: the job is given back.
    """
    if job.exhausted:
        await _settled(queue, end(job, _INTERRUPTED))
        return
    try:
        await work(job)
    except asyncio.CancelledError:
        await asyncio.shield(_settled(queue, queue.give_back(job)))
        raise
    except LeaseLost:
        _log.info("job_abandoned", queue=queue.name)  # cancelled, or another worker's by now
    except JobFailed as failure:
        _log.warning("job_not_done", queue=queue.name, code=failure.code)
        await _settled(queue, _fail(queue, job, failure, end))
    except Exception as error:  # noqa: BLE001 - one job must not stop the others
        if is_unavailable(error):
            # Nothing can be written now. The lease runs out, and the job is claimed again.
            _log.warning("job_interrupted", queue=queue.name, error=describe(error))
            return
        _log.error("job_failed", queue=queue.name, exc_info=error)
        await _settled(queue, _fail(queue, job, _UNEXPECTED, end))


async def _fail(
    queue: JobQueue,
    job: ClaimedJob,
    failure: JobFailed,
    end: Callable[[ClaimedJob, JobFailed], Awaitable[None]],
) -> None:
    if queue.state_after_failure(job, retry=failure.retry) is JobState.PENDING:
        await queue.fail(job, failure.code, str(failure), retry=True)
    else:
        await end(job, failure)


async def _settled(queue: JobQueue, ending: Awaitable[None]) -> None:
    """What cannot be written is tried again when the lease runs out."""
    try:
        await ending
    except LeaseLost:
        _log.info("job_abandoned", queue=queue.name)
    except Exception as error:  # noqa: BLE001 - one job must not stop the others
        _log.warning("job_not_settled", queue=queue.name, error=describe(error))
