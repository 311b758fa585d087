"""Facts about teams. Owner: core-api."""

from typing import ClassVar
from uuid import UUID

from shared_schemas.events.base import BaseEvent, Payload


class TeamMembersPayload(Payload):
    """Who is new in a team, and who is no longer in it."""

    team_id: UUID
    added: tuple[UUID, ...] = ()
    removed: tuple[UUID, ...] = ()


class TeamMembersChanged(BaseEvent):
    """Somebody was taken into a team, or let go."""

    TYPE: ClassVar[str] = "team.members_changed"
    SOURCE: ClassVar[str] = "core-api"

    payload: TeamMembersPayload
