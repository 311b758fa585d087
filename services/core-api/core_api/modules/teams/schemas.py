"""What teams, attendants, absences and needed skills look like on the wire."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from core_api.inputs import Code, Input, Line, Tag, absent
from core_api.modules.teams.models import AssignmentMode, Availability

_MINUTES_OF_A_YEAR = 525_600


def _unique(codes: list[str]) -> list[str]:
    return sorted(set(codes))


Skills = Annotated[
    list[Code],
    Field(max_length=50, description="Free codes, kebab-case", examples=[["iptu", "libras"]]),
    AfterValidator(_unique),
]
AbsenceLimit = Annotated[int, Field(ge=1, le=_MINUTES_OF_A_YEAR)]
Capacity = Annotated[
    int,
    Field(ge=0, le=10_000, description="Most unfinished tickets of the team that come by turn"),
]


class TeamCreate(Input):
    """A new team."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"name": "Tributos", "mode": "round_robin", "absence_limit_minutes": 1440}]
        }
    )

    name: Line
    mode: AssignmentMode = AssignmentMode.MANUAL
    absence_limit_minutes: AbsenceLimit | None = Field(
        default=None,
        description="After so long an absence tickets go back to the queue; null: never",
    )


class TeamUpdate(Input):
    """What changes. A field left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"mode": "least_loaded"}]})

    name: Line = absent()
    mode: AssignmentMode = absent()
    absence_limit_minutes: AbsenceLimit | None = absent()


class TeamRead(BaseModel):
    """A team."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str = Field(examples=["Tributos"])
    mode: AssignmentMode = Field(
        description="`manual`: people take from the queue; `round_robin`: in turn; "
        "`least_loaded`: who has the fewest unfinished tickets of the team"
    )
    absence_limit_minutes: int | None = Field(examples=[1440])
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")


class TeamMemberUpdate(Input):
    """How much a member of the team takes."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"capacity": 20}]})

    capacity: Capacity


class TeamMemberRead(BaseModel):
    """Somebody in a team, and how busy."""

    model_config = ConfigDict(from_attributes=True)

    team_id: UUID
    member_id: UUID
    name: str = Field(examples=["Bruno Exemplo"])
    capacity: int = Field(examples=[20])
    open_tickets: int = Field(description="Unfinished tickets of the team", examples=[3])
    availability: Availability
    absent: bool = Field(description="In one of the absences entered beforehand")
    skills: list[str] = Field(examples=[["iptu"]])
    created_at: datetime
    version: int = Field(description="Goes up when the capacity changes; also the `ETag`")


class AvailabilityUpdate(Input):
    """What you say of yourself."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"availability": "available"}]})

    availability: Availability = Field(
        description="`busy`: nothing more for now; `away`: not there"
    )


class SkillsUpdate(Input):
    """What somebody knows."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"skills": ["iptu", "libras"]}]})

    skills: Skills


class AttendantRead(BaseModel):
    """What holds for somebody in every team."""

    model_config = ConfigDict(from_attributes=True)

    member_id: UUID
    availability: Availability
    availability_since: datetime | None = Field(description="Null: never said anything")
    absent: bool = Field(description="In one of the absences entered beforehand")
    skills: list[str] = Field(examples=[["iptu", "libras"]])
    version: int = Field(description="Goes up with every change; also the `ETag`")


class AbsenceCreate(Input):
    """A time in which somebody is not there. No cause is asked for: it could be about health."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"starts_at": "2026-12-21T03:00:00Z", "ends_at": "2027-01-04T03:00:00Z"}]
        }
    )

    member_id: UUID | None = Field(
        default=None, description="Null is yourself; others need `desk:configure`"
    )
    starts_at: AwareDatetime
    ends_at: AwareDatetime

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends_at <= self.starts_at:
            raise ValueError("A ausência precisa terminar depois de começar.")
        return self


class AbsenceRead(BaseModel):
    """A time in which somebody is not there."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    member_id: UUID
    starts_at: datetime
    ends_at: datetime
    created_by: UUID
    created_at: datetime


class SkillRuleCreate(Input):
    """What tickets of a category, or with a tag, demand of who gets them."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"tag": "libras", "skills": ["libras"]}]}
    )

    category_id: UUID | None = None
    tag: Tag | None = None
    skills: Annotated[Skills, Field(min_length=1)]

    @model_validator(mode="after")
    def _one_reason(self) -> Self:
        if (self.category_id is None) == (self.tag is None):
            raise ValueError("Informe a categoria ou a etiqueta, uma das duas.")
        return self


class SkillRuleUpdate(Input):
    """Other skills for the same category or tag."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"skills": ["libras", "braille"]}]})

    skills: Annotated[Skills, Field(min_length=1)]


class SkillRuleRead(BaseModel):
    """What tickets of a category, or with a tag, demand of who gets them."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    category_id: UUID | None
    tag: str | None = Field(examples=["libras"])
    skills: list[str] = Field(examples=[["libras"]])
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")
