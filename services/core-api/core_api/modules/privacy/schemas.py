"""What requests of data subjects look like on the wire.

What answers a POST holds no words: it may be kept for `Idempotency-Key`, in the clear.
"""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    model_validator,
)

from core_api.inputs import Body, Code, Input, Line, Moment
from core_api.modules.deliveries.service import DeliveryRead
from core_api.modules.privacy.content import Representative, RequestContent
from core_api.modules.privacy.handling import IdentityCheck, Said
from core_api.modules.privacy.kinds import (
    AnswerForm,
    DeadlineUnit,
    DeliveryState,
    IdentityLevel,
    IdentityMethod,
    MessageDirection,
    RefusalGround,
    RepresentativeKind,
    RequestChannel,
    RequestStatus,
    RequestType,
    StepKind,
)
from core_api.modules.privacy.opening import Asked, require_fitting

_EXAMPLE_ID = "0192a000-0000-7000-8000-0000000c0001"


def _by_members(channel: RequestChannel) -> RequestChannel:
    if channel is RequestChannel.PREFERENCES_LINK:
        raise ValueError("Este canal é só dos links de preferências, usados pelo próprio titular.")
    return channel


def _by_members_too(method: IdentityMethod) -> IdentityMethod:
    if method is IdentityMethod.PREFERENCES_LINK:
        raise ValueError("Este meio é só dos links de preferências, usados pelo próprio titular.")
    return method


RecordedChannel = Annotated[RequestChannel, AfterValidator(_by_members)]
RecordedMethod = Annotated[IdentityMethod, AfterValidator(_by_members_too)]


class PrivacyRequestCreate(Input):
    """What a data subject asks for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "client_id": _EXAMPLE_ID,
                    "type": "access",
                    "channel": "email",
                    "description": "Quero uma cópia de tudo o que vocês têm sobre mim.",
                }
            ]
        }
    )

    client_id: UUID
    type: RequestType
    form: AnswerForm | None = Field(
        default=None,
        description="Of `confirmation` (left out: simplified) and `access` (left out: complete)",
    )
    purpose_code: Code | None = Field(
        default=None,
        description="Of `blocking`, `revocation` and `opposition`; left out: every purpose",
    )
    channel: RecordedChannel = RequestChannel.API
    description: Body | None = Field(default=None, description="In the subject's own words")
    corrections: dict[str, Any] = Field(
        default={},
        max_length=30,
        description="Of `correction`: fields of the client as its PATCH takes them",
    )
    received_at: Moment | None = Field(
        default=None, description="Left out: now. A letter counts from the day it came in"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        require_fitting(self.type, self.form, self.purpose_code, self.corrections)
        return self

    @property
    def asked(self) -> Asked:
        """For opening it."""
        return Asked(**self.model_dump(exclude={"client_id"}))


class IdentityCheckCreate(Input):
    """How it was checked who asks."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"level": "strong", "method": "document_with_photo", "passed": True}]
        }
    )

    level: IdentityLevel
    method: RecordedMethod
    passed: bool
    representative_proven: bool = Field(
        default=False, description="Whether what proves the representation was checked, too"
    )
    notes: Body | None = None

    @property
    def check(self) -> IdentityCheck:
        """For recording it."""
        return IdentityCheck(**self.model_dump())


class RepresentativePut(Input):
    """Who asks for the subject, and what proves that they may (LGPD Art. 18 § 3)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "attorney",
                    "name": "Marcos Prado",
                    "proof": "Procuração particular com firma reconhecida, de 02/11/2026.",
                }
            ]
        }
    )

    kind: RepresentativeKind
    name: Line
    document: Line | None = None
    contact: Line | None = None
    proof: Body = Field(description="What was shown, and where it is kept")
    proof_attachment_id: UUID | None = Field(
        default=None, description="An attachment of a ticket of the subject's"
    )

    @property
    def representative(self) -> Representative:
        """For sealing it."""
        file = self.proof_attachment_id
        return Representative(
            name=self.name,
            document=self.document,
            contact=self.contact,
            proof=self.proof,
            proof_attachment_id=None if file is None else str(file),
        )


class Telling(Input):
    """What is said, and by which way."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"text": "De qual endereço se trata?", "channel": "email"}]}
    )

    text: Body
    channel: RecordedChannel

    @property
    def said(self) -> Said:
        """For recording it."""
        return Said(text=self.text, channel=self.channel)


class ExtensionCreate(Input):
    """A later deadline, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"days": 5, "reason": "Há documentos em arquivo físico a consultar."}]
        }
    )

    days: int = Field(ge=1, le=90, description="In the unit of the request's deadline")
    reason: Body
    tell: Telling | None = Field(default=None, description="What the subject is told about it")


class RefusalCreate(Input):
    """Why it is not granted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "ground": "legal_obligation",
                    "text": "As notas fiscais são guardadas por cinco anos, como manda a lei.",
                    "channel": "email",
                }
            ]
        }
    )

    ground: RefusalGround
    text: Body = Field(description="The reason, as the subject is told it")
    channel: RecordedChannel

    @property
    def answer(self) -> Said:
        """What the subject is told."""
        return Said(text=self.text, channel=self.channel)


class CancellationCreate(Input):
    """Why the subject does not want it any more."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "O titular desistiu por telefone."}]}
    )

    reason: Body


class PrivacyMessageCreate(Input):
    """A message to the subject, or from them."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "direction": "to_subject",
                    "channel": "email",
                    "body": "Seu pedido foi concluído. Os arquivos estão no link enviado.",
                }
            ]
        }
    )

    direction: MessageDirection = MessageDirection.TO_SUBJECT
    channel: RecordedChannel
    body: Body


class DeliveryUpdate(Input):
    """How far a message has come."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"delivery": "delivered"}]})

    delivery: DeliveryState


class PrivacyRequestRead(BaseModel):
    """A request as it stands, without words."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    client_id: UUID
    type: RequestType
    status: RequestStatus
    form: AnswerForm | None
    purpose_code: str | None = Field(examples=["novidades-por-email"])
    channel: RequestChannel
    received_at: datetime
    due_at: datetime
    overdue: bool = Field(description="Open past its time; not while the clock stands")
    deadline_days: int = Field(examples=[15])
    deadline_unit: DeadlineUnit
    deadline_doubled: bool = Field(description="The organization is a small agent")
    paused_at: datetime | None = Field(description="Since when the subject is waited for")
    extension_allowed_days: int = Field(examples=[15])
    extended_days: int | None
    extended_at: datetime | None
    extended_by: UUID | None
    identity_required: IdentityLevel
    identity_level: IdentityLevel
    identity_method: IdentityMethod | None
    identity_checked_at: datetime | None
    identity_checked_by: UUID | None = Field(description="Null: the link the subject used")
    representative_kind: RepresentativeKind | None
    representative_checked_at: datetime | None
    refusal_ground: RefusalGround | None
    opened_by: UUID | None = Field(description="Null: the subject")
    executed_by: UUID | None
    execution_started_at: datetime | None
    closed_at: datetime | None
    closed_by: UUID | None
    receipt: dict[str, Any] | None = Field(
        description="What was done, without personal data", examples=[{"revoked": 2}]
    )
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")


class RepresentativeRead(BaseModel):
    """Who asks for the subject."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["Marcos Prado"])
    document: str | None
    contact: str | None
    proof: str
    proof_attachment_id: UUID | None
    proof_sha256: str | None


class PrivacyRequestDetail(PrivacyRequestRead):
    """A request with its words. They are null once the subject is erased."""

    description: str | None
    corrections: dict[str, Any]
    representative: RepresentativeRead | None

    @classmethod
    def of(
        cls, request: Any, content: RequestContent, representative: Representative | None
    ) -> Self:
        """From the row and what was opened of it."""
        plain = PrivacyRequestRead.model_validate(request).model_dump()
        return cls(
            **plain,
            description=content.description,
            corrections=dict(content.corrections),
            representative=(
                None
                if representative is None
                else RepresentativeRead.model_validate(representative)
            ),
        )


class StepRead(BaseModel):
    """One thing that happened to a request."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: StepKind
    occurred_at: datetime
    actor_id: UUID | None = Field(description="Null: the subject, or time")
    details: dict[str, Any] = Field(examples=[{"days": 5}])
    text: str | None = Field(description="Reason or notes; null once the subject is erased")


class PrivacyMessageRead(BaseModel):
    """A message, without its text."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    direction: MessageDirection
    channel: RequestChannel
    delivery: DeliveryState
    delivery_at: datetime | None
    recorded_by: UUID | None
    created_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")
    mail: DeliveryRead | None = Field(
        default=None, description="Of what goes by e-mail: how far it is, and the proof"
    )


class PrivacyMessageDetail(PrivacyMessageRead):
    """A message with its text."""

    body: str | None = Field(description="Null once the subject is erased")
