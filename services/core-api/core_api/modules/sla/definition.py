"""How people define a calendar, and how that becomes business time."""

import re
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

import holidays as national_holidays
from pydantic import AfterValidator, ConfigDict, Field, model_validator

from core_api.inputs import Input, Line
from core_api.modules.sla.hours import BusinessCalendar, Hours

_CLOCK: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")
_YEARS_BACK: Final = 5
_YEARS_AHEAD: Final = 10
State = Literal[
    "AC", "AL", "AM", "AP", "BA", "CE", "DF", "ES", "GO", "MA", "MG", "MS", "MT", "PA", "PB", "PE",
    "PI", "PR", "RJ", "RN", "RO", "RR", "RS", "SC", "SE", "SP", "TO",
]  # fmt: skip
"""The states, by the letters everybody knows them by."""


def _minutes(clock: str) -> int:
    return int(clock[:2]) * 60 + int(clock[3:])


def _on_the_clock(text: str) -> str:
    if not _CLOCK.fullmatch(text):
        raise ValueError("Informe a hora como HH:MM, de 00:00 a 24:00.")
    return text


def _zone(name: str) -> str:
    if name not in _zones():
        raise ValueError("Fuso horário desconhecido. Use um nome como America/Sao_Paulo.")
    return name


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


Clock = Annotated[str, AfterValidator(_on_the_clock), Field(examples=["08:00"])]


class OpenHours(Input):
    """One interval of a day on the wall clock."""

    opens: Clock
    closes: Clock

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if _minutes(self.opens) >= _minutes(self.closes):
            raise ValueError("O intervalo termina antes de começar.")
        return self

    @property
    def hours(self) -> Hours:
        """In minutes since midnight."""
        return Hours(_minutes(self.opens), _minutes(self.closes))


def _apart(day: list[OpenHours]) -> list[OpenHours]:
    in_order = sorted(day, key=lambda interval: interval.hours)
    for earlier, later in pairwise(in_order):
        if later.hours.begin < earlier.hours.end:
            raise ValueError("Os intervalos de um dia não podem se sobrepor.")
    return in_order


Day = Annotated[list[OpenHours], Field(max_length=12), AfterValidator(_apart)]


class Week(Input):
    """The intervals of each day of the week; a day left out is free."""

    monday: Day = Field(default=[])
    tuesday: Day = Field(default=[])
    wednesday: Day = Field(default=[])
    thursday: Day = Field(default=[])
    friday: Day = Field(default=[])
    saturday: Day = Field(default=[])
    sunday: Day = Field(default=[])

    @model_validator(mode="after")
    def _some_work(self) -> Self:
        if not any(self.days):
            raise ValueError("Informe pelo menos um intervalo de atendimento na semana.")
        return self

    @property
    def days(self) -> list[list[OpenHours]]:
        """Monday first."""
        return [
            self.monday,
            self.tuesday,
            self.wednesday,
            self.thursday,
            self.friday,
            self.saturday,
            self.sunday,
        ]


class SpecialDay(Input):
    """A date with hours of its own, or with none. It goes before a holiday."""

    date: date
    name: Line
    hours: Day = Field(default=[], description="None: closed. Some: half a day, or an extra one")
    yearly: bool = Field(default=False, description="Every year on this day and month")


class Holidays(Input):
    """Which public holidays are free."""

    national: bool = Field(default=True, description="The national ones of Brazil")
    state: State | None = Field(default=None, description="Also those of this state")
    optional: bool = Field(
        default=False, description="Also optional ones (pontos facultativos) such as Carnival"
    )


class CalendarDefinition(Input):
    """When the organization works."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "time_zone": "America/Sao_Paulo",
                    "week": {
                        "monday": [
                            {"opens": "08:00", "closes": "12:00"},
                            {"opens": "13:00", "closes": "17:00"},
                        ],
                        "tuesday": [{"opens": "08:00", "closes": "17:00"}],
                    },
                    "holidays": {"national": True, "state": "SP"},
                    "special_days": [
                        {"date": "2026-12-24", "name": "Véspera", "hours": [
                            {"opens": "08:00", "closes": "12:00"}
                        ]}
                    ],
                }
            ]
        }
    )  # fmt: skip

    time_zone: Annotated[str, Field(max_length=64), AfterValidator(_zone)] = Field(
        default="America/Sao_Paulo", description="IANA name; daylight saving time is followed"
    )
    week: Week
    holidays: Holidays = Holidays()
    special_days: list[SpecialDay] = Field(default=[], max_length=400)

    @model_validator(mode="after")
    def _each_day_once(self) -> Self:
        days = [(day.yearly, day.date) for day in self.special_days]
        if len(set(days)) != len(days):
            raise ValueError("Há duas datas especiais iguais. Junte-as em uma só.")
        return self


def frozen(definition: CalendarDefinition, year: int) -> dict[str, Any]:
    """What a revision keeps: the definition, and the holidays as they are known today.

    So a new release of the list of holidays never changes what was computed before.
    """
    years = range(year - _YEARS_BACK, year + _YEARS_AHEAD + 1)
    names = _public(definition.holidays, years)
    return {
        **definition.model_dump(mode="json"),
        "known": {
            "years": [years[0], years[-1]],
            "dates": {day.isoformat(): name for day, name in sorted(names.items())},
        },
    }


def calendar_of(stored: Mapping[str, Any]) -> BusinessCalendar:
    """Business time by a stored revision."""
    definition = CalendarDefinition.model_validate(
        {name: value for name, value in stored.items() if name != "known"}
    )
    first, last = stored["known"]["years"]
    known: dict[int, set[date]] = {year: set() for year in range(first, last + 1)}
    for text in stored["known"]["dates"]:
        day = date.fromisoformat(text)
        known[day.year].add(day)

    @cache
    def free(year: int) -> frozenset[date]:
        return frozenset(known[year] if year in known else _public(definition.holidays, [year]))

    return BusinessCalendar(
        zone=ZoneInfo(definition.time_zone),
        week=[_hours(day) for day in definition.week.days],
        special={day.date: _hours(day.hours) for day in definition.special_days if not day.yearly},
        yearly={
            (day.date.month, day.date.day): _hours(day.hours)
            for day in definition.special_days
            if day.yearly
        },
        holidays=free,
    )


def upcoming(stored: Mapping[str, Any], today: date) -> list[tuple[date, str]]:
    """The holidays of the coming year."""
    dates = ((date.fromisoformat(day), name) for day, name in stored["known"]["dates"].items())
    return [(day, name) for day, name in dates if today <= day < today + timedelta(days=366)]


def _hours(day: Sequence[OpenHours]) -> list[Hours]:
    return [interval.hours for interval in day]


def _public(wanted: Holidays, years: Sequence[int]) -> dict[date, str]:
    """Names of holidays by date."""
    if not (wanted.national or wanted.state):
        return {}
    categories = ("public", "optional") if wanted.optional else ("public",)
    found = _brazil(years, categories, wanted.state)
    if wanted.national:
        return found
    national = _brazil(years, categories, None)
    return {day: name for day, name in found.items() if day not in national}


def _brazil(
    years: Sequence[int], categories: tuple[str, ...], state: str | None
) -> dict[date, str]:
    return dict(
        national_holidays.country_holidays(
            "BR", subdiv=state, years=years, categories=categories, language="pt_BR"
        )
    )
