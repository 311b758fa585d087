"""What calendars and policies look like on the wire."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core_api.inputs import Input, Line, Tags, absent
from core_api.modules.sla.clock import Measure
from core_api.modules.sla.definition import (
    CalendarDefinition,
    Holidays,
    SpecialDay,
    Week,
    upcoming,
)
from core_api.modules.sla.models import SlaCalendar

_NO_CONDITIONS = "A política padrão vale para todos os demais chamados e não tem condições."
_NO_TARGET = "Informe pelo menos um prazo."
Minutes = Annotated[int, Field(ge=1, le=525_600)]
Priority = Literal["low", "normal", "high", "urgent"]
Resting = Literal["pending", "on_hold"]
Priorities = Annotated[list[Priority], Field(max_length=4)]
CategoryIds = Annotated[list[UUID], Field(max_length=100)]
PausesIn = Annotated[list[Resting], Field(max_length=2)]


class CalendarCreate(CalendarDefinition):
    """A new calendar."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Sede",
                    "time_zone": "America/Sao_Paulo",
                    "week": {
                        "monday": [
                            {"opens": "08:00", "closes": "12:00"},
                            {"opens": "13:00", "closes": "17:00"},
                        ],
                        "tuesday": [{"opens": "08:00", "closes": "17:00"}],
                    },
                    "holidays": {"national": True, "state": "SP"},
                    "special_days": [{"date": "2026-12-24", "name": "Véspera", "hours": []}],
                }
            ]
        }
    )

    name: Line = Field(examples=["Sede"])


class CalendarUpdate(Input):
    """What changes. A field left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"holidays": {"state": "RJ"}}]})

    name: Line = absent()
    time_zone: str = absent()
    week: Week = absent()
    holidays: Holidays = absent()
    special_days: list[SpecialDay] = absent()


class HolidayRead(BaseModel):
    """A public holiday on which the calendar is closed."""

    date: date
    name: str = Field(examples=["Tiradentes"])


class CalendarRead(BaseModel):
    """A calendar."""

    id: UUID
    name: str = Field(examples=["Sede"])
    time_zone: str = Field(examples=["America/Sao_Paulo"])
    week: Week
    holidays: Holidays
    special_days: list[SpecialDay]
    upcoming_holidays: list[HolidayRead] = Field(description="Those of the coming year")
    revision: int = Field(description="Goes up when working time changes", examples=[1])
    revised_at: datetime
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")

    @classmethod
    def of(cls, calendar: SlaCalendar, today: date) -> Self:
        """As it stands."""
        days = upcoming(calendar.definition, today)
        plain = {name: value for name, value in calendar.definition.items() if name != "known"}
        return cls(
            **plain,
            upcoming_holidays=[HolidayRead(date=day, name=name) for day, name in days],
            **{
                name: getattr(calendar, name)
                for name in (
                    "id",
                    "name",
                    "revision",
                    "revised_at",
                    "created_at",
                    "updated_at",
                    "version",
                )
            },
        )


class RevisionRead(BaseModel):
    """What a calendar or a policy said once. Kept for good: ledgers were computed with it."""

    model_config = ConfigDict(from_attributes=True)

    revision: int
    content: dict[str, Any]
    created_by: UUID
    created_at: datetime


class PolicyCreate(Input):
    """A new policy, asked after those that exist."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Urgentes",
                    "calendar_id": "0192a000-0000-7000-8000-0000000a0001",
                    "priorities": ["urgent", "high"],
                    "first_response_minutes": 30,
                    "resolution_minutes": 480,
                }
            ]
        }
    )

    name: Line
    calendar_id: UUID
    measure: Measure = Field(
        default=Measure.BUSINESS,
        description="`business`: hours of the calendar; `calendar`: hours on the wall",
    )
    is_default: bool = Field(default=False, description="Applies when no other does")
    priorities: Priorities = Field(default=[], description="One of these; none: any")
    category_ids: CategoryIds = Field(default=[], description="One of these or below; none: any")
    client_tags: Tags = Field(default=[], description="The client has one of these; none: any")
    first_response_minutes: Minutes | None = Field(
        default=None, description="From creation to the first public reply"
    )
    next_response_minutes: Minutes | None = Field(
        default=None, description="From what the client says to the next public reply"
    )
    resolution_minutes: Minutes | None = Field(
        default=None, description="From creation to resolution"
    )
    pauses_in: PausesIn = Field(
        default=["pending", "on_hold"], description="Statuses in which no time passes"
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.is_default and (self.priorities or self.category_ids or self.client_tags):
            raise ValueError(_NO_CONDITIONS)
        if not (
            self.first_response_minutes or self.next_response_minutes or self.resolution_minutes
        ):
            raise ValueError(_NO_TARGET)
        return self


class PolicyUpdate(Input):
    """What changes. A field left out stays; null takes a target away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"resolution_minutes": 240}]})

    name: Line = absent()
    calendar_id: UUID = absent()
    measure: Measure = absent()
    is_default: bool = absent()
    priorities: Priorities = absent()
    category_ids: CategoryIds = absent()
    client_tags: Tags = absent()
    first_response_minutes: Minutes | None = absent()
    next_response_minutes: Minutes | None = absent()
    resolution_minutes: Minutes | None = absent()
    pauses_in: PausesIn = absent()


class PolicyOrder(Input):
    """In which order policies are asked. The default always comes last."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"policy_ids": ["0192a000-0000-7000-8000-0000000a0002"]}]}
    )

    policy_ids: list[UUID] = Field(max_length=500)


class PolicyRead(BaseModel):
    """A policy."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    name: str = Field(examples=["Urgentes"])
    position: int = Field(description="The first policy that matches applies", examples=[1])
    is_default: bool
    calendar_id: UUID
    measure: Measure
    priorities: list[str] = Field(examples=[["urgent", "high"]])
    category_ids: list[UUID]
    client_tags: list[str] = Field(examples=[["vip"]])
    first_response_minutes: int | None = Field(examples=[30])
    next_response_minutes: int | None = Field(examples=[60])
    resolution_minutes: int | None = Field(examples=[480])
    pauses_in: list[str] = Field(examples=[["pending"]])
    revision: int = Field(description="Goes up when what it says changes", examples=[1])
    revised_at: datetime
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")


class RecomputationRead(BaseModel):
    """A change of settings on its way to the open tickets."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    cause: str = Field(examples=["sla_policy.updated"])
    subject_id: UUID = Field(description="The policy or calendar")
    requested_by: UUID
    requested_at: datetime
    tickets: int = Field(description="So many open tickets have been looked at", examples=[200])
    finished_at: datetime | None = Field(description="Null while it is pending")
