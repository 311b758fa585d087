"""How often one caller may ask. Counted in Redis for all replicas; when Redis cannot be asked,
everybody may."""

import asyncio
import math
import time
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import redis.exceptions
import structlog
from fastapi import Depends
from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from starlette.requests import Request
from starlette.types import Scope

from chassis.observability.metrics import RATE_LIMIT_FAILED_OPEN, RATE_LIMITED
from chassis.security.authentication import actor_of
from chassis.settings import RedisSettings, ServiceSettings
from chassis.web.errors import TooManyRequests

if TYPE_CHECKING:
    from chassis.web.resources import Resources

log = structlog.get_logger(__name__)

_REDIS_PATIENCE_SECONDS: Final = 0.25
_PAUSE_SECONDS: Final = 2.0


class RateLimiter:
    """Sliding windows in Redis.

    Its connections are its own, with timeouts far below a person's patience; after a failure it
    does not ask for a moment, so that a Redis that hangs delays the requests of one moment and not
    all.
    """

    def __init__(
        self,
        service: ServiceSettings,
        redis_settings: RedisSettings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.enabled = service.rate_limit_enabled
        self.default = parse(service.rate_limit_default)
        self._clock = clock
        self._paused_until = 0.0
        url = redis_settings.url.get_secret_value()
        self._redis = Redis.from_url(
            url,
            socket_timeout=_REDIS_PATIENCE_SECONDS,
            socket_connect_timeout=_REDIS_PATIENCE_SECONDS,
            retry=Retry(NoBackoff(), 0),  # by itself it would try three times more, seconds apart
        )
        pool: Any = self._redis.connection_pool
        storage = RedisStorage(
            f"async+{url}", implementation="redispy", key_prefix="rate", connection_pool=pool
        )
        self._windows = SlidingWindowCounterRateLimiter(storage)

    async def check(self, scope: Scope, item: RateLimitItem, name: str) -> None:
        """Counts one request of the caller; `TooManyRequests` when it is one too many."""
        if not self.enabled or self._clock() < self._paused_until:
            return
        caller = caller_key(scope)
        try:
            async with asyncio.timeout(2 * _REDIS_PATIENCE_SECONDS):
                if await self._windows.hit(item, name, caller):
                    return
                reset = (await self._windows.get_window_stats(item, name, caller)).reset_time
        except (redis.exceptions.RedisError, OSError) as error:
            self._fail_open(error)
            return
        RATE_LIMITED.labels(name).inc()
        seconds = max(1, math.ceil(reset - time.time()))
        raise TooManyRequests(retry_after=timedelta(seconds=seconds))

    async def close(self) -> None:
        """Closes the limiter's own connections."""
        await self._redis.aclose()

    def _fail_open(self, error: Exception) -> None:
        self._paused_until = self._clock() + _PAUSE_SECONDS
        RATE_LIMIT_FAILED_OPEN.inc()
        log.warning("rate_limit_failed_open", error=type(error).__name__)


def caller_key(scope: Scope) -> str:
    """Who is counted: the verified person in their organization, else the client's address.

    The address is what the server says it is (uvicorn believes forwarded headers of the trusted
    proxy only); reading X-Forwarded-For here would let anybody choose a fresh one per request.
    """
    actor = actor_of(scope)
    if actor is not None:
        return f"{actor.organization_id}:{actor.user_id}"
    client = scope.get("client")
    return f"address:{client[0]}" if client else "address:unknown"


def limited(rate: str, *, scope: str) -> Any:
    """A dependency with a limit of its own: `dependencies=[limited("30/minute", scope="chat")]`."""
    return Depends(Limit(parse(rate), scope))


class Limit:
    """A limit that is checked for one route or router. Runs after authentication, as a
    dependency."""

    def __init__(self, item: RateLimitItem, name: str) -> None:
        self._item = item
        self._name = name

    async def __call__(self, request: Request) -> None:
        resources: Resources = request.app.state.resources
        await resources.limiter.check(request.scope, self._item, self._name)
