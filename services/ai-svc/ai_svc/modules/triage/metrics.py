"""What triage counts."""

from typing import Final

from prometheus_client import Counter

TRIAGES: Final = Counter(
    "ai_triages_total",
    "Tickets the assistant is done with; status and who judged",
    ["status", "by"],
)
