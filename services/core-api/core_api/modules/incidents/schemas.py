"""What incidents look like on the wire."""

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
from pydantic.config import JsonDict

from core_api.inputs import Body, Code, Input, Line, Moment, NoneIfBlank, Tag, absent
from core_api.modules.deadlines.service import DeadlineRead
from core_api.modules.deliveries.service import DeliveryRead
from core_api.modules.incidents.models import (
    Audience,
    Breach,
    Incident,
    IncidentChannel,
    IncidentStatus,
    NoticeKind,
    Sensitivity,
    Severity,
)


def _unique(values: list[Any]) -> list[Any]:
    return list(dict.fromkeys(values))


Text = Annotated[Body | None, NoneIfBlank]
Lines = Annotated[list[Line], Field(max_length=50), AfterValidator(_unique)]
Breaches = Annotated[list[Breach], Field(min_length=1, max_length=4), AfterValidator(_unique)]
Count = Annotated[int | None, Field(ge=0, le=1_000_000_000)]
_ABOUT = "What happened, never whom it happened to: the register outlives erasures"
_EXAMPLE: JsonDict = {
    "title": "Planilha enviada ao destinatário errado",
    "description": "Uma planilha com contatos foi anexada ao e-mail de outro cliente.",
    "severity": "medium",
    "breaches": ["confidentiality"],
    "known_at": "2026-11-19T14:30:00-03:00",
    "data_categories": ["contato"],
    "subject_categories": ["munícipes"],
}


class IncidentCreate(Input):
    """An incident with personal data. The clock begins with `known_at`."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    title: Line = Field(description=_ABOUT)
    description: Body = Field(description=_ABOUT)
    severity: Severity
    breaches: Breaches
    known_at: Moment = Field(description="When it became known that personal data was affected")
    occurred_at: Moment | None = Field(default=None, description="When, if it can be told")
    data_categories: Lines = Field(default=[])
    subject_categories: Lines = Field(default=[])
    root_cause: Text = None
    measures_before: Text = None
    measures_after: Text = None
    risks: Text = None
    mitigation: Text = None
    operator: Annotated[Line | None, NoneIfBlank] = None


class IncidentUpdate(Input):
    """What is known by now."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"root_cause": "Autocompletar do programa de e-mail."}]}
    )

    title: Line = absent()
    description: Body = absent()
    severity: Severity = absent()
    breaches: Breaches = absent()
    known_at: Moment = absent()
    occurred_at: Moment | None = absent()
    data_categories: Lines = absent()
    subject_categories: Lines = absent()
    subjects_affected: Count = absent()
    minors_affected: Count = absent()
    elderly_affected: Count = absent()
    subjects_in_activities: Count = absent()
    root_cause: Text = absent()
    measures_before: Text = absent()
    measures_after: Text = absent()
    risks: Text = absent()
    mitigation: Text = absent()
    operator: Annotated[Line | None, NoneIfBlank] = absent()
    delay_reason: Text = absent()


class IncidentAssess(Input):
    """Whether it may bring relevant risk or damage (Res. CD/ANPD 15/2024, art. 5)."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"affects_significantly": True, "involves": ["financial"], "severity": "high"}
            ]
        }
    )

    affects_significantly: bool = Field(
        description="May it significantly affect interests and fundamental rights?"
    )
    involves: Annotated[list[Sensitivity], AfterValidator(_unique)] = Field(default=[])
    threatens_integrity: bool = Field(
        default=False,
        description="Physical or moral integrity, or national security: no doubled deadlines",
    )
    severity: Severity | None = None
    no_notice_reason: Text = Field(default=None, description="Why nobody is told, if so")

    @model_validator(mode="after")
    def _explained(self) -> Self:
        relevant = self.affects_significantly and bool(self.involves)
        if not relevant and self.no_notice_reason is None:
            raise ValueError("Sem comunicação, registre os motivos (art. 10, § 1º, VIII).")
        return self


class Scope(Input):
    """Whose data was affected: all criteria that are given apply together."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"tags": ["iptu"], "registered_until": "2026-11-01T00:00:00Z"}]
        }
    )

    client_ids: Annotated[list[UUID], Field(max_length=1_000), AfterValidator(_unique)] = Field(
        default=[], description="These clients"
    )
    purpose_codes: Annotated[list[Code], Field(max_length=50), AfterValidator(_unique)] = Field(
        default=[], description="The purposes affected: their categories of data are entered"
    )
    consented_only: bool = Field(
        default=False, description="Only who ever consented to one of the purposes"
    )
    tags: Annotated[list[Tag], Field(max_length=30), AfterValidator(_unique)] = Field(
        default=[], description="Clients with one of these tags"
    )
    registered_from: Moment | None = None
    registered_until: Moment | None = None
    tickets_from: Moment | None = Field(
        default=None, description="Clients with tickets opened from then on"
    )
    tickets_until: Moment | None = None
    everybody: bool = Field(default=False, description="Every client of the organization")

    @model_validator(mode="after")
    def _narrow_enough(self) -> Self:
        given = self.model_dump(exclude={"everybody", "purpose_codes"}, exclude_defaults=True)
        if not given and not self.everybody:
            raise ValueError("Diga quem foi afetado, ou que foram todos os clientes.")
        if self.consented_only and not self.purpose_codes:
            raise ValueError("Diga a que finalidades o consentimento se refere.")
        return self


class Told(Input):
    """That people were told one by one, and what proves it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"everybody": True, "channel": "email", "proof": "Lote de envio 118"}]
        }
    )

    client_ids: Annotated[list[UUID], Field(max_length=1_000), AfterValidator(_unique)] = Field(
        default=[]
    )
    everybody: bool = Field(default=False, description="Everybody who was not told yet")
    channel: IncidentChannel
    proof: Line
    told_at: Moment | None = Field(default=None, description="When, if not just now")

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if bool(self.client_ids) == self.everybody:
            raise ValueError("Informe os clientes avisados, ou que foram todos.")
        return self


class IncidentNoticeCreate(Input):
    """A notice as it was given. Without a text, the draft of this moment."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "audience": "anpd",
                    "kind": "initial",
                    "channel": "anpd_form",
                    "protocol": "00261.000118/2026-11",
                    "incomplete_because": "A causa raiz ainda está sendo apurada.",
                }
            ]
        }
    )

    audience: Audience
    kind: NoticeKind = NoticeKind.INITIAL
    channel: IncidentChannel
    protocol: Line = Field(description="What proves it: a protocol number, an address")
    text: Text = Field(default=None, description="Exactly what was sent")
    sent_at: Moment | None = Field(default=None, description="When, if not just now")
    public_until: Moment | None = Field(
        default=None, description="Of a public notice: at least three months"
    )
    incomplete_because: Text = Field(
        default=None, description="Why the first notice to the ANPD is to be completed later"
    )


class IncidentNoticeRead(BaseModel):
    """A notice as it was given."""

    id: UUID
    audience: Audience
    kind: NoticeKind
    channel: IncidentChannel
    text: str
    sha256: str = Field(description="Of the text in UTF-8, hexadecimal")
    sent_at: datetime
    public_until: datetime | None
    protocol: str
    incomplete_because: str | None
    recorded_by: UUID
    created_at: datetime

    model_config = ConfigDict(from_attributes=True)


class IncidentSubjectRead(BaseModel):
    """A client whose data was affected."""

    client_id: UUID
    told_at: datetime | None
    channel: IncidentChannel | None
    proof: str | None
    told_by: UUID | None
    mail: DeliveryRead | None = Field(
        default=None, description="How far the e-mail to them is, and the proof"
    )

    model_config = ConfigDict(from_attributes=True)


class DraftSection(BaseModel):
    """One thing that the resolution asks for."""

    requirement: str = Field(examples=["Art. 6º, § 2º, I"])
    title: str = Field(examples=["Natureza e categoria dos dados afetados"])
    text: str


class Draft(BaseModel):
    """A notice ready to be read, corrected and sent."""

    audience: Audience
    title: str
    sections: list[DraftSection]
    missing: list[str] = Field(description="What the register does not say yet")
    text: str = Field(description="All of it as one text")


class IncidentRead(BaseModel):
    """One incident and its clock."""

    id: UUID
    title: str
    description: str
    severity: Severity
    status: IncidentStatus
    breaches: list[Breach]
    occurred_at: datetime | None
    known_at: datetime
    reported_by: UUID
    data_categories: list[str]
    subject_categories: list[str]
    subjects_affected: int | None
    minors_affected: int | None
    elderly_affected: int | None
    subjects_in_activities: int | None
    computed: dict[str, Any] | None = Field(
        description="What the last computation of who was affected found, and by which criteria"
    )
    root_cause: str | None
    measures_before: str | None
    measures_after: str | None
    risks: str | None
    mitigation: str | None
    operator: str | None
    delay_reason: str | None
    affects_significantly: bool | None = Field(description="Null until it was assessed")
    involves: list[Sensitivity]
    threatens_integrity: bool
    must_be_notified: bool = Field(description="True until it was assessed otherwise")
    doubled: bool = Field(description="Deadlines of a small agent")
    assessed_at: datetime | None
    assessed_by: UUID | None
    no_notice_reason: str | None
    closed_at: datetime | None
    closed_by: UUID | None
    keep_until: datetime
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")
    deadlines: list[DeadlineRead]

    @classmethod
    def of(cls, incident: Incident, deadlines: list[DeadlineRead]) -> Self:
        """With its clock."""
        named = {name: getattr(incident, name) for name in cls.model_fields if name != "deadlines"}
        return cls(**named, deadlines=deadlines)
