"""What records of processing and impact reports look like on the wire."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core_api.inputs import Body, Input, Line, NoneIfBlank
from core_api.modules.ropa.models import Conclusion

Grade = Annotated[int, Field(ge=1, le=5, examples=[2])]


class HighRisk(StrEnum):
    """What speaks for high risk (Res. CD/ANPD 2/2022, art. 4; LGPD Art. 5 XVII, Art. 20)."""

    SENSITIVE_DATA = "sensitive_data"
    VULNERABLE_SUBJECTS = "vulnerable_subjects"
    LARGE_SCALE = "large_scale"
    AUTOMATED_DECISIONS = "automated_decisions"
    EMERGING_TECHNOLOGY = "emerging_technology"
    INTERNATIONAL_TRANSFER = "international_transfer"
    LEGITIMATE_INTEREST = "legitimate_interest"


class ProcessingRecord(BaseModel):
    """One line of the record of processing activities (LGPD Art. 37), made from the registry."""

    purpose_code: str
    purpose: str
    description: str
    legal_basis: str = Field(examples=["Consentimento do titular (art. 7º, I)"])
    data_categories: list[str]
    subject_categories: list[str]
    retention: str = Field(examples=["365 dias após a coleta; depois os dados são excluídos"])
    recipients: list[str]
    transfers: list[str]
    security_measures: str
    assistant_may_use: bool
    notice_version: int
    impact_assessment: str = Field(examples=["Concluída em 02/03/2026"])
    registered_on: date
    updated_at: datetime
    missing: list[str] = Field(description="What the registry does not say yet")


class ProcessingRecords(BaseModel):
    """The record of an organization's processing activities."""

    controller: str
    officer: str
    is_small_agent: bool
    generated_at: datetime
    records: list[ProcessingRecord]


class Risk(Input):
    """One risk to data subjects, before and after the measures."""

    threat: Line = Field(examples=["Acesso indevido por atendente"])
    likelihood: Grade
    impact: Grade
    measures: Body = Field(examples=["Acesso por função, auditoria de leituras"])
    residual: Grade


class AssessmentPut(Input):
    """What only people can say; takes the place of what was said before."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "necessity": "Sem o contato não é possível enviar os avisos pedidos.",
                    "proportionality": "Só o e-mail é usado, e só de quem autorizou.",
                    "methodology": "Entrevistas e matriz de probabilidade e impacto.",
                    "risks": [
                        {
                            "threat": "Acesso indevido por atendente",
                            "likelihood": 2,
                            "impact": 3,
                            "measures": "Acesso por função, auditoria de leituras",
                            "residual": 1,
                        }
                    ],
                    "measures": "Cifragem, mascaramento, auditoria.",
                    "conclusion": "acceptable_with_measures",
                    "assessed_on": "2026-03-02",
                    "review_on": "2027-03-02",
                }
            ]
        }
    )

    necessity: Body
    proportionality: Body
    methodology: Body
    risks: Annotated[list[Risk], Field(min_length=1, max_length=50)]
    measures: Body
    consulted: Annotated[Body | None, NoneIfBlank] = None
    conclusion: Conclusion
    assessed_on: date
    review_on: date = Field(description="When it is to be looked at again")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.review_on <= self.assessed_on:
            raise ValueError("A próxima revisão vem depois da avaliação.")
        return self


class Assessment(BaseModel):
    """What people said about the risks of a purpose."""

    necessity: str
    proportionality: str
    methodology: str
    risks: list[Risk]
    measures: str
    consulted: str | None
    conclusion: Conclusion
    assessed_on: date
    review_on: date
    updated_at: datetime
    version: int

    model_config = ConfigDict(from_attributes=True)


class ImpactSheet(BaseModel):
    """The data sheet for an impact report (RIPD, LGPD Art. 5 XVII and Art. 38)."""

    purpose_id: UUID
    controller: str
    officer: str
    record: ProcessingRecord
    subjects: int = Field(description="Clients whose data it may use today, at most")
    high_risk: list[HighRisk] = Field(description="What speaks for high risk, by the registry")
    report_recommended: bool
    assessment: Assessment | None
    missing: list[str]
    version: int = Field(description="Of the assessment; 0 while there is none. The `ETag`")


Format = Literal["pdf", "csv", "json"]
