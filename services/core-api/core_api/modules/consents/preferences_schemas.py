"""What a client sees and says by a link to their preferences."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from core_api.inputs import Code, Input
from core_api.modules.consents.models import Decision
from core_api.modules.consents.registry import Recipient, Transfer
from core_api.modules.deliveries.service import DeliveryRead


class Answer(StrEnum):
    """How the client's decision stands."""

    GRANTED = "granted"
    REFUSED = "refused"
    REVOKED = "revoked"
    EXPIRED = "expired"
    UNDECIDED = "undecided"
    RENEWAL_DUE = "renewal_due"


class PreferencesLinkCreate(Input):
    """How long the link is good for."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"valid_hours": 72}]})

    valid_hours: int = Field(default=72, ge=1, le=720)
    send: bool = Field(default=False, description="By e-mail, to the address the client has here")


class PreferencesLinkRead(BaseModel):
    """Shown once: it cannot be read again."""

    url: str = Field(description="Where the single-page app sends its GET and POST")
    token: str
    expires_at: datetime
    mail: DeliveryRead | None = Field(
        default=None, description="How far the e-mail with it is, where it is sent"
    )


class PreferenceRead(BaseModel):
    """One purpose as its notice tells it (LGPD Art. 9), and what the client has decided."""

    purpose_code: str = Field(examples=["novidades-por-email"])
    name: str = Field(examples=["Novidades por e-mail"])
    description: str = Field(examples=["Enviar novidades dos serviços por e-mail."])
    notice_version: int = Field(examples=[1])
    notice_sha256: str
    notice_text: str = Field(examples=["Usamos seu e-mail para enviar novidades."])
    locale: str = Field(examples=["pt-BR"])
    recipients: list[Recipient]
    transfers: list[Transfer]
    answer: Answer
    explanation: str = Field(examples=["Você autorizou este uso em 21/11/2026."])
    decided_at: datetime | None


class PreferencesRead(BaseModel):
    """All the client can decide about. Neither name nor any other data of theirs."""

    organization: str = Field(examples=["Prefeitura de Aurora"])
    introduction: str
    preferences: list[PreferenceRead]
    expires_at: datetime | None = Field(description="Null once the link has been used")


class Choice(Input):
    """One decision, on the text that was shown."""

    purpose_code: Code
    notice_version: int = Field(ge=1, le=1_000_000)
    decision: Decision


def _each_once(choices: list[Choice]) -> list[Choice]:
    if len({choice.purpose_code for choice in choices}) < len(choices):
        raise ValueError("Cada finalidade só pode aparecer uma vez.")
    return choices


class PreferencesDecide(Input):
    """What the client decides; the link is used up by it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "choices": [
                        {
                            "purpose_code": "novidades-por-email",
                            "notice_version": 1,
                            "decision": "refused",
                        }
                    ]
                }
            ]
        }
    )

    choices: Annotated[list[Choice], Field(min_length=1, max_length=50), AfterValidator(_each_once)]
