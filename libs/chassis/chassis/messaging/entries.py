"""One entry of a stream, and the event decoded from it."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from chassis.messaging.streams import ENVELOPE, stream_of
from shared_schemas.events import BaseEvent


class UndecodableEvent(Exception):
    """The entry is not an event this service understands. Trying again would not help."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Where an envelope was found: acknowledging needs it."""

    stream: str
    id: str
    envelope: bytes

    @property
    def key(self) -> str:
        """Unique over all streams."""
        return f"{self.stream} {self.id}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """An entry with its event."""

    entry: Entry
    event: BaseEvent


class _Head(BaseModel):
    model_config = ConfigDict(extra="ignore")

    event_type: str
    version: int


class Decoder:
    """Turns envelopes into the typed events a service knows."""

    def __init__(self, known: Mapping[tuple[str, int], type[BaseEvent]]) -> None:
        self._known = known
        self._of_stream = {stream_of(event_type): cls for (event_type, _), cls in known.items()}

    def decode(self, entry: Entry) -> BaseEvent:
        """The event of an entry. Raises UndecodableEvent."""
        likely = self._of_stream.get(entry.stream)
        if likely is not None:
            with suppress(ValidationError):
                event = likely.model_validate_json(entry.envelope)
                if (event.event_type, event.version) == (likely.TYPE, likely.VERSION):
                    return event
        return self._decode_by_head(entry.envelope)

    def _decode_by_head(self, envelope: bytes) -> BaseEvent:
        """The rare cases: several versions on one stream, redriven letters, broken envelopes."""
        try:
            head = _Head.model_validate_json(envelope)
            cls = self._known.get((head.event_type, head.version))
            if cls is None:
                raise UndecodableEvent(f"no handler for {head.event_type} version {head.version}")
            return cls.model_validate_json(envelope)
        except ValidationError as error:
            # Names of fields only: the values of a broken envelope could be anything.
            fields = sorted({".".join(str(part) for part in e["loc"]) for e in error.errors()})
            cause = f"invalid envelope: {', '.join(fields) or 'not JSON'}"
            raise UndecodableEvent(cause) from None


def entries_of(stream: str, raw: Sequence[Any]) -> list[Entry]:
    """Entries as redis-py gives them: (id, fields). Entries deleted meanwhile have no fields."""
    return [
        Entry(stream, as_text(entry_id), bytes(fields.get(ENVELOPE.encode(), b"")))
        for entry_id, fields in raw
        if fields
    ]


def as_text(value: Any) -> str:
    """redis-py answers bytes."""
    return value.decode() if isinstance(value, bytes) else str(value)
