"""What core-api tells: events of the desk, and who is at a ticket."""

from typing import Final

from chassis.web.live.reader import Programme
from core_api.modules.live import frames
from core_api.modules.live.audience import LIVE_TYPES

PROGRAMME: Final = Programme(LIVE_TYPES, frames.of_event, "presence", frames.of_presence)
