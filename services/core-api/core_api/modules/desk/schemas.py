"""What the settings of a desk look like on the wire."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from core_api.inputs import Input, absent

Days = Annotated[int, Field(ge=0, le=3650)]


class DeskSettingsUpdate(Input):
    """What changes. A field left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reopen_within_days": 7}]})

    reopen_within_days: Days | None = absent()


class DeskSettingsRead(BaseModel):
    """How the desk behaves."""

    model_config = ConfigDict(from_attributes=True)

    reopen_within_days: int | None = Field(
        description="For so long after a ticket was resolved or closed, what the client says "
        "reopens it; later it makes a linked follow-up. Null: always reopens; 0: never",
        examples=[14],
    )
    version: int = Field(description="Goes up with every change; also the `ETag`")
