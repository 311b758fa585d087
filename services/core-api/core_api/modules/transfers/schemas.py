"""What the register of transfers looks like on the wire."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic.config import JsonDict

from core_api.inputs import Body, Code, Input, Line, NoneIfBlank, absent
from core_api.modules.transfers.models import (
    ExporterRole,
    InternationalTransfer,
    Mechanism,
    TransferStatus,
)


def _abroad(country: str) -> str:
    if country == "BR":
        raise ValueError("Um destino no Brasil não é transferência internacional.")
    return country


def _unique(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


Country = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{2}$"),
    AfterValidator(_abroad),
    Field(examples=["US"], description="ISO 3166-1, two letters"),
]
Codes = Annotated[
    list[Code],
    Field(min_length=1, max_length=100, description="For these purposes and no others"),
    AfterValidator(_unique),
]
Categories = Annotated[list[Line], Field(max_length=50), AfterValidator(_unique)]
Reference = Annotated[
    Annotated[Line | None, NoneIfBlank],
    Field(description="The contract, clause or decision that allows it, and where it is"),
]
_EXAMPLE: JsonDict = {
    "provider": "openai",
    "importer_name": "OpenAI, L.L.C.",
    "importer_contact": "privacy@openai.example",
    "country": "US",
    "mechanism": "standard_clauses",
    "mechanism_reference": "Contrato 45/2026, anexo II",
    "purpose_codes": ["atendimento"],
    "data_categories": ["conteúdo de chamados"],
    "how": "Chamadas por API, sem retenção pelo importador",
    "duration": "Enquanto durar o contrato",
    "valid_from": "2026-03-01",
}


class TransferCreate(Input):
    """A transfer to be registered. Data goes only once it is authorised."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    provider: Code = Field(description="As programs name it: the assistant's calls go by it")
    importer_name: Line
    importer_contact: Annotated[Line | None, NoneIfBlank] = None
    country: Country
    mechanism: Mechanism
    mechanism_reference: Reference = None
    exporter_role: ExporterRole = ExporterRole.CONTROLLER
    purpose_codes: Codes
    data_categories: Categories = Field(default=[])
    how: Line = Field(description="The form of the transfer")
    duration: Line
    security_measures: Annotated[Body | None, NoneIfBlank] = None
    valid_from: date
    valid_until: date | None = Field(default=None, description="The last day")


class TransferUpdate(Input):
    """What changes. Another provider or country is another entry."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"valid_until": "2027-12-31"}]})

    importer_name: Line = absent()
    importer_contact: Annotated[Line | None, NoneIfBlank] = absent()
    mechanism: Mechanism = absent()
    mechanism_reference: Reference = absent()
    purpose_codes: Codes = absent()
    data_categories: Categories = absent()
    how: Line = absent()
    duration: Line = absent()
    security_measures: Annotated[Body | None, NoneIfBlank] = absent()
    valid_from: date = absent()
    valid_until: date | None = absent()


class TransferMove(Input):
    """Why its status changes."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "Contrato assinado e conferido"}]}
    )

    reason: Line


class TransferRead(BaseModel):
    """One entry of the register."""

    id: UUID
    provider: str
    importer_name: str
    importer_contact: str | None
    country: str
    mechanism: Mechanism
    mechanism_reference: str | None
    exporter_role: ExporterRole
    purpose_codes: list[str]
    data_categories: list[str]
    how: str
    duration: str
    security_measures: str | None
    valid_from: date
    valid_until: date | None
    status: TransferStatus
    status_reason: str | None
    status_by: UUID | None
    status_at: datetime | None
    allowed: bool = Field(description="Whether data may go today")
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")

    @classmethod
    def of(cls, transfer: InternationalTransfer, day: date) -> Self:
        """As it stands on a day."""
        named = {name: getattr(transfer, name) for name in cls.model_fields if name != "allowed"}
        return cls(**named, allowed=transfer.allowed_on(day))
