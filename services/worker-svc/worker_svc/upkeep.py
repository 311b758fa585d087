"""Periodic work: tells each owner that it is time. What is to be done is the owner's business."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final, cast

import structlog

from chassis.http.service_client import ServiceClient
from chassis.messaging.schedule import PeriodicTask, Schedule
from chassis.web.resources import Resources
from shared_schemas.ids import new_id
from worker_svc.calling import caller_of
from worker_svc.settings import ServiceUrlSettings, WorkerAppSettings, WorkerSettings

_log = structlog.get_logger(__name__)

PRUNE: Final = "/internal/v1/maintenance/prune"
REBUILD: Final = "/internal/v1/access/rebuild"
_PRUNE_SECONDS: Final = 120.0
"""Deletes weeks of rows after a pause, and lists the object storage."""
CHECK: Final = "/internal/v1/index-health/check"
_CHECK_SECONDS: Final = 300.0
"""Reads every vector of every organization."""

SLA: Final = "sla"
ASSIGNMENT: Final = "assignment"
CONSENTS: Final = "consents"
PRIVACY: Final = "privacy"
ERASURES: Final = "erasures"
SUBJECT_DATA: Final = "subject-data"
AUDIT: Final = "audit"
ACCOUNTABILITY: Final = "accountability"
RETENTION: Final = "retention"
SOURCES: Final = "sources"
USAGE: Final = "usage"
_SWEPT_BY_CORE_API: Final = (
    SLA,
    ASSIGNMENT,
    CONSENTS,
    PRIVACY,
    ERASURES,
    SUBJECT_DATA,
    AUDIT,
    ACCOUNTABILITY,
)
_SWEEP_SECONDS: Final = 60.0
"""An owner stops by itself earlier, and says what it has done."""


class NotDone(Exception):
    """The owner answered, but did not do it."""


async def keep_up(resources: Resources) -> None:
    """Calls the owners on schedule, once across all workers, until cancelled."""
    settings = cast("WorkerAppSettings", resources.settings)
    async with AsyncExitStack() as stack:
        owners = {
            target: await stack.enter_async_context(caller_of(resources, target, url))
            for target, url in _owners(settings.services).items()
        }
        await Schedule(resources.redis, _tasks(owners, settings.worker)).run()


def _tasks(owners: Mapping[str, ServiceClient], worker: WorkerSettings) -> list[PeriodicTask]:
    core_api, ai_svc = owners["core-api"], owners["ai-svc"]
    return [
        *(prune_task(name, owner, worker.prune_every) for name, owner in owners.items()),
        rebuild_task(ai_svc, worker.rebuild_every),
        check_task(ai_svc, worker.check_every),
        *(sweep_task(what, core_api, worker.sweep_every) for what in _SWEPT_BY_CORE_API),
        *(anchor_task(what, core_api, worker.anchor_every) for what in (CONSENTS, AUDIT)),
        sweep_task(RETENTION, core_api, worker.retention_every),
        *(sweep_task(what, ai_svc, worker.sync_sweep_every) for what in (SOURCES, USAGE)),
    ]


def prune_task(name: str, owner: ServiceClient, every: timedelta) -> PeriodicTask:
    """Lets one service forget what is past its time."""

    async def prune() -> None:
        done = await _have_done(owner, PRUNE, _PRUNE_SECONDS)
        counts = {kind: count for kind, count in done.items() if isinstance(count, int)}
        _log.info("pruned", owner=name, **{f"deleted_{kind}": counts[kind] for kind in counts})

    return PeriodicTask(f"prune:{name}", every, prune)


def rebuild_task(owner: ServiceClient, every: timedelta) -> PeriodicTask:
    """Has ai-svc compare with core-api who is in which team, and which consents stand."""

    async def rebuild() -> None:
        done = await _have_done(owner, REBUILD, _PRUNE_SECONDS)
        if rebuilt := done.get("rebuilt"):
            _log.info("access_rebuilt", organizations=rebuilt)

    return PeriodicTask("rebuild:access", every, rebuild)


def check_task(owner: ServiceClient, every: timedelta) -> PeriodicTask:
    """Has ai-svc look whether its index is whole."""

    async def check() -> None:
        found = await _have_done(owner, CHECK, _CHECK_SECONDS)
        if faults := {kind: count for kind, count in found.items() if count}:
            _log.warning("index_faults", **faults)

    return PeriodicTask("check:index", every, check)


def anchor_task(what: str, owner: ServiceClient, every: timedelta) -> PeriodicTask:
    """Has core-api keep the signed heads of its chains outside the database."""

    async def anchor() -> None:
        done = await _have_done(owner, f"/internal/v1/{what}/anchor", _PRUNE_SECONDS)
        _log.info("anchored", what=what, **done)

    return PeriodicTask(f"anchor:{what}", every, anchor)


def sweep_task(what: str, owner: ServiceClient, every: timedelta) -> PeriodicTask:
    """Has the owner look for what has become due by itself: nobody asks for it."""

    async def sweep() -> None:
        done = await _have_done(owner, f"/internal/v1/{what}/sweep", _SWEEP_SECONDS)
        if any(done.values()):
            _log.info("swept", what=what, **done)

    return PeriodicTask(f"sweep:{what}", every, sweep)


async def _have_done(owner: ServiceClient, path: str, seconds: float) -> dict[str, Any]:
    """Tells an owner that it is time; what it says it has done, or `NotDone`."""
    answer = await owner.request("POST", path, request_id=str(new_id()), timeout_seconds=seconds)
    if answer.status_code != 200:
        raise NotDone(f"{path} was answered {answer.status_code}")
    body = answer.json()
    data = body.get("data") if isinstance(body, dict) else None
    return data if isinstance(data, dict) else {}


def _owners(urls: ServiceUrlSettings) -> Mapping[str, str]:
    return MappingProxyType({"core-api": urls.core_api_url, "ai-svc": urls.ai_svc_url})
