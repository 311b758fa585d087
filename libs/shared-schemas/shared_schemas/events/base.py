"""The envelope of every event on the streams."""

from datetime import UTC, datetime
from typing import Any, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId, new_id


class Payload(BaseModel):
    """What happened, in ids and enumerations; never personal data: streams outlive erasure."""

    model_config = ConfigDict(frozen=True, extra="ignore")


def _now() -> datetime:
    return datetime.now(UTC)


class BaseEvent(BaseModel):
    """A fact that was committed. Subclasses name TYPE, VERSION and the type of `payload`."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    TYPE: ClassVar[str]
    VERSION: ClassVar[int] = 1
    SOURCE: ClassVar[str]

    event_id: UUID = Field(default_factory=new_id)
    event_type: str
    version: int
    timestamp: datetime = Field(default_factory=_now, description="When it happened, UTC")
    correlation_id: str = Field(description="The request that caused it, across services")
    traceparent: str | None = Field(default=None, description="W3C trace context of the cause")
    source_service: str
    organization_id: OrganizationId
    actor_id: UserId | None = Field(default=None, description="Null when no person was behind it")
    payload: Payload

    @classmethod
    def by(cls, actor: Actor, **payload: Any) -> Self:
        """The event as caused by a person's request."""
        return cls.caused(
            organization_id=actor.organization_id,
            correlation_id=actor.request_id,
            actor_id=actor.user_id,
            **payload,
        )

    @classmethod
    def caused(
        cls,
        *,
        organization_id: OrganizationId,
        correlation_id: str,
        actor_id: UserId | None = None,
        **payload: Any,
    ) -> Self:
        """The event as caused by a job or by another event (same `correlation_id`)."""
        return cls.model_validate(
            {
                "event_type": cls.TYPE,
                "version": cls.VERSION,
                "source_service": cls.SOURCE,
                "organization_id": organization_id,
                "correlation_id": correlation_id,
                "actor_id": actor_id,
                "payload": payload,
            }
        )
