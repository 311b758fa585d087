"""What the contexts of ai-svc share beside the shared resources: documents and their search."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends, FastAPI
from starlette.requests import Request

from ai_svc.settings import AiSettings
from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from chassis.http.service_client import ServiceClient
from chassis.messaging.job_queue import JobQueue
from chassis.web.resources import Resources
from knowledge.addresses import AddressPolicy
from knowledge.embedders.configured import open_embedder
from knowledge.embedders.port import Embedder
from knowledge.ingestion import ingestion_queue
from knowledge.lexical.statistics_cache import StatisticsCache
from knowledge.rerankers.configured import open_reranker
from knowledge.search import Searcher


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
    searcher: Searcher
    core_api: ServiceClient


@asynccontextmanager
async def open_workshop(app: FastAPI, resources: Resources) -> AsyncIterator[None]:
    """Puts the workshop on `app.state`."""
    settings = cast("AiSettings", resources.settings)
    async with (
        open_embedder(settings.embedding) as embedder,
        open_reranker(settings.reranker) as reranker,
        ServiceClient(
            target="core-api",
            base_url=settings.core_api.core_api_url,
            source=resources.name,
            key=settings.internal_keys.key,
        ) as core_api,
    ):
        statistics = StatisticsCache()
        app.state.workshop = Workshop(
            settings=settings,
            database=resources.database,
            storage=ObjectStorage.at(settings.storage),
            queue=ingestion_queue(resources.database, settings.ingestion),
            addresses=AddressPolicy(settings.ingestion.fetch_allowed_networks),
            embedder=embedder,
            statistics=statistics,
            searcher=Searcher(
                database=resources.database,
                statistics=statistics,
                embedder=embedder,
                reranker=reranker,
                rerank_depth=settings.reranker.depth,
                weight=settings.embedding.weight,
                fusion=settings.search.fusion,
            ),
            core_api=core_api,
        )
        yield


async def workshop_of(request: Request) -> Workshop:
    """What the service opened at start."""
    return cast("Workshop", request.app.state.workshop)


CurrentWorkshop = Annotated[Workshop, Depends(workshop_of)]
