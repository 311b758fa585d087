"""What purposes, notices and consents look like on the wire."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from core_api.folding import fold
from core_api.inputs import Body, Code, Input, Line, NoneIfBlank, absent
from core_api.modules.consents.models import (
    ConsentChannel,
    ConsentStatus,
    Decision,
    LegalBasis,
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
    notice_text: NoticeText
    locale: Locale = "pt-BR"


class PurposeUpdate(Input):
    """What changes. The legal basis does not: another basis is another purpose."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "Novidades e avisos por e-mail"}]}
    )

    name: Specific = absent()
    description: Annotated[Body, AfterValidator(_specific)] = absent()


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


class NoticeRead(BaseModel):
    """One version of a notice."""

    version: int = Field(examples=[1])
    locale: str = Field(examples=["pt-BR"])
    text: str = Field(examples=["Usamos seu e-mail para enviar novidades."])
    sha256: str = Field(description="Of the text in UTF-8, hexadecimal")
    published_by: UUID
    created_at: datetime

    model_config = ConfigDict(from_attributes=True)


class PurposeRead(BaseModel):
    """A purpose with its current notice."""

    id: UUID
    code: str = Field(examples=["novidades-por-email"])
    name: str = Field(examples=["Novidades por e-mail"])
    description: str = Field(examples=["Enviar novidades dos serviços municipais por e-mail."])
    legal_basis: LegalBasis
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
    channel: ConsentChannel
    notice_version: int = Field(ge=1, le=1_000_000, description="The version the client was shown")
    shown_at: AwareDatetime | None = Field(default=None, description="When, if not just now")
    decided_at: AwareDatetime | None = Field(default=None, description="When, if not just now")


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
    recorded_by: UUID = Field(description="The member who recorded the decision")
    revoked_at: datetime | None
    revocation_reason: str | None
    revocation_recorded_by: UUID | None
    created_at: datetime

    model_config = ConfigDict(from_attributes=True)
