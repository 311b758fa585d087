"""The whole system, once per run."""

from collections.abc import Iterator

import pytest
from system_stack import Stack, running_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """Undisturbed: tests that kill servers start a system of their own."""
    with running_stack() as running:
        yield running
