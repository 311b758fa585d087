"""What a client's timeline looks like on the wire."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, RootModel

from core_api.modules.attachments.timeline_source import AttachmentDetail
from core_api.modules.audit.timeline_source import ChangeDetail
from core_api.modules.clients.timeline_source import NoteDetail
from core_api.modules.consents.timeline_source import ConsentDetail, RevocationDetail
from core_api.modules.duplicates.timeline_source import MergeDetail
from core_api.modules.privacy.timeline_source import PrivacyRequestStepDetail
from core_api.modules.tickets.timeline_source import MessageDetail, TicketDetail
from core_api.timeline_sources import TimelineKind

_EXAMPLE: dict[str, Any] = {
    "occurred_at": "2026-11-21T09:30:00Z",
    "kind": "message",
    "id": "0192a000-0000-7000-8000-0000000000fc",
    "client_id": "0192a000-0000-7000-8000-0000000c0001",
    "actor_id": "0192a000-0000-7000-8000-000000000002",
    "ticket_id": "0192a000-0000-7000-8000-0000000000fd",
    "title": "Resposta ao cliente",
    "summary": "A certidão sai amanhã, às 10 horas.",
    "detail": {"ticket_number": 42, "message_kind": "reply", "edited_at": None},
}


class _Entry(BaseModel):
    """What every entry says."""

    occurred_at: datetime
    id: UUID = Field(description="Of the thing itself; unique together with `kind`")
    client_id: UUID = Field(description="The client asked for, or one that was merged into it")
    actor_id: UUID | None = Field(description="The member; null when no member was behind it")
    ticket_id: UUID | None = Field(description="The ticket it belongs to, if it belongs to one")
    title: str = Field(description="What happened, in a few words", examples=["Chamado aberto"])
    summary: str = Field(
        description="To whom or what; of long texts how they begin",
        examples=["#42 Certidão atrasada"],
    )


class TicketEntry(_Entry):
    """A ticket was opened."""

    kind: Literal[TimelineKind.TICKET]
    detail: TicketDetail


class MessageEntry(_Entry):
    """Something was said about a ticket. Drafts are not there."""

    kind: Literal[TimelineKind.MESSAGE]
    detail: MessageDetail


class AttachmentEntry(_Entry):
    """A file came with a message."""

    kind: Literal[TimelineKind.ATTACHMENT]
    detail: AttachmentDetail


class NoteEntry(_Entry):
    """An attendant noted something about the client."""

    kind: Literal[TimelineKind.NOTE]
    detail: NoteDetail


class ConsentEntry(_Entry):
    """The client decided about a purpose."""

    kind: Literal[TimelineKind.CONSENT]
    detail: ConsentDetail


class RevocationEntry(_Entry):
    """The client took a consent back."""

    kind: Literal[TimelineKind.REVOCATION]
    detail: RevocationDetail


class ChangeEntry(_Entry):
    """The client's data, or its place in a company, changed."""

    kind: Literal[TimelineKind.CHANGE]
    detail: ChangeDetail


class MergeEntry(_Entry):
    """Another client went into this one."""

    kind: Literal[TimelineKind.MERGE]
    detail: MergeDetail


class UndoneMergeEntry(_Entry):
    """A client that had gone into this one is another one again."""

    kind: Literal[TimelineKind.UNDONE_MERGE]
    detail: MergeDetail


class PrivacyRequestEntry(_Entry):
    """Something happened to a request the client made for one of their rights."""

    kind: Literal[TimelineKind.PRIVACY_REQUEST]
    detail: PrivacyRequestStepDetail


AnyEntry = Annotated[
    TicketEntry
    | MessageEntry
    | AttachmentEntry
    | NoteEntry
    | ConsentEntry
    | RevocationEntry
    | ChangeEntry
    | MergeEntry
    | UndoneMergeEntry
    | PrivacyRequestEntry,
    Field(discriminator="kind"),
]


class TimelineEntryRead(RootModel[AnyEntry]):
    """One thing that happened with a client; `kind` says what `detail` holds."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    @classmethod
    def of(cls, entry: Any) -> Self:
        """From an entry of the service."""
        return cls.model_validate(
            {
                "occurred_at": entry.occurred_at,
                "kind": entry.kind,
                "id": entry.id,
                "client_id": entry.client_id,
                "actor_id": entry.told.actor_id,
                "ticket_id": entry.ticket_id,
                "title": entry.told.title,
                "summary": entry.told.summary,
                "detail": entry.told.detail,
            }
        )
