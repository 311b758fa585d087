"""What the profile, the officers and the public notice look like on the wire."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)
from pydantic.config import JsonDict
from stdnum.br import cnpj

from core_api.inputs import Body, Input, Line, NoneIfBlank, absent
from core_api.modules.officers.models import OfficerKind, OfficerRole

Email = Annotated[
    str,
    StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$", max_length=200),
    Field(examples=["encarregado@aurora.example"]),
]
_PROFILE: JsonDict = {
    "legal_name": "Prefeitura Municipal de Aurora",
    "tax_id": None,
    "address": "Praça Central, 1, Aurora",
    "website": "https://aurora.example",
    "subject_channel": "privacidade@aurora.example",
    "security_measures": "Dados cifrados em repouso e em trânsito; acesso por função; auditoria.",
    "page_is_public": True,
}
_OFFICER: JsonDict = {
    "role": "holder",
    "kind": "person",
    "name": "Davi Exemplo",
    "email": "encarregado@aurora.example",
    "phone": "+55 11 4000-0000",
    "act_reference": "Portaria 12/2026, assinada em 02/03/2026",
    "appointed_on": "2026-03-02",
    "starts_on": "2026-03-09",
}


def _cnpj(text: str) -> str:
    if not cnpj.is_valid(text):
        raise ValueError("CNPJ inválido. Confira os dígitos.")
    return str(cnpj.compact(text))


Cnpj = Annotated[
    str, StringConstraints(max_length=20), AfterValidator(_cnpj), Field(description="CNPJ")
]


class ProfilePut(Input):
    """What the organization says about itself as controller; takes the place of what it said."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PROFILE]})

    legal_name: Line
    tax_id: Annotated[Cnpj | None, NoneIfBlank] = None
    address: Annotated[Line | None, NoneIfBlank] = None
    website: Annotated[Line | None, NoneIfBlank] = None
    subject_channel: Annotated[Line | None, NoneIfBlank] = Field(
        default=None, description="Where data subjects turn to"
    )
    security_measures: Annotated[Body | None, NoneIfBlank] = Field(
        default=None, description="In words anybody may read: records and notices carry them"
    )
    page_is_public: bool = Field(default=False, description="Whether the public notice is shown")


class ProfileRead(BaseModel):
    """The controller, as records and notices name it."""

    legal_name: str = Field(default="", description="Empty until somebody has said it")
    tax_id: str | None = None
    address: str | None = None
    website: str | None = None
    subject_channel: str | None = None
    security_measures: str | None = None
    page_is_public: bool = False
    updated_at: datetime | None = None
    version: int = Field(default=0, description="Goes up with every change; also the `ETag`")

    model_config = ConfigDict(from_attributes=True)


class OfficerCreate(Input):
    """An appointment by a written, dated and signed act (Res. CD/ANPD 18/2024, art. 3)."""

    model_config = ConfigDict(json_schema_extra={"examples": [_OFFICER]})

    role: OfficerRole = OfficerRole.HOLDER
    kind: OfficerKind = OfficerKind.PERSON
    name: Line = Field(description="Full name, or the name of the company")
    responsible_name: Annotated[Line | None, NoneIfBlank] = Field(
        default=None, description="Of a company: the person within it"
    )
    email: Email
    phone: Annotated[Line | None, NoneIfBlank] = None
    act_reference: Line = Field(description="Where the act is found")
    appointed_on: date = Field(description="The date of the act")
    starts_on: date = Field(description="From this day on")
    ends_on: date | None = Field(default=None, description="The last day; null: until it is ended")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind is OfficerKind.COMPANY and self.responsible_name is None:
            raise ValueError("De uma empresa, informe o nome da pessoa responsável.")
        if self.ends_on is not None and self.ends_on < self.starts_on:
            raise ValueError("A designação termina antes de começar.")
        return self


class OfficerUpdate(Input):
    """How the officer is reached. Who it is, is another appointment."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"phone": "+55 11 4000-0001"}]})

    email: Email = absent()
    phone: Annotated[Line | None, NoneIfBlank] = absent()
    responsible_name: Annotated[Line, Field(examples=["Davi Exemplo"])] = absent()


class OfficerEnd(Input):
    """The last day of an appointment."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ends_on": "2027-03-01"}]})

    ends_on: date


class OfficerRead(BaseModel):
    """One appointment."""

    id: UUID
    role: OfficerRole
    kind: OfficerKind
    name: str
    responsible_name: str | None
    email: str
    phone: str | None
    act_reference: str
    appointed_on: date
    starts_on: date
    ends_on: date | None
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")

    model_config = ConfigDict(from_attributes=True)


class NoticeLinkRead(BaseModel):
    """Where the organization's own pages lead to: it never changes and needs no account."""

    url: str = Field(examples=["/api/v1/public/privacy-notice/…"])
    token: str
    is_shown: bool = Field(description="False until the profile says that it is public")


class PublicOfficer(BaseModel):
    """The encarregado as anybody may know them (Art. 41 § 1)."""

    role: OfficerRole
    name: str = Field(examples=["Davi Exemplo"])
    responsible_name: str | None
    email: str
    phone: str | None
    since: date


class PublicPurpose(BaseModel):
    """One purpose in plain words (LGPD Art. 9)."""

    name: str
    description: str
    legal_basis: str = Field(examples=["Consentimento do titular (art. 7º, I)"])
    data_categories: list[str]
    retention: str = Field(examples=["365 dias após a coleta; depois os dados são excluídos"])
    shared_with: list[str]
    notice_text: str


class PublicTransfer(BaseModel):
    """A transfer abroad, as it must be published (Res. CD/ANPD 19/2024, art. 17)."""

    importer: str
    country: str
    mechanism: str
    how: str
    duration: str
    purposes: list[str]
    security_measures: str | None


class PublicNotice(BaseModel):
    """The privacy notice of an organization, for anybody."""

    controller: str = Field(examples=["Prefeitura Municipal de Aurora"])
    tax_id: str | None
    address: str | None
    website: str | None
    subject_channel: str | None
    officers: list[PublicOfficer]
    officer_note: str = Field(description="What it means when nobody is named")
    purposes: list[PublicPurpose]
    transfers: list[PublicTransfer]
    security_measures: str | None
    rights: list[str]
