"""What purposes, notices and consents look like on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from core_api.folding import fold
from core_api.inputs import Body, Code, Input, Line, Moment, NoneIfBlank, absent
from core_api.modules.consents.models import (
    ConsentChannel,
    ConsentStatus,
    Decision,
    LegalBasis,
    RetentionFrom,
    RetentionThen,
)
from core_api.modules.consents.registry import (
    Articles,
    Categories,
    Days,
    Recipient,
    Recipients,
    Transfer,
    Transfers,
)

_GENERIC = frozenset(
    {
        "geral",
        "diversos",
        "diversas",
        "outros",
        "outras finalidades",
        "uso geral",
        "qualquer finalidade",
        "todas as finalidades",
        "finalidades diversas",
        "finalidades gerais",
        "tratamento de dados",
    }
)


def _specific(text: str) -> str:
    # LGPD Art. 8 §4: authorisations for generic purposes are void.
    if fold(text).strip(" .") in _GENERIC:
        raise ValueError("Finalidade genérica não vale (LGPD, art. 8º, § 4º). Diga para quê.")
    return text


def _by_members(channel: ConsentChannel) -> ConsentChannel:
    if channel is ConsentChannel.PREFERENCES_LINK:
        raise ValueError("Este canal é só dos links de preferências, usados pelo próprio cliente.")
    return channel


RecordedChannel = Annotated[ConsentChannel, AfterValidator(_by_members)]
Specific = Annotated[Line, AfterValidator(_specific)]
Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Z]{2})?$")]
NoticeText = Annotated[
    Body, Field(description="Exactly what clients are shown; its SHA-256 goes into every receipt")
]


class PurposeCreate(Input):
    """A purpose with the first version of its notice."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "code": "novidades-por-email",
                    "name": "Novidades por e-mail",
                    "description": "Enviar novidades dos serviços municipais por e-mail.",
                    "legal_basis": "consent",
                    "notice_text": "Usamos seu e-mail para enviar novidades. "
                    "Você pode cancelar quando quiser.",
                    "locale": "pt-BR",
                }
            ]
        }
    )

    code: Code
    name: Specific
    description: Annotated[Body, AfterValidator(_specific)]
    legal_basis: LegalBasis = Field(description="LGPD Art. 7; exactly one")
    articles: Articles = Field(default=[], description="Left out: the item of Art. 7")
    data_categories: Categories = Field(default=[])
    subject_categories: Categories = Field(default=[], examples=[["munícipes"]])
    retention_days: Days | None = None
    retention_from: RetentionFrom | None = None
    retention_then: RetentionThen | None = None
    recipients: Recipients = Field(default=[])
    transfers: Transfers = Field(default=[])
    assistant_may_use: bool = Field(default=False, description="May the assistant use the data?")
    consent_valid_days: Days | None = Field(
        default=None, description="After how many days a consent expires; without: never"
    )
    notice_text: NoticeText
    locale: Locale = "pt-BR"


class PurposeUpdate(Input):
    """What changes. The legal basis does not: another basis is another purpose."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Novidades e avisos por e-mail",
                    "data_categories": ["contato"],
                    "retention_days": 365,
                    "retention_from": "consent_end",
                    "retention_then": "delete",
                }
            ]
        }
    )

    name: Specific = absent()
    description: Annotated[Body, AfterValidator(_specific)] = absent()
    articles: Annotated[Articles, Field(min_length=1)] = absent()
    data_categories: Categories = absent()
    subject_categories: Categories = absent()
    retention_days: Days | None = absent()
    retention_from: RetentionFrom | None = absent()
    retention_then: RetentionThen | None = absent()
    recipients: Recipients = absent()
    transfers: Transfers = absent()
    assistant_may_use: bool = absent()
    consent_valid_days: Days | None = absent()


class NoticeCreate(Input):
    """A new version of a purpose's notice."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "notice_text": "Usamos seu e-mail para enviar novidades e avisos.",
                    "locale": "pt-BR",
                }
            ]
        }
    )

    notice_text: NoticeText
    locale: Locale = "pt-BR"
    is_material: bool = Field(
        default=False,
        description="Changes what clients agreed to: their consents are to be renewed (Art. 8 § 6)",
    )


class NoticeRead(BaseModel):
    """One version of a notice."""

    version: int = Field(examples=[1])
    locale: str = Field(examples=["pt-BR"])
    text: str = Field(examples=["Usamos seu e-mail para enviar novidades."])
    sha256: str = Field(description="Of the text in UTF-8, hexadecimal")
    is_material: bool = Field(description="Consents on earlier versions are to be renewed")
    published_by: UUID
    published_at: datetime
    created_at: datetime

    model_config = ConfigDict(from_attributes=True)


class PurposeRead(BaseModel):
    """A purpose with its current notice."""

    id: UUID
    code: str = Field(examples=["novidades-por-email"])
    name: str = Field(examples=["Novidades por e-mail"])
    description: str = Field(examples=["Enviar novidades dos serviços municipais por e-mail."])
    legal_basis: LegalBasis
    articles: list[str] = Field(examples=[["7-I"]], description="Of Lei 13.709/2018")
    data_categories: list[str] = Field(examples=[["contato"]])
    subject_categories: list[str] = Field(examples=[["munícipes"]])
    retention_days: int | None = Field(examples=[365])
    retention_from: RetentionFrom | None
    retention_then: RetentionThen | None
    recipients: list[Recipient]
    transfers: list[Transfer]
    assistant_may_use: bool
    consent_valid_days: int | None = Field(examples=[730])
    archived_at: datetime | None
    material_version: int = Field(
        description="Consents on notices before this version are to be renewed", examples=[1]
    )
    notice_version: int = Field(description="The current version", examples=[1])
    notice_sha256: str = Field(description="Of the current text, in UTF-8, hexadecimal")
    notice_text: str = Field(examples=["Usamos seu e-mail para enviar novidades."])
    locale: str = Field(examples=["pt-BR"])
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")

    model_config = ConfigDict(from_attributes=True)


class ConsentCreate(Input):
    """What a client decided, and on which text."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "purpose_code": "novidades-por-email",
                    "decision": "granted",
                    "channel": "phone",
                    "notice_version": 1,
                }
            ]
        }
    )

    purpose_code: Code
    decision: Decision
    channel: RecordedChannel
    notice_version: int = Field(ge=1, le=1_000_000, description="The version the client was shown")
    evidence_id: UUID | None = Field(
        default=None,
        description="An attachment of a ticket of the client's that proves the decision",
    )
    shown_at: Moment | None = Field(default=None, description="When, if not just now")
    decided_at: Moment | None = Field(default=None, description="When, if not just now")


class ConsentRenew(Input):
    """The client agreed again, on the current notice unless another version is named."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"channel": "phone"}]})

    channel: RecordedChannel
    notice_version: int | None = Field(default=None, ge=1, le=1_000_000)
    shown_at: Moment | None = Field(default=None, description="When, if not just now")
    decided_at: Moment | None = Field(default=None, description="When, if not just now")


class ConsentRevoke(Input):
    """Why, if the client said so. Free of charge and without conditions (LGPD Art. 8 §5)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Pedido do titular"}]})

    reason: Annotated[
        Annotated[str, StringConstraints(max_length=500)] | None,
        NoneIfBlank,
        Field(description="No personal data: the record is kept as proof"),
    ] = None


class ConsentRead(BaseModel):
    """A receipt, and how it stands today."""

    id: UUID
    client_id: UUID
    purpose_id: UUID
    purpose_code: str = Field(examples=["novidades-por-email"])
    status: ConsentStatus
    decision: Decision
    notice_version: int = Field(examples=[1])
    notice_sha256: str
    locale: str = Field(examples=["pt-BR"])
    channel: ConsentChannel
    shown_at: datetime | None
    decided_at: datetime
    expires_at: datetime | None = Field(description="When it ends by itself")
    renews_id: UUID | None = Field(description="The consent it goes on from")
    evidence_id: UUID | None = Field(description="The attachment that proves it")
    evidence_sha256: str | None
    renewal_due: bool = Field(description="It stands on a notice that was changed materially")
    recorded_by: UUID | None = Field(
        description="The member who recorded the decision; null: the client, by a link"
    )
    revoked_at: datetime | None
    revocation_reason: str | None
    revocation_recorded_by: UUID | None
    created_at: datetime

    model_config = ConfigDict(from_attributes=True)
