"""What the contexts of core-api share beside the shared resources: keys, and where objects lie."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Final, cast

from fastapi import Depends, FastAPI
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from chassis.data.object_storage import ObjectStorage
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


@asynccontextmanager
async def open_workplace(app: FastAPI, resources: Resources) -> AsyncIterator[None]:
    """Puts the workplace on `app.state`."""
    settings = cast("CoreApiSettings", resources.settings)
    app.state.workplace = Workplace(
        settings=settings,
        vault=Vault(settings.sealing),
        storage=ObjectStorage.at(settings.storage),
    )
    yield


async def workplace_of(request: Request) -> Workplace:
    """What the service opened at start."""
    return cast("Workplace", request.app.state.workplace)


CurrentWorkplace = Annotated[Workplace, Depends(workplace_of)]


def vault_of(session: AsyncSession) -> Vault:
    """The keys, for who works within a transaction."""
    return cast("Vault", session.info[VAULT])
