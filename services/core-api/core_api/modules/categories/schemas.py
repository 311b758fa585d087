"""What categories look like on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core_api.inputs import Input, Line, absent

_ABOVE = "0192a000-0000-7000-8000-00000000ca01"


class CategoryCreate(Input):
    """A new category, at the root or below another one."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Certidões", "parent_id": _ABOVE}]}
    )

    name: Line
    parent_id: UUID | None = Field(default=None, description="Null: at the root")


class CategoryUpdate(Input):
    """What changes. A field left out stays; another `parent_id` moves the whole branch."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"parent_id": None}]})

    name: Line = absent()
    parent_id: UUID | None = absent()


class CategoryRead(BaseModel):
    """A category."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str = Field(examples=["Certidões"])
    parent_id: UUID | None
    depth: int = Field(description="1 at the root", examples=[2])
    archived_at: datetime | None
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")
