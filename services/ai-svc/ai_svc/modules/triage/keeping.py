"""Triage in the background, as long as the service lives."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from fastapi import FastAPI

from ai_svc.modules.triage.working import Triager
from chassis.messaging.endurance import heed_cancellation, keep_running
from chassis.web.resources import Resources
from shared_schemas.ids import new_id

_POLL_SECONDS: Final = 2.0


class TriageKeeper:
    """A task of the service's; what it works with is opened after it was composed."""

    def __init__(self) -> None:
        self.triager: Triager | None = None

    async def run(self, _resources: Resources) -> None:
        """Works off what waits. Any number of replicas may."""
        name = f"triage:{new_id()}"

        async def work() -> None:
            while True:
                if self.triager is not None:
                    await self.triager.drain_once(name)
                heed_cancellation()
                await asyncio.sleep(_POLL_SECONDS)

        await keep_running("triage", work)


@asynccontextmanager
async def open_triage(app: FastAPI) -> AsyncIterator[None]:
    """After the workshop and the Brain."""
    keeper: TriageKeeper = app.state.triage_keeper
    keeper.triager = Triager(app.state.workshop, app.state.brain)
    try:
        yield
    finally:
        keeper.triager = None
