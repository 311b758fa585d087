"""What a service opens at start and closes at the end, in one place."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
from redis.asyncio import Redis

from chassis.data.database import Database
from chassis.data.rows import RowReader
from chassis.security.internal_key import InternalKeys
from chassis.security.oidc import TokenVerifier
from chassis.settings import ServiceAppSettings
from chassis.web.rate_limit import RateLimiter
from shared_schemas.actor import Actor, TokenClaims


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Shared by every request of one process: `request.app.state.resources`."""

    name: str
    settings: ServiceAppSettings
    database: Database
    redis: Redis
    http: httpx.AsyncClient
    tokens: TokenVerifier
    internal_keys: InternalKeys
    limiter: RateLimiter
    on_authenticated: "AuthenticatedHook | None" = None
    rows: RowReader | None = None
    """For the hottest reads; None reads through `database`, as tests do."""


AuthenticatedHook = Callable[[Resources, TokenClaims, Actor], Awaitable[None]]
"""Called before a token's first request in this process is handled, and again every minute of its
use: provision the member, refuse the suspended."""
