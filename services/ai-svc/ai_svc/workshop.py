"""What ai-svc opens at start beside the shared resources, and hands to its routers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, FastAPI
from starlette.requests import Request

from ai_svc.modules.rag.answering import AnswerModel
from ai_svc.modules.rag.extractive import ExtractiveModel
from ai_svc.modules.rag.provider import ProviderModel
from ai_svc.settings import AiSettings, AnswerSettings
from chassis.data.database import Database
from chassis.messaging.job_queue import JobQueue
from chassis.web.resources import Resources
from knowledge.addresses import AddressPolicy
from knowledge.embedders.configured import embedder_for
from knowledge.embedders.port import Embedder
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.models import IngestionJob
from knowledge.storage import ObjectStorage


@dataclass(frozen=True, kw_only=True)
class Workshop:
    """Shared by every request of one process: `request.app.state.workshop`."""

    settings: AiSettings
    database: Database
    storage: ObjectStorage
    queue: JobQueue
    addresses: AddressPolicy
    embedder: Embedder
    statistics: StatisticsCache
    extractive: ExtractiveModel
    model: AnswerModel


@asynccontextmanager
async def open_workshop(app: FastAPI, resources: Resources) -> AsyncIterator[None]:
    """Puts the workshop on `app.state`."""
    settings = cast("AiSettings", resources.settings)
    extractive = ExtractiveModel()
    provider = _provider(settings.answers)
    app.state.workshop = Workshop(
        settings=settings,
        database=resources.database,
        storage=ObjectStorage.at(settings.storage),
        queue=JobQueue(resources.database, IngestionJob.__table__),
        addresses=AddressPolicy(settings.ingestion.fetch_allowed_networks),
        embedder=embedder_for(settings.embedding),
        statistics=StatisticsCache(),
        extractive=extractive,
        model=provider or extractive,
    )
    try:
        yield
    finally:
        if provider is not None:
            await provider.close()


def _provider(settings: AnswerSettings) -> ProviderModel | None:
    if settings.provider == "extractive" or settings.api_key is None:
        return None
    return ProviderModel.connect(settings)


async def workshop_of(request: Request) -> Workshop:
    """What the service opened at start."""
    return cast("Workshop", request.app.state.workshop)


CurrentWorkshop = Annotated[Workshop, Depends(workshop_of)]
