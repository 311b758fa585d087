"""One JSON object per line on stdout, with the id of the request everywhere and secrets nowhere."""

import io
import json
import logging
import sys
from collections.abc import MutableMapping
from functools import lru_cache
from typing import Any, Final, TextIO, cast

import structlog
from opentelemetry import trace

from chassis.settings import Environment, ServiceSettings

_SECRET_FIELDS: Final = frozenset(
    {
        "access_token", "api_key", "authorization", "cookie", "id_token", "internal_key",
        "password", "refresh_token", "secret", "set_cookie", "token", "x_internal_key",
    }
)  # fmt: skip
_QUIET: Final = {
    "uvicorn.access": logging.CRITICAL,  # one line per request is ours
    "httpx": logging.WARNING,  # logs URLs, query included
    "httpcore": logging.WARNING,
    "httpx2": logging.WARNING,
    "httpcore2": logging.WARNING,
    # At DEBUG the clients of models write down what they send.
    "openai": logging.WARNING,
    "anthropic": logging.WARNING,
    "google_genai": logging.WARNING,
    "sqlalchemy.engine": logging.WARNING,
    "asyncio": logging.WARNING,
}


class _Stdout(io.TextIOBase):
    """Whatever sys.stdout is when a line is written: test runners and daemons replace it."""

    def write(self, text: str) -> int:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


_STDOUT: Final = cast("TextIO", _Stdout())
# One list for good: loggers are cached with it, and structlog's test helper changes it in place.
_PROCESSORS: Final[list[structlog.types.Processor]] = []


class _ServiceHandler(logging.StreamHandler[TextIO]):
    """Ours among the root logger's handlers."""


def configure_logging(settings: ServiceSettings, *, service: str) -> None:
    """Sends structlog's and the standard library's records to stdout in the same shape."""

    def add_service(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Any:
        event["service"] = service
        return event

    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_service,
        _hide_secrets,
    ]
    if settings.otel_exporter_otlp_endpoint is not None:
        shared.append(_add_trace)
    console = settings.log_format == "console"
    last: list[structlog.types.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(_dumps)]
    )
    level = logging.getLevelNamesMapping()[settings.log_level]
    _PROCESSORS[:] = [*shared, *last]
    structlog.configure(
        processors=_PROCESSORS,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(_STDOUT),
        # In tests one process is many services, each with a level of its own.
        cache_logger_on_first_use=settings.environment is not Environment.TEST,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    _take_over(formatter, level)


def _take_over(formatter: logging.Formatter, level: int) -> None:
    """The standard library's records, uvicorn's included, go through our formatter only."""
    handler = _ServiceHandler(_STDOUT)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    for previous in [item for item in root.handlers if isinstance(item, _ServiceHandler)]:
        root.removeHandler(previous)
    root.addHandler(handler)
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers = []
        logger.propagate = True
    for name, quiet_level in _QUIET.items():
        logging.getLogger(name).setLevel(max(level, quiet_level))


# json.dumps with options of one's own builds an encoder per call.
_ENCODER: Final = json.JSONEncoder(default=str, ensure_ascii=False, separators=(",", ":"))


def _dumps(value: Any, **_: Any) -> str:
    return _ENCODER.encode(value)


def _add_trace(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Any:
    context = trace.get_current_span().get_span_context()
    if context.is_valid:
        event["trace_id"] = trace.format_trace_id(context.trace_id)
        event["span_id"] = trace.format_span_id(context.span_id)
    return event


def _hide_secrets(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> Any:
    for name in event:
        if _is_secret(name):
            event[name] = "[hidden]"
    return event


@lru_cache(maxsize=1024)  # the same few names on every line
def _is_secret(name: str) -> bool:
    return name.lower().replace("-", "_") in _SECRET_FIELDS
