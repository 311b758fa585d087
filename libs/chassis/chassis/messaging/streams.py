"""Names of streams and keys on Redis, and the shape of one entry."""

from typing import Final

ENVELOPE: Final = "envelope"
"""The one field of an entry: the event as JSON."""


def stream_of(event_type: str) -> str:
    """Where events of one type travel."""
    return f"events:{event_type}"


def dead_letters_of(service: str) -> str:
    """Where a service puts what it could not handle."""
    return f"events:dead:{service}"


def redrive_of(service: str) -> str:
    """Where dead letters go to be tried again, by that service alone."""
    return f"events:redrive:{service}"


def failures_of(service: str) -> str:
    """How often each pending entry has failed (hash of `stream entry-id` → count)."""
    return f"events:failures:{service}"


def nudge_channel(schema: str) -> str:
    """Tells the schema's active relay, in whichever replica it runs, that a commit has happened."""
    return f"channel:outbox:{schema}"


def epoch_key(schema: str) -> str:
    """The relay's mark on Redis: gone or older means that Redis has lost what came after."""
    return f"outbox:epoch:{schema}"
