"""OpenTelemetry traces: through HTTP, SQL, Redis, and through the streams by the event's
`traceparent`."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from opentelemetry import propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.redis import RedisInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from sqlalchemy.ext.asyncio import AsyncEngine

from chassis.settings import ServiceSettings


def configure_tracing(settings: ServiceSettings, *, service: str) -> TracerProvider | None:
    """Exports spans to the collector; without OTEL_EXPORTER_OTLP_ENDPOINT nothing is recorded and
    nothing costs.

    HTTP server spans come from FastAPI itself, which uses the global provider. Shut the provider
    down at the end.
    """
    endpoint = settings.otel_exporter_otlp_endpoint
    if endpoint is None:
        return None
    provider = TracerProvider(
        resource=Resource.create(
            {
                "service.name": service,
                "service.version": settings.version,
                "deployment.environment.name": settings.environment.value,
            }
        ),
        sampler=ParentBased(TraceIdRatioBased(settings.trace_sample_ratio)),
    )
    exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    HTTPXClientInstrumentor().instrument(tracer_provider=provider)
    RedisInstrumentor().instrument(tracer_provider=provider)
    return provider


async def stop_tracing(provider: TracerProvider) -> None:
    """Sends what is left, off the event loop: the exporter blocks."""
    HTTPXClientInstrumentor().uninstrument()
    RedisInstrumentor().uninstrument()
    SQLAlchemyInstrumentor().uninstrument()
    await asyncio.to_thread(provider.shutdown)


def trace_engines(provider: TracerProvider, engines: Sequence[AsyncEngine]) -> None:
    """Spans for SQL statements: their text, which has placeholders, never their parameters."""
    SQLAlchemyInstrumentor().instrument(
        engines=[engine.sync_engine for engine in engines],
        tracer_provider=provider,
        # It declares itself for SQLAlchemy below 2.1; the events it listens to are the same.
        skip_dep_check=True,
    )


def current_traceparent() -> str | None:
    """The W3C header of the current span, to travel with a call or an event."""
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return carrier.get("traceparent")


@contextmanager
def continued(traceparent: str | None, name: str) -> Iterator[None]:
    """A consumer span under the span that caused the work, possibly long ago and in another
    service."""
    parent = propagate.extract({"traceparent": traceparent}) if traceparent else None
    tracer = trace.get_tracer("chassis")
    with tracer.start_as_current_span(name, context=parent, kind=trace.SpanKind.CONSUMER):
        yield
