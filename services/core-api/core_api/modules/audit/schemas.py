"""What an audit event looks like on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class AuditEventRead(BaseModel):
    """Who changed what, when: ids and names of fields."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    occurred_at: datetime
    actor_id: UUID | None = Field(description="The member; null when no person was behind it")
    action: str = Field(examples=["client.updated"])
    subject_type: str = Field(examples=["client"])
    subject_id: UUID
    changed: list[str] = Field(examples=[["email", "phone"]])
    related: dict[str, UUID] = Field(description="Other ids involved, by name")
    request_id: str = Field(description="Finds the request in the logs of every service")
