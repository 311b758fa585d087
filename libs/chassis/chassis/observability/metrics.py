"""Every Prometheus metric of the chassis. Labels are bounded: route templates, never raw paths,
ids or tenants."""

from typing import Final

from prometheus_client import Counter, Gauge, Histogram

_LATENCY_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2.5, 5, 10, 30)

HTTP_REQUESTS: Final = Counter(
    "http_requests_total", "Requests answered", ["method", "path", "status"]
)
HTTP_DURATION: Final = Histogram(
    "http_request_duration_seconds",
    "Time from the first byte in to the last byte out",
    ["method", "path"],
    buckets=_LATENCY_SECONDS,
)
HTTP_ACTIVE: Final = Gauge("http_requests_active", "Requests being handled")

TOKENS_REFUSED: Final = Counter("auth_tokens_refused_total", "Access tokens that did not hold")
JWKS_FETCHES: Final = Counter("auth_jwks_fetches_total", "Fetches of the issuer's keys", ["result"])
RATE_LIMITED: Final = Counter("rate_limited_total", "Requests over their limit", ["scope"])
RATE_LIMIT_FAILED_OPEN: Final = Counter(
    "rate_limit_failed_open_total", "Requests let through because the limit could not be asked"
)

SERVICE_CALLS: Final = Counter(
    "service_client_calls_total", "Calls to other services", ["target", "result"]
)
CIRCUIT_STATE: Final = Gauge(
    "service_client_circuit_open", "1 while calls to the target are refused at once", ["target"]
)

DB_CONNECTIONS: Final = Gauge("db_connections_active", "Connections taken from the pool", ["pool"])

OUTBOX_LAG: Final = Gauge("outbox_lag_seconds", "Age of the oldest unpublished event", ["schema"])
OUTBOX_PENDING: Final = Gauge("outbox_pending", "Events not yet published", ["schema"])
OUTBOX_PUBLISHED: Final = Counter(
    "outbox_published_total", "Events put on a stream", ["schema", "event_type"]
)
STREAM_LAG: Final = Gauge("stream_lag", "Entries a group has not read yet", ["event_type", "group"])
STREAM_PENDING: Final = Gauge(
    "stream_pending", "Entries read and not yet acknowledged", ["event_type", "group"]
)
EVENTS_HANDLED: Final = Counter(
    "events_handled_total",
    "Events handled; result is done, duplicate, retried or dead",
    ["event_type", "group", "result"],
)
EVENT_AGE: Final = Histogram(
    "event_handled_age_seconds",
    "Time from the fact to the end of its handling",
    ["event_type", "group"],
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 30, 300),
)
DEAD_LETTERS: Final = Gauge("dead_letters", "Events nobody could handle", ["service"])

QUEUE_DEPTH: Final = Gauge("job_queue_depth", "Jobs in the state", ["queue", "state"])
QUEUE_AGE: Final = Gauge("job_queue_age_seconds", "Age of the oldest job that could run", ["queue"])
JOBS_FINISHED: Final = Counter(
    "jobs_finished_total",
    "Jobs ended; result is succeeded, failed, retried or lost",
    ["queue", "result"],
)
JOB_DURATION: Final = Histogram(
    "job_duration_seconds",
    "Time a job took",
    ["queue"],
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900),
)
