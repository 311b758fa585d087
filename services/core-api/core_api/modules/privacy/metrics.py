"""What deadlines of data subjects' requests tell Prometheus."""

from typing import Final

from prometheus_client import Counter

_DEADLINES: Final = Counter(
    "privacy_deadlines_total",
    "Deadlines of data subjects' requests that were told; level is warned or missed",
    ["level"],
)
# Named here so that both start at 0: the first miss is an increase.
WARNED: Final = _DEADLINES.labels("warned")
MISSED: Final = _DEADLINES.labels("missed")
