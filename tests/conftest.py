"""The whole system, once per run."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from span_receiver import SpanReceiver, receiving_spans
from system_leaks import leaks
from system_stack import Stack, running_stack


@pytest.fixture(scope="session")
def spans() -> Iterator[SpanReceiver]:
    """Where the system sends its traces."""
    with receiving_spans() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def stack(spans: SpanReceiver) -> Iterator[Stack]:
    """Undisturbed: tests that kill servers start a system of their own."""
    with running_stack(
        OTEL_EXPORTER_OTLP_ENDPOINT=spans.url, OTEL_BSP_SCHEDULE_DELAY="200"
    ) as running:
        yield running
        with ThreadPoolExecutor(1) as another:  # this thread's loop is the tests'
            found = another.submit(asyncio.run, leaks(running, spans)).result()
    if found:
        pytest.fail("personal data was written:\n" + "\n".join(found[:20]), pytrace=False)
