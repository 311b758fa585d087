"""core-api: the CRM. Composes, and decides nothing."""

from pathlib import Path
from typing import Final

from fastapi import FastAPI

from chassis.security.sealing import Vault
from chassis.settings import read_settings
from chassis.web.application import create_service_app
from chassis.web.live.updates import LiveUpdates
from core_api.conflicts import CONFLICTS
from core_api.modules.live.programme import PROGRAMME
from core_api.modules.organizations.provisioning import MemberProvisioning
from core_api.routes import INTERNAL_ROUTERS, ROUTERS
from core_api.schema import SCHEMA
from core_api.settings import CoreApiSettings
from core_api.subscriptions import SUBSCRIPTIONS
from core_api.workplace import VAULT, open_workplace

MIGRATIONS: Final = Path(__file__).parents[1] / "alembic"


def create_app(settings: CoreApiSettings | None = None) -> FastAPI:
    """The application; without settings they are read from the environment."""
    settings = settings or read_settings(CoreApiSettings)
    live = LiveUpdates(PROGRAMME)
    app = create_service_app(
        name="core-api",
        title="COGEP Assist: clients, tickets and consents",
        settings=settings,
        schema=SCHEMA,
        routers=ROUTERS,
        internal_routers=INTERNAL_ROUTERS,
        conflicts=CONFLICTS,
        subscriptions=SUBSCRIPTIONS,
        on_authenticated=MemberProvisioning(),
        own_resources=open_workplace,
        session_info={VAULT: Vault(settings.sealing)},
        background=[live.run],
        migrations=MIGRATIONS,
    )
    app.state.live = live
    return app
