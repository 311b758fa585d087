"""Conversations and messages on the wire."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from ai_svc.legible import legible
from ai_svc.modules.agents.events import (
    AgentAnswer,
    AgentName,
    Proposed,
    Source,
    Stretch,
    TicketOffer,
)
from ai_svc.modules.chat.models import (
    Conversation,
    ConversationMessage,
    FeedbackReason,
    MessageFeedback,
    MessageRating,
    MessageStatus,
    Sharing,
    Speaker,
)
from ai_svc.modules.prompts.service import Alias
from ai_svc.questions import Input

MAX_CONTENT: Final = 8_000
UNTITLED: Final = "Nova conversa"

Title = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(legible),
]
Content = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_CONTENT),
    AfterValidator(legible),
]
Remark = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2_000)]
Correction = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=20_000)
]


class ConversationCreate(Input):
    """A new conversation of the caller's own."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"title": "Prazos de certidão"}]},
    )

    title: Title | None = Field(
        default=None, description="Left out: the beginning of the first message"
    )
    visibility: Sharing = Sharing.PRIVATE
    client_id: UUID | None = Field(
        default=None, description="Whom it is about as a whole; needs clients:read"
    )
    ticket_id: UUID | None = Field(default=None, description="Which ticket it is about")


class ConversationChange(Input):
    """What is left out stays as it is."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"visibility": "organization"}]},
    )

    title: Title | None = None
    visibility: Sharing | None = Field(
        default=None, description="`organization`: others may read it, and not write"
    )


class ConversationRead(BaseModel):
    """A conversation, without what was said in it."""

    id: UUID
    title: str = Field(examples=["Prazos de certidão"])
    visibility: Sharing
    owner_id: UUID
    is_own: bool = Field(description="False: shared with the caller, who may only read it")
    client_id: UUID | None
    ticket_id: UUID | None
    message_count: int
    version: int
    created_at: datetime
    active_at: datetime = Field(description="When something was last said")

    @classmethod
    def of(cls, row: Conversation, reader_id: UUID) -> Self:
        """From the table."""
        names = cls.model_fields.keys() - {"title", "is_own"}
        facts = {name: getattr(row, name) for name in names}
        return cls(title=row.title or UNTITLED, is_own=row.owner_id == reader_id, **facts)


class MessageSend(Input):
    """A message to the assistant."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"examples": [{"content": "Quanto custa a segunda via da certidão?"}]},
    )

    content: Content
    client_id: UUID | None = Field(
        default=None,
        description="Whom it is about; needs clients:read. Left out: whom the"
        " conversation is about",
    )
    ticket_id: UUID | None = Field(default=None, description="Which ticket it is about")
    agent: AgentName | None = Field(
        default=None, description="Who shall answer; left out: found out from what is asked"
    )
    prompt_alias: Alias = Field(
        default=Alias.PRODUCTION,
        description="Whose words the model is given: `candidate` tries what is not in production"
        " yet, and needs assistant:configure. The answer's `prompt_version` says which it was",
    )


class MessageRegenerate(Input):
    """How the other answer is to be made."""

    client_id: UUID | None = Field(default=None, description="As in sending")
    agent: AgentName | None = Field(default=None, description="As in sending")
    prompt_alias: Alias = Field(default=Alias.PRODUCTION, description="As in sending")


class MessageError(BaseModel):
    """Why there is no whole answer."""

    code: str = Field(examples=["CHAT_STOPPED"])
    message: str


class MessageRead(BaseModel):
    """Something said. Of the assistant's, `[n]` in `content` is the source with that number."""

    id: UUID
    conversation_id: UUID
    role: Speaker
    status: MessageStatus
    content: str | None = Field(
        description="None while it is written, when it is withheld, or gone with a document"
    )
    withheld: bool = Field(
        description="Shared, but of sources the caller may not read: nothing of it is shown"
    )
    in_reply_to: UUID | None = Field(description="Answers to the same message stand side by side")
    agent: str | None
    sources: list[Source]
    proposals: list[Proposed] = Field(description="Shown to who asked")
    unsupported: list[Stretch]
    abstained: bool
    offer: TicketOffer | None
    model: str | None
    prompt_version: str | None
    input_tokens: int
    output_tokens: int
    tokens_used: int
    run_id: UUID | None
    error: MessageError | None
    rating: MessageRating | None = Field(description="What the caller has said of it")
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, found: Any, reader_id: UUID) -> Self:
        """From (message, withheld, rating)."""
        row: ConversationMessage = found[0]
        hidden: bool = found.withheld
        answer = AgentAnswer.model_validate(row.answer) if row.answer and not hidden else None
        failed = row.error_code is not None
        return cls(
            **{name: getattr(row, name) for name in _AS_THEY_ARE},
            content=None if hidden else row.content,
            withheld=hidden,
            sources=answer.sources if answer else [],
            proposals=answer.proposals if answer and row.author_id == reader_id else [],
            unsupported=answer.unsupported if answer else [],
            abstained=answer.abstained if answer else False,
            offer=answer.offer if answer else None,
            tokens_used=row.input_tokens + row.output_tokens,
            error=MessageError(code=row.error_code or "", message=row.error_message or "")
            if failed
            else None,
            rating=found.rating,
        )


_AS_THEY_ARE: Final = (
    "id",
    "conversation_id",
    "role",
    "status",
    "in_reply_to",
    "agent",
    "model",
    "prompt_version",
    "input_tokens",
    "output_tokens",
    "run_id",
    "created_at",
    "finished_at",
)


class FoundConversation(BaseModel):
    """A conversation in which all the words were found in one message, the newest such."""

    conversation: ConversationRead
    message_id: UUID
    role: Speaker
    excerpt: str = Field(description="From around the first of the words")
    said_at: datetime


class MessageFeedbackInput(Input):
    """What one thinks of an answer. Saying it again replaces what one said before."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [
                {
                    "rating": "down",
                    "reason": "outdated",
                    "comment": "O valor mudou em janeiro.",
                    "correction": "A segunda via da certidão custa R$ 39,10.",
                }
            ]
        },
    )

    rating: MessageRating
    reason: FeedbackReason | None = None
    comment: Remark | None = None
    correction: Correction | None = Field(default=None, description="What it should have said")


class MessageFeedbackRead(BaseModel):
    """What somebody thinks of an answer."""

    conversation_id: UUID
    message_id: UUID
    rating: MessageRating
    reason: FeedbackReason | None
    comment: str | None
    correction: str | None
    updated_at: datetime

    @classmethod
    def of(cls, conversation_id: UUID, row: MessageFeedback) -> Self:
        """From the table."""
        names = cls.model_fields.keys() - {"conversation_id"}
        return cls(conversation_id=conversation_id, **{name: getattr(row, name) for name in names})


class ConversationExport(BaseModel):
    """All of a conversation that the caller may read."""

    format: Literal["cogep.conversation.v1"] = "cogep.conversation.v1"
    exported_at: datetime
    conversation: ConversationRead
    messages: list[MessageRead]
