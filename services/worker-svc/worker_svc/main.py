"""worker-svc: slow work. Composes, and decides nothing. Offers health and metrics only."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from chassis.settings import read_settings
from chassis.web.application import create_service_app
from chassis.web.resources import Resources
from knowledge.models import SCHEMA
from worker_svc.delivering import delivering
from worker_svc.importing import importing
from worker_svc.ingesting import ingesting
from worker_svc.reembedding import reembed
from worker_svc.settings import WorkerAppSettings
from worker_svc.syncing import syncing
from worker_svc.upkeep import keep_up

_SWITCH_SECONDS: Final = 0.001
"""The thread that analyses text holds the interpreter for 5 ms by default; each answer of the
database would wait for as long."""


def create_app(settings: WorkerAppSettings | None = None) -> FastAPI:
    """The application; without settings they are read from the environment."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    return create_service_app(
        name="worker-svc",
        title="COGEP Assist: slow work",
        settings=settings or read_settings(WorkerAppSettings),
        schema=SCHEMA,  # works on ai-svc's queue, and writes to its outbox
        relay=False,  # which ai-svc relays
        routers=[],
        own_resources=_queues,
        background=[keep_up, reembed],
        openapi_prefix="/worker",
    )


@asynccontextmanager
async def _queues(app: FastAPI, resources: Resources) -> AsyncIterator[None]:
    async with (
        ingesting(app, resources),
        importing(resources),
        syncing(resources),
        delivering(resources),
    ):
        yield
