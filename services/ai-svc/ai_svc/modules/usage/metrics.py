"""What budgets tell Prometheus. Tokens are counted in `ai_svc.tokens`."""

from typing import Final

from prometheus_client import Counter

REFUSALS: Final = Counter(
    "ai_budget_refusals_total", "Calls no budget was left for", ["counted", "period", "kind"]
)
EXPIRED: Final = Counter(
    "ai_reservations_expired_total", "Reservations nobody settled, counted in full"
)
