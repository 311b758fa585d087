"""Is the process alive; can it do its work; how is it doing."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Final

import sqlalchemy as sa
import structlog
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from chassis.data.migrations import head_revision_is_applied
from chassis.web.resources import Resources
from chassis.web.routing import PlainRoute

log = structlog.get_logger(__name__)

_PATIENCE: Final = timedelta(seconds=2)
Check = Callable[[Resources], Awaitable[bool]]


def health_routes(*, service: str, version: str, migrations: Path | None) -> list[PlainRoute]:
    """/health (alive, touches nothing), /health/ready (dependencies), /metrics. Not routed from
    outside."""
    alive = {"status": "ok", "service": service, "version": version}
    checks: dict[str, Check] = {"database": _database, "redis": _redis}
    if migrations is not None:

        async def at_head(resources: Resources) -> bool:
            return await head_revision_is_applied(resources.database, migrations)

        checks["migrations"] = at_head

    async def health(_request: Request) -> Response:
        return JSONResponse(alive)

    async def ready(request: Request) -> Response:
        resources: Resources = request.app.state.resources
        names = list(checks)
        results = await asyncio.gather(*(_try(name, checks[name], resources) for name in names))
        is_ready = all(results)
        return JSONResponse(
            {
                "status": "ready" if is_ready else "not_ready",
                "service": service,
                "version": version,
                "checks": {
                    name: "ok" if passed else "failed"
                    for name, passed in zip(names, results, strict=True)
                },
            },
            status_code=HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE,
        )

    async def metrics(_request: Request) -> Response:
        return Response(generate_latest(), headers={"content-type": CONTENT_TYPE_LATEST})

    return [
        PlainRoute("/health", health, include_in_schema=False),
        PlainRoute("/health/ready", ready, include_in_schema=False),
        PlainRoute("/metrics", metrics, include_in_schema=False),
    ]


async def _try(name: str, check: Check, resources: Resources) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE.total_seconds()):
            passed = await check(resources)
    except Exception as error:  # noqa: BLE001  # whatever is wrong with it, it is not ready
        log.warning("not_ready", check=name, error=type(error).__name__)
        return False
    if not passed:
        log.warning("not_ready", check=name)
    return passed


async def _database(resources: Resources) -> bool:
    async with resources.database.worker_transaction() as session:
        await session.execute(sa.select(1))
    return True


async def _redis(resources: Resources) -> bool:
    await resources.redis.ping()
    return True
