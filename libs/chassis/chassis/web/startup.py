"""Opening and closing: connections first, then what works in the background; closed in the
opposite order."""

import asyncio
import gc
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from typing import Any, cast

import httpx
from redis.asyncio import Redis
from sqlalchemy.pool import QueuePool

from chassis.data.database import Database
from chassis.data.rows import DriverRowReader
from chassis.messaging.consumer import StreamConsumer, Subscription
from chassis.messaging.relay import OutboxRelay
from chassis.observability.metrics import DB_CONNECTIONS
from chassis.security.internal_key import InternalKeys
from chassis.security.jwks import JwksCache
from chassis.security.oidc import TokenVerifier
from chassis.settings import ServiceAppSettings
from chassis.web.rate_limit import RateLimiter
from chassis.web.resources import AuthenticatedHook, Resources


async def open_resources(
    stack: AsyncExitStack,
    *,
    name: str,
    settings: ServiceAppSettings,
    schema: str | None,
    on_authenticated: AuthenticatedHook | None,
) -> Resources:
    """Everything of `Resources`; closed when the stack unwinds. Only the issuer's keys are
    fetched."""
    database = Database(settings.database, schema=schema or "public", application_name=name)
    stack.push_async_callback(database.close)
    for pool, engine in zip(("app", "worker"), database.engines, strict=True):
        taken = cast("QueuePool", engine.sync_engine.pool).checkedout
        DB_CONNECTIONS.labels(pool).set_function(taken)
    redis = Redis.from_url(
        settings.redis.url.get_secret_value(), max_connections=settings.redis.max_connections
    )
    stack.push_async_callback(redis.aclose)
    http = await stack.enter_async_context(httpx.AsyncClient(follow_redirects=False))
    jwks = JwksCache(http, settings.oidc)
    stack.push_async_callback(jwks.close)
    await jwks.warm_up()
    rows = DriverRowReader(settings.database, application_name=name)
    stack.push_async_callback(rows.close)
    limiter = RateLimiter(settings.service, settings.redis)
    stack.push_async_callback(limiter.close)
    return Resources(
        name=name,
        settings=settings,
        database=database,
        redis=redis,
        http=http,
        tokens=TokenVerifier(settings.oidc, jwks),
        internal_keys=InternalKeys(settings.internal_keys.keys_accepted),
        limiter=limiter,
        on_authenticated=on_authenticated,
        rows=rows,
    )


async def run_background(
    stack: AsyncExitStack,
    resources: Resources,
    *,
    relayed: str | None,
    subscriptions: Sequence[Subscription[Any]],
    tasks: Sequence[Callable[[Resources], Coroutine[Any, Any, None]]],
) -> None:
    """Starts the relay, the consumer and the service's own tasks; cancelled and awaited when the
    stack unwinds."""
    work: list[Coroutine[Any, Any, None]] = [task(resources) for task in tasks]
    if relayed is not None:
        work.append(OutboxRelay(resources.database, resources.redis).run())
    if subscriptions:
        consumer = StreamConsumer(
            resources.database,
            resources.redis,
            group=resources.name,
            subscriptions=list(subscriptions),
        )
        work.append(consumer.run())
    running = [asyncio.create_task(coroutine) for coroutine in work]

    async def stop() -> None:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    stack.push_async_callback(stop)


def spare_the_collector() -> None:
    """What start has made stays for good: the cycle collector need not look at it again.

    Its default is to look after 700 new objects, which is less than one request makes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
