"""What operators see of live updates."""

from typing import Final

from prometheus_client import Counter, Gauge

CONNECTIONS: Final = Gauge("live_connections", "Open connections for live updates")
DROPPED: Final = Counter("live_dropped_total", "Connections dropped because they did not keep up")
DELIVERED: Final = Counter("live_events_total", "Events passed on to at least one connection")
RESETS: Final = Counter("live_resets_total", "Times everybody was told to load anew")
