"""ai-svc: the assistant. Composes, and decides nothing."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI

from ai_svc.modules.documents import router as documents
from ai_svc.modules.maintenance import router as maintenance
from ai_svc.modules.rag import router as rag
from ai_svc.modules.triage.service import SUBSCRIPTIONS
from ai_svc.schema import SCHEMA
from ai_svc.settings import AiSettings
from ai_svc.workshop import open_workshop
from chassis.settings import read_settings
from chassis.web.application import create_service_app

MIGRATIONS: Final = Path(__file__).parents[1] / "alembic"


def create_app(settings: AiSettings | None = None) -> FastAPI:
    """The application; without settings they are read from the environment."""
    return create_service_app(
        name="ai-svc",
        title="COGEP Assist: assistant",
        settings=settings or read_settings(AiSettings),
        schema=SCHEMA,
        routers=[documents.router, rag.router],
        internal_routers=[maintenance.router],
        subscriptions=SUBSCRIPTIONS,
        own_resources=open_workshop,
        migrations=MIGRATIONS,
        openapi_prefix="/api/ai",
    )
