"""What becomes of proposals."""

from typing import Final

from prometheus_client import Counter

PROPOSALS: Final = Counter(
    "assistant_proposals_total",
    "Proposals; what is proposed, confirmed, failed or declined",
    ["skill", "what"],
)
