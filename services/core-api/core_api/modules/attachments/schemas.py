"""What attachments look like on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core_api.modules.attachments.models import ScanState


class AttachmentRead(BaseModel):
    """A file of a ticket."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    message_id: UUID | None = Field(description="Null while no message has taken it: pending")
    name: str = Field(examples=["laudo.pdf"])
    media_type: str = Field(description="By content", examples=["application/pdf"])
    size_bytes: int = Field(examples=[48213])
    sha256: str
    scan: ScanState = Field(description="`unscanned`: no virus scanner is configured")
    uploaded_by: UUID
    created_at: datetime


class AttachmentLink(BaseModel):
    """Where to download, for a short while."""

    url: str = Field(
        description="Needs no access token; whoever has it can download, so do not keep it",
        examples=["/api/v1/attachments/0192a000-0000-7000-8000-00000000000a/download?link=AZKg…"],
    )
    expires_at: datetime
