"""ai-svc: the assistant. Composes, and decides nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI

from ai_svc.conflicts import CONFLICTS
from ai_svc.desk import open_desk
from ai_svc.modules.access import router as access
from ai_svc.modules.access.absences import SUBSCRIPTIONS as ABSENCES
from ai_svc.modules.access.following import SUBSCRIPTIONS as ACCESS
from ai_svc.modules.access.processing import SUBSCRIPTIONS as PROCESSING
from ai_svc.modules.answers import router as answers
from ai_svc.modules.batches import router as batches
from ai_svc.modules.chat import messages_router as messages
from ai_svc.modules.chat import router as conversations
from ai_svc.modules.chat.opening import ChatUpkeep, open_runs
from ai_svc.modules.chunks import preview_router as chunk_preview
from ai_svc.modules.chunks import router as chunks
from ai_svc.modules.compatible import router as compatible
from ai_svc.modules.documents import external_router as external_documents
from ai_svc.modules.documents import router as documents
from ai_svc.modules.documents import versions_router as versions
from ai_svc.modules.index_health import router as index_health
from ai_svc.modules.live import router as live_documents
from ai_svc.modules.live.programme import PROGRAMME
from ai_svc.modules.maintenance import router as maintenance
from ai_svc.modules.mcp_server import router as mcp_server
from ai_svc.modules.memory import router as memories
from ai_svc.modules.privacy import router as privacy
from ai_svc.modules.privacy.erasing import keep_erasing
from ai_svc.modules.privacy.following import SUBSCRIPTIONS as PRIVACY
from ai_svc.modules.prompts import router as prompts
from ai_svc.modules.proposals import router as proposals
from ai_svc.modules.providers import router as providers
from ai_svc.modules.providers.dependencies import open_brain
from ai_svc.modules.rag import router as rag
from ai_svc.modules.rag.dependencies import open_answerers
from ai_svc.modules.search import router as search
from ai_svc.modules.sources import router as sources
from ai_svc.modules.triage.keeping import TriageKeeper, open_triage
from ai_svc.modules.triage.service import SUBSCRIPTIONS as TRIAGE
from ai_svc.modules.uploads import router as uploads
from ai_svc.modules.usage import router as usage
from ai_svc.modules.viewing import router as viewing
from ai_svc.modules.viewing.page_images import open_artist
from ai_svc.settings import AiSettings
from ai_svc.workshop import open_workshop
from chassis.settings import read_settings
from chassis.web.application import create_service_app
from chassis.web.live.updates import LiveUpdates
from chassis.web.resources import Resources
from knowledge.models import SCHEMA

MIGRATIONS: Final = Path(__file__).parents[1] / "alembic"


@asynccontextmanager
async def open_own(app: FastAPI, resources: Resources) -> AsyncIterator[None]:
    """What only ai-svc needs."""
    async with (
        open_workshop(app, resources),
        open_brain(app, resources),
        open_answerers(app, resources),
        open_artist(app, resources),
        open_desk(app, resources),
        open_runs(app, resources),
        open_triage(app),
    ):
        yield


def create_app(settings: AiSettings | None = None) -> FastAPI:
    """The application; without settings they are read from the environment."""
    live, chat, triage = LiveUpdates(PROGRAMME), ChatUpkeep(), TriageKeeper()
    app = create_service_app(
        name="ai-svc",
        title="COGEP Assist: assistant",
        settings=settings or read_settings(AiSettings),
        schema=SCHEMA,
        routers=[
            live_documents.router,  # before what takes any word for a document's id
            batches.router,
            documents.router,
            external_documents.router,
            versions.router,
            chunks.router,
            chunk_preview.router,
            uploads.router,
            sources.router,
            search.router,
            rag.router,
            answers.router,
            compatible.router,
            mcp_server.router,
            viewing.router,
            conversations.router,
            messages.router,
            messages.judging,
            memories.router,
            proposals.router,
            proposals.deciding,
            index_health.router,
            providers.router,
            prompts.router,
            usage.router,
        ],
        internal_routers=[
            maintenance.router,
            access.router,
            index_health.internal_router,
            sources.internal_router,
            usage.internal_router,
            privacy.router,
        ],
        subscriptions=[*TRIAGE, *ACCESS, *PROCESSING, *ABSENCES, *PRIVACY],
        conflicts=CONFLICTS,
        background=[live.run, chat.run, keep_erasing, triage.run],
        own_resources=open_own,
        migrations=MIGRATIONS,
        openapi_prefix="/api/ai",
    )
    app.state.live, app.state.chat, app.state.triage_keeper = live, chat, triage
    return app
