"""Uploads on the wire."""

from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ai_svc.modules.uploads.models import Upload


class UploadRead(BaseModel):
    """How far an upload is."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "id": "0192a000-0000-7000-8000-0000000d0001",
                    "size_bytes": 31457280,
                    "received_bytes": 8388608,
                    "document_id": None,
                    "expires_at": "2026-11-22T09:00:00Z",
                }
            ]
        }
    )

    id: UUID
    size_bytes: int
    received_bytes: int
    document_id: UUID | None = Field(description="The document it has become, once complete")
    expires_at: datetime = Field(description="Unless another part arrives before")

    @classmethod
    def of(cls, upload: Upload) -> Self:
        """What its sender may know."""
        return cls(**{name: getattr(upload, name) for name in cls.model_fields})
