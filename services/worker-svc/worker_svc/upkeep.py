"""Periodic work: tells each owner that it is time. What is to be done is the owner's business."""

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from types import MappingProxyType
from typing import Final, cast

import structlog

from chassis.http.service_client import ServiceClient
from chassis.messaging.schedule import PeriodicTask, Schedule
from chassis.web.resources import Resources
from shared_schemas.ids import new_id
from worker_svc.settings import ServiceUrlSettings, WorkerAppSettings

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
_SWEEP_SECONDS: Final = 60.0
"""An owner stops by itself earlier, and says what it has done."""


class NotPruned(Exception):
    """The owner answered, but did not do it."""


class NotRebuilt(Exception):
    """The owner answered, but did not do it."""


class NotChecked(Exception):
    """The owner answered, but did not do it."""


class NotAnchored(Exception):
    """The owner answered, but did not do it."""


class NotSwept(Exception):
    """The owner answered, but did not do it."""


async def keep_up(resources: Resources) -> None:
    """Calls the owners on schedule, once across all workers, until cancelled."""
    settings = cast("WorkerAppSettings", resources.settings)
    async with AsyncExitStack() as stack:
        owners = {
            target: await stack.enter_async_context(
                ServiceClient(
                    target=target,
                    base_url=url,
                    source=resources.name,
                    key=settings.internal_keys.key,
                )
            )
            for target, url in _owners(settings.services).items()
        }
        tasks = [prune_task(owner, owners[owner], settings.worker.prune_every) for owner in owners]
        tasks.append(rebuild_task(owners["ai-svc"], settings.worker.rebuild_every))
        tasks.append(check_task(owners["ai-svc"], settings.worker.check_every))
        tasks += [
            sweep_task(what, owners["core-api"], settings.worker.sweep_every)
            for what in (
                SLA,
                ASSIGNMENT,
                CONSENTS,
                PRIVACY,
                ERASURES,
                SUBJECT_DATA,
                AUDIT,
                ACCOUNTABILITY,
            )
        ]
        tasks += [
            anchor_task(what, owners["core-api"], settings.worker.anchor_every)
            for what in (CONSENTS, AUDIT)
        ]
        tasks.append(sweep_task(RETENTION, owners["core-api"], settings.worker.retention_every))
        tasks += [
            sweep_task(what, owners["ai-svc"], settings.worker.sync_sweep_every)
            for what in (SOURCES, USAGE)
        ]
        await Schedule(resources.redis, tasks).run()


def prune_task(owner: str, client: ServiceClient, every: timedelta) -> PeriodicTask:
    """Lets one service forget what is past its time."""

    async def prune() -> None:
        answer = await client.request(
            "POST", PRUNE, request_id=str(new_id()), timeout_seconds=_PRUNE_SECONDS
        )
        if answer.status_code != 200:
            raise NotPruned(f"{owner} answered {answer.status_code}")
        _log.info("pruned", owner=owner, **_counts(answer.json()))

    return PeriodicTask(f"prune:{owner}", every, prune)


def rebuild_task(client: ServiceClient, every: timedelta) -> PeriodicTask:
    """Has ai-svc compare with core-api who is in which team, and which consents stand."""

    async def rebuild() -> None:
        answer = await client.request(
            "POST", REBUILD, request_id=str(new_id()), timeout_seconds=_PRUNE_SECONDS
        )
        if answer.status_code != 200:
            raise NotRebuilt(f"ai-svc answered {answer.status_code}")
        if rebuilt := (answer.json().get("data") or {}).get("rebuilt"):
            _log.info("access_rebuilt", organizations=rebuilt)

    return PeriodicTask("rebuild:access", every, rebuild)


def check_task(client: ServiceClient, every: timedelta) -> PeriodicTask:
    """Has ai-svc look whether its index is whole."""

    async def check() -> None:
        answer = await client.request(
            "POST", CHECK, request_id=str(new_id()), timeout_seconds=_CHECK_SECONDS
        )
        if answer.status_code != 200:
            raise NotChecked(f"ai-svc answered {answer.status_code}")
        faults = {kind: count for kind, count in (answer.json().get("data") or {}).items() if count}
        if faults:
            _log.warning("index_faults", **faults)

    return PeriodicTask("check:index", every, check)


def anchor_task(what: str, client: ServiceClient, every: timedelta) -> PeriodicTask:
    """Has core-api keep the signed heads of its chains outside the database."""

    async def anchor() -> None:
        answer = await client.request(
            "POST",
            f"/internal/v1/{what}/anchor",
            request_id=str(new_id()),
            timeout_seconds=_PRUNE_SECONDS,
        )
        if answer.status_code != 200:
            raise NotAnchored(f"core-api answered {answer.status_code}")
        _log.info("anchored", what=what, **(answer.json().get("data") or {}))

    return PeriodicTask(f"anchor:{what}", every, anchor)


def sweep_task(what: str, client: ServiceClient, every: timedelta) -> PeriodicTask:
    """Has the owner look for what has become due by itself: nobody asks for it."""

    async def sweep() -> None:
        answer = await client.request(
            "POST",
            f"/internal/v1/{what}/sweep",
            request_id=str(new_id()),
            timeout_seconds=_SWEEP_SECONDS,
        )
        if answer.status_code != 200:
            raise NotSwept(f"the owner answered {answer.status_code}")
        done = answer.json().get("data") or {}
        if any(done.values()):
            _log.info("swept", what=what, **done)

    return PeriodicTask(f"sweep:{what}", every, sweep)


def _owners(urls: ServiceUrlSettings) -> Mapping[str, str]:
    return MappingProxyType({"core-api": urls.core_api_url, "ai-svc": urls.ai_svc_url})


def _counts(body: object) -> dict[str, int]:
    """What the owner says it has deleted, of each kind."""
    data = body.get("data") if isinstance(body, dict) else None
    counted = data.items() if isinstance(data, dict) else ()
    return {f"deleted_{kind}": count for kind, count in counted if isinstance(count, int)}
