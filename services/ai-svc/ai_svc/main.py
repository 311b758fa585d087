"""ai-svc: the assistant. Composes, and decides nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI

from ai_svc.conflicts import CONFLICTS
from ai_svc.desk import open_desk
from ai_svc.modules.access.absences import SUBSCRIPTIONS as ABSENCES
from ai_svc.modules.access.following import SUBSCRIPTIONS as ACCESS
from ai_svc.modules.access.processing import SUBSCRIPTIONS as PROCESSING
from ai_svc.modules.chat.opening import ChatUpkeep, open_runs
from ai_svc.modules.live.programme import PROGRAMME
from ai_svc.modules.memory.following import SUBSCRIPTIONS as MEMORY
from ai_svc.modules.privacy.erasing import keep_erasing
from ai_svc.modules.privacy.following import SUBSCRIPTIONS as PRIVACY
from ai_svc.modules.providers.dependencies import open_brain
from ai_svc.modules.triage.keeping import TriageKeeper, open_triage
from ai_svc.modules.triage.service import SUBSCRIPTIONS as TRIAGE
from ai_svc.modules.viewing.page_images import open_artist
from ai_svc.routes import INTERNAL_ROUTERS, ROUTERS
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
        routers=ROUTERS,
        internal_routers=INTERNAL_ROUTERS,
        subscriptions=[*TRIAGE, *ACCESS, *PROCESSING, *ABSENCES, *PRIVACY, *MEMORY],
        conflicts=CONFLICTS,
        background=[live.run, chat.run, keep_erasing, triage.run],
        own_resources=open_own,
        migrations=MIGRATIONS,
        openapi_prefix="/api/ai",
    )
    app.state.live, app.state.chat, app.state.triage_keeper = live, chat, triage
    return app
