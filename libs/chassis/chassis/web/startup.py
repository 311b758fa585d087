"""Opening and closing: connections first, then what works in the background; closed in reverse."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

import httpx
import structlog
from fastapi import FastAPI
from redis.asyncio import Redis
from sqlalchemy.pool import QueuePool

from chassis.data.database import Database
from chassis.data.rows import DriverRowReader
from chassis.messaging.consumer import StreamConsumer, Subscription
from chassis.messaging.relay import OutboxRelay
from chassis.observability.metrics import DB_CONNECTIONS
from chassis.observability.sentry import report
from chassis.observability.tracing import configure_tracing, stop_tracing, trace_engines
from chassis.security.internal_key import InternalKeys
from chassis.security.jwks import JwksCache
from chassis.security.oidc import TokenVerifier
from chassis.settings import Environment, ServiceAppSettings
from chassis.web.rate_limit import RateLimiter
from chassis.web.resources import AuthenticatedHook, Resources

log = structlog.get_logger(__name__)

Background = Callable[[Resources], Coroutine[Any, Any, None]]
OwnResources = Callable[[FastAPI, Resources], AbstractAsyncContextManager[None]]


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """What a service opens and runs from its start to its end."""

    name: str
    settings: ServiceAppSettings
    schema: str | None
    relays: bool
    subscriptions: Sequence[Subscription[Any]]
    on_authenticated: AuthenticatedHook | None
    own_resources: OwnResources | None
    background: Sequence[Background]
    session_info: Mapping[str, Any]

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """The service lives while this is entered."""
        async with AsyncExitStack() as stack:
            resources = await self._open(stack)
            app.state.resources = resources
            if self.own_resources is not None:
                await stack.enter_async_context(self.own_resources(app, resources))
            self._start(stack, resources)
            if self.settings.service.environment is not Environment.TEST:
                _spare_the_collector()
            yield

    async def _open(self, stack: AsyncExitStack) -> Resources:
        """Only the issuer's keys are fetched; everything else connects when it is needed."""
        settings = self.settings
        database = Database(
            settings.database,
            schema=self.schema or "public",
            application_name=self.name,
            info=self.session_info,
        )
        stack.push_async_callback(database.close)
        _watch(database)
        tracing = configure_tracing(settings.service, service=self.name)
        if tracing is not None:
            trace_engines(tracing, database.engines)
            stack.push_async_callback(stop_tracing, tracing)
        tracer = tracing.get_tracer("chassis") if tracing is not None else None
        rows = DriverRowReader(settings.database, application_name=self.name, tracer=tracer)
        stack.push_async_callback(rows.close)
        redis = Redis.from_url(
            settings.redis.url.get_secret_value(), max_connections=settings.redis.max_connections
        )
        stack.push_async_callback(redis.aclose)
        http = await stack.enter_async_context(httpx.AsyncClient(follow_redirects=False))
        jwks = JwksCache(http, settings.oidc)
        stack.push_async_callback(jwks.close)
        limiter = RateLimiter(settings.service, settings.redis)
        stack.push_async_callback(limiter.close)
        await jwks.warm_up()
        return Resources(
            name=self.name,
            settings=settings,
            database=database,
            redis=redis,
            http=http,
            tokens=TokenVerifier(settings.oidc, jwks),
            internal_keys=InternalKeys(settings.internal_keys.keys_accepted),
            limiter=limiter,
            on_authenticated=self.on_authenticated,
            rows=rows,
        )

    def _start(self, stack: AsyncExitStack, resources: Resources) -> None:
        """Relay, consumer and the service's own tasks; cancelled and awaited at the end."""
        work = [task(resources) for task in self.background]
        if self.relays:
            work.append(OutboxRelay(resources.database, resources.redis).run())
        if self.subscriptions:
            consumer = StreamConsumer(
                resources.database,
                resources.redis,
                group=self.name,
                subscriptions=self.subscriptions,
            )
            work.append(consumer.run())
        running = [asyncio.create_task(coroutine) for coroutine in work]
        for task in running:
            task.add_done_callback(_mourn)

        async def stop() -> None:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

        stack.push_async_callback(stop)


def _mourn(task: "asyncio.Task[None]") -> None:
    """Background work is not expected to end: without this nobody would hear of it."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("background_task_died", task=task.get_name(), exc_info=error)
        report(error)


def _watch(database: Database) -> None:
    for pool, engine in zip(("app", "worker"), database.engines, strict=True):
        taken = cast("QueuePool", engine.sync_engine.pool).checkedout
        DB_CONNECTIONS.labels(pool).set_function(taken)


def _spare_the_collector() -> None:
    """What start has made stays for good: the cycle collector need not look at it again.

    Its default is to look after 700 new objects, which is less than one request makes.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
