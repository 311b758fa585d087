"""What an audit event looks like on the wire."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core_api.modules.audit.verifying import Fault


class ValueChange(BaseModel):
    """From what to what."""

    model_config = ConfigDict(populate_by_name=True)

    old: Any = Field(alias="from", description="Before; null when there was nothing")
    new: Any = Field(alias="to", description="After; null when nothing is left")
    erased: bool = Field(
        default=False, description="The client's data was erased: nobody can read the values"
    )
    withheld: bool = Field(
        default=False,
        description="What a ticket says, which the caller lacks `tickets:content` for",
    )


class AuditEventRead(BaseModel):
    """Who changed what, from what to what, when and why."""

    id: UUID
    occurred_at: datetime
    actor_id: UUID | None = Field(description="The member; null when no person was behind it")
    action: str = Field(examples=["client.updated"])
    subject_type: str = Field(examples=["client"])
    subject_id: UUID
    about: UUID | None = Field(description="The client whose data it concerns")
    changed: list[str] = Field(examples=[["email", "phone"]])
    values: dict[str, ValueChange] = Field(
        description="By field. Documents are masked; empty on events of earlier versions",
        examples=[{"priority": {"from": "normal", "to": "urgent", "erased": False}}],
    )
    reason: str | None = Field(
        examples=["A pedido do cliente"],
        description="Null also where the client it is about was erased",
    )
    related: dict[str, UUID] = Field(description="Other ids involved, by name")
    request_id: str = Field(description="Finds the request in the logs of every service")

    @classmethod
    def of(cls, event: Any, values: Mapping[str, Mapping[str, Any]], reason: str | None) -> Self:
        """From a row of the log, its values and its reason, opened."""
        return cls(
            id=event.id,
            occurred_at=event.occurred_at,
            actor_id=event.actor_id,
            action=event.action,
            subject_type=event.subject_type,
            subject_id=event.subject_id,
            about=event.about,
            changed=event.changed,
            values={field: ValueChange.model_validate(value) for field, value in values.items()},
            reason=reason,
            related=event.related,
            request_id=event.request_id,
        )


class BrokenLink(BaseModel):
    """The first one that does not fit; everything after it proves nothing."""

    sequence: int = Field(description="Of the link", examples=[1204])
    fault: Fault
    event_id: UUID | None = Field(description="The event the link is of, where there is one")
    anchor: str | None = Field(default=None, description="The anchor, where that is what is wrong")


class AuditVerification(BaseModel):
    """What computing the whole chain again has shown."""

    valid: bool
    links: int = Field(description="Links that hold", examples=[48210])
    head: str = Field(description="Hash of the last link that holds, hexadecimal")
    anchors: int = Field(description="Signed heads outside the database that agree", examples=[31])
    unattested: int = Field(
        description="Of them, events from before every event was attested when it was written"
    )
    pending: int = Field(description="Events since, which have no link yet")
    first_broken: BrokenLink | None
    verified_at: datetime
