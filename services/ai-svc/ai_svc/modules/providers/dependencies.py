"""The Brain of the process: opened with the service, asked for by routers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, cast

from fastapi import Depends, FastAPI
from starlette.requests import Request

from ai_svc.modules.providers.connecting import connected
from ai_svc.modules.providers.service import Brain
from ai_svc.settings import AiSettings
from chassis.web.resources import Resources


@asynccontextmanager
async def open_brain(app: FastAPI, resources: Resources) -> AsyncIterator[None]:
    """Puts it on `app.state.brain`; nothing is sent yet."""
    settings = cast("AiSettings", resources.settings).providers
    async with connected(settings) as providers:
        brain = app.state.brain = Brain(resources.database, settings, providers)
        try:
            yield
        finally:
            await brain.close()


async def brain_of(request: Request) -> Brain:
    """What the service opened at start."""
    return cast("Brain", request.app.state.brain)


CurrentBrain = Annotated[Brain, Depends(brain_of)]
