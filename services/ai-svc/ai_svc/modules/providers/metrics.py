"""What asking models tells Prometheus."""

from typing import Final

from prometheus_client import Counter, Histogram

REQUESTS: Final = Counter(
    "ai_provider_requests_total",
    "Requests to providers; result is answered, abandoned, or why there is no answer",
    ["provider", "result"],
)
NOT_ASKED: Final = Counter(
    "ai_provider_not_asked_total",
    "Providers passed over; because says why",
    ["provider", "because"],
)
KEPT: Final = Counter(
    "ai_builtin_answers_total",
    "Requests the built-in model answered; because says why",
    ["because"],
)
SECONDS: Final = Histogram(
    "ai_provider_request_seconds",
    "Time from a request to the end of its answer",
    ["provider"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60),
)
