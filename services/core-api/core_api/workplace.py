"""What the contexts of core-api share beside the shared resources: keys, where objects lie, and who
keeps other parts of a client's data."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Final, cast

from fastapi import Depends, FastAPI
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from chassis.data.object_storage import ObjectStorage
from chassis.http.service_client import ServiceClient
from chassis.security.sealing import Vault
from chassis.web.resources import Resources
from core_api.settings import CoreApiSettings

VAULT: Final = "vault"
"""Key in `session.info`: `Database` puts it there."""


@dataclass(frozen=True, kw_only=True)
class Workplace:
    """Shared by every request of one process: `request.app.state.workplace`."""

    settings: CoreApiSettings
    vault: Vault
    storage: ObjectStorage
    ai_svc: ServiceClient


@asynccontextmanager
async def open_workplace(app: FastAPI, resources: Resources) -> AsyncIterator[None]:
    """Puts the workplace on `app.state`."""
    settings = cast("CoreApiSettings", resources.settings)
    async with ServiceClient(
        target="ai-svc",
        base_url=settings.services.ai_svc_url,
        source=resources.name,
        key=settings.internal_keys.key,
    ) as ai_svc:
        app.state.workplace = Workplace(
            settings=settings,
            vault=Vault(settings.sealing),
            storage=ObjectStorage.at(settings.storage),
            ai_svc=ai_svc,
        )
        yield


async def workplace_of(request: Request) -> Workplace:
    """What the service opened at start."""
    return cast("Workplace", request.app.state.workplace)


CurrentWorkplace = Annotated[Workplace, Depends(workplace_of)]


def vault_of(session: AsyncSession) -> Vault:
    """The keys, for who works within a transaction."""
    return cast("Vault", session.info[VAULT])
