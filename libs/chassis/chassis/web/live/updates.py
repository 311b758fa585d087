"""Live updates of one process: the hub, and what feeds it while the service runs."""

from typing import cast

from starlette.requests import Request

from chassis.web.live.hub import Hub
from chassis.web.live.reader import LiveReader, Programme
from chassis.web.live.termination import on_termination
from chassis.web.resources import Resources


class LiveUpdates:
    """Made with the application, put on `app.state.live`."""

    def __init__(self, programme: Programme) -> None:
        self.hub = Hub()
        self._programme = programme

    async def run(self, resources: Resources) -> None:
        """One of the service's background tasks."""
        with on_termination(self.hub.close):
            await LiveReader(resources.redis, self.hub, self._programme).run()


async def hub_of(request: Request) -> Hub:
    """The hub of the process that answers the request."""
    return cast("LiveUpdates", request.app.state.live).hub
