"""The whole system, once per run."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from mail_server import MailServer
from span_receiver import SpanReceiver, receiving_spans
from system_leaks import leaks
from system_mailbox import receiving_mails
from system_stack import Stack, running_stack


@pytest.fixture(scope="session")
def spans() -> Iterator[SpanReceiver]:
    """Where the system sends its traces."""
    with receiving_spans() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def mailbox() -> Iterator[MailServer]:
    """Where the system sends its mails."""
    with receiving_mails() as server:
        yield server


@pytest.fixture(scope="session")
def stack(spans: SpanReceiver, mailbox: MailServer) -> Iterator[Stack]:
    """Undisturbed: tests that kill servers start a system of their own."""
    with running_stack(
        OTEL_EXPORTER_OTLP_ENDPOINT=spans.url,
        OTEL_BSP_SCHEDULE_DELAY="200",
        SMTP_HOST="127.0.0.1",
        SMTP_PORT=str(mailbox.port),
        SMTP_SECURITY="none",
        SMTP_FROM="lgpd@assist.example.org",
    ) as running:
        yield running
        with ThreadPoolExecutor(1) as another:  # this thread's loop is the tests'
            found = another.submit(asyncio.run, leaks(running, spans)).result()
    if found:
        pytest.fail("personal data was written:\n" + "\n".join(found[:20]), pytrace=False)
