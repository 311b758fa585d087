"""What watchers and links look like on the wire."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core_api.inputs import Input
from core_api.modules.tickets.contents import shown
from core_api.modules.tickets.moves import TicketStatus
from core_api.modules.tickets.relations.models import LinkKind
from shared_schemas.actor import Actor
from shared_schemas.ids import UserId


class WatcherCreate(Input):
    """Who is to watch."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"member_id": "0192a000-0000-7000-8000-000000000002"}]}
    )

    member_id: UserId | None = Field(default=None, description="Null: whoever asks")


class WatcherRead(BaseModel):
    """A member who watches a ticket."""

    model_config = ConfigDict(from_attributes=True)

    member_id: UUID
    added_by: UUID
    created_at: datetime


class LinkCreate(Input):
    """What the ticket is to another one."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "parent", "ticket_id": "0192a000-0000-7000-8000-0000000000fd"}]
        }
    )

    kind: Literal[LinkKind.DUPLICATE, LinkKind.PARENT, LinkKind.RELATED] = Field(
        description="`duplicate`: of the other; `parent`: the other is its parent; `related`"
    )
    ticket_id: UUID = Field(description="The other ticket")


class Relation(StrEnum):
    """What the other ticket is to this one."""

    DUPLICATE_OF = "duplicate_of"
    HAS_DUPLICATE = "has_duplicate"
    PARENT = "parent"
    CHILD = "child"
    RELATED = "related"
    FOLLOW_UP_OF = "follow_up_of"
    HAS_FOLLOW_UP = "has_follow_up"
    SPLIT_FROM = "split_from"
    SPLIT_INTO = "split_into"


# Seen from the ticket that is … of the other, and from the other.
_RELATIONS: Final[Mapping[LinkKind, tuple[Relation, Relation]]] = MappingProxyType(
    {
        LinkKind.DUPLICATE: (Relation.DUPLICATE_OF, Relation.HAS_DUPLICATE),
        LinkKind.PARENT: (Relation.PARENT, Relation.CHILD),
        LinkKind.RELATED: (Relation.RELATED, Relation.RELATED),
        LinkKind.FOLLOW_UP: (Relation.FOLLOW_UP_OF, Relation.HAS_FOLLOW_UP),
        LinkKind.SPLIT: (Relation.SPLIT_FROM, Relation.SPLIT_INTO),
    }
)


class LinkedTicket(BaseModel):
    """The ticket at the other end."""

    id: UUID
    number: int = Field(examples=[42])
    subject: str = Field(examples=["Certidão atrasada"])
    status: TicketStatus


class LinkRead(BaseModel):
    """A link, seen from one of its tickets."""

    id: UUID
    relation: Relation
    ticket: LinkedTicket
    created_by: UUID
    created_at: datetime

    @classmethod
    def of(cls, actor: Actor, row: Any) -> Self:
        """From a row that names the other ticket and says on which end this one is."""
        as_subject, as_other = _RELATIONS[row.kind]
        return cls(
            id=row.id,
            relation=as_subject if row.is_subject else as_other,
            ticket=LinkedTicket(
                id=row.to_id,
                number=row.number,
                subject=shown(actor, row.subject),
                status=row.status,
            ),
            created_by=row.created_by,
            created_at=row.created_at,
        )
