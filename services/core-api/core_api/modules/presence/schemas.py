"""What presence looks like on the wire."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core_api.inputs import Input


class Activity(StrEnum):
    """What somebody does with a ticket."""

    VIEWING = "viewing"
    REPLYING = "replying"


class PresenceUpdate(Input):
    """What you are doing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"activity": "replying"}]})

    activity: Activity


class PresenceRead(BaseModel):
    """Somebody at a ticket."""

    member_id: UUID
    activity: Activity
    since: datetime = Field(description="When this activity began")
    expires_at: datetime = Field(description="Gone then, unless said again")
