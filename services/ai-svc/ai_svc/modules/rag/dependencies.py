"""Who answers: opened with the service, asked for by the router."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, FastAPI
from starlette.requests import Request

from ai_svc.modules.rag.answering import AnswerModel
from ai_svc.modules.rag.extractive import ExtractiveModel
from ai_svc.modules.rag.provider import ProviderModel
from ai_svc.settings import AiSettings
from chassis.web.resources import Resources


@dataclass(frozen=True, kw_only=True)
class Answerers:
    """The model that is asked first, and the one that is always there."""

    first: AnswerModel
    last: ExtractiveModel = field(default_factory=ExtractiveModel)


@asynccontextmanager
async def open_answerers(app: FastAPI, resources: Resources) -> AsyncIterator[None]:
    """Puts them on `app.state`; closes the provider's connections at the end."""
    settings = cast("AiSettings", resources.settings).answers
    if settings.provider == "extractive":
        app.state.answerers = Answerers(first=ExtractiveModel())
        yield
        return
    provider = ProviderModel.connect(settings)
    app.state.answerers = Answerers(first=provider)
    try:
        yield
    finally:
        await provider.close()


async def answerers_of(request: Request) -> Answerers:
    """What the service opened at start."""
    return cast("Answerers", request.app.state.answerers)


CurrentAnswerers = Annotated[Answerers, Depends(answerers_of)]
