"""Facts about service levels. Owner: core-api."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from shared_schemas.events.base import BaseEvent, Payload


class SlaPayload(Payload):
    """Which measurement of which ticket."""

    ticket_id: UUID
    client_id: UUID
    metric: Literal["first_response", "next_response", "resolution"]
    run: int = Field(description="How many times this was measured of the ticket, from 1")


class SlaWarnedPayload(SlaPayload):
    """How much of the time is used up."""

    level: Literal[50, 80, 100]


class SlaWarned(BaseEvent):
    """A part of the time for answering or resolving is used up; each level once."""

    TYPE: ClassVar[str] = "sla.warned"
    SOURCE: ClassVar[str] = "core-api"

    payload: SlaWarnedPayload


class SlaBreached(BaseEvent):
    """The time is over, and nobody has answered or resolved; once."""

    TYPE: ClassVar[str] = "sla.breached"
    SOURCE: ClassVar[str] = "core-api"

    payload: SlaPayload
