"""What the contexts of the assistant share: the workshop, and who thinks."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, FastAPI
from redis.asyncio import Redis
from starlette.requests import Request

from ai_svc.modules.providers.service import Brain
from ai_svc.workshop import Workshop
from chassis.data.database import Database
from chassis.web.resources import Resources


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Shared by every run of one process: `request.app.state.desk`."""

    workshop: Workshop
    brain: Brain
    redis: Redis

    @property
    def database(self) -> Database:
        """The workshop's."""
        return self.workshop.database


@asynccontextmanager
async def open_desk(app: FastAPI, resources: Resources) -> AsyncIterator[None]:
    """Puts the desk on `app.state`; workshop and brain are open by then."""
    app.state.desk = Desk(workshop=app.state.workshop, brain=app.state.brain, redis=resources.redis)
    yield


async def desk_of(request: Request) -> Desk:
    """What the service opened at start."""
    return cast("Desk", request.app.state.desk)


CurrentDesk = Annotated[Desk, Depends(desk_of)]
