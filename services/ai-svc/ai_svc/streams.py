"""What answers that are streamed have in common."""

from typing import Final

MEDIA_TYPE: Final = "text/event-stream"


def wants_stream(accept: str) -> bool:
    """Whether `Accept` asks for events."""
    return any(part.partition(";")[0].strip() == MEDIA_TYPE for part in accept.lower().split(","))
