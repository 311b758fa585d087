"""What saved views look like on the wire; their filter is that of the list of tickets."""

from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from core_api.inputs import Input, Line, absent
from core_api.modules.tickets.listing import COLUMNS, TicketFilter, TicketOrder, TicketQuery


class ViewFilter(TicketQuery, Input):
    """Everything `GET /tickets` can be filtered by, and `mine`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"status": ["new", "open"], "mine": True}]}
    )

    mine: bool = Field(default=False, description="Only those of whoever looks")

    @model_validator(mode="after")
    def _one_assignee(self) -> Self:
        values = self.model_dump(include={"assignee_id", "unassigned", "mine"})
        if sum(bool(value) for value in values.values()) > 1:
            raise ValueError("Escolha um só: assignee_id, unassigned ou mine.")
        return self

    def wanted(self, actor_id: UUID) -> TicketFilter:
        """As a filter of tickets, for whoever looks."""
        found = self.filter()
        return replace(found, assignee_id=actor_id) if self.mine else found


def _known(columns: list[str]) -> list[str]:
    unknown = sorted(set(columns) - COLUMNS)
    if unknown:
        raise ValueError(f"Coluna desconhecida: {', '.join(unknown)}.")
    return list(dict.fromkeys(columns))


Columns = Annotated[
    list[str],
    Field(min_length=1, max_length=len(COLUMNS), description="Fields of a ticket, in order"),
    AfterValidator(_known),
]
Position = Annotated[int, Field(ge=0, le=10_000, description="Smallest first")]


class ViewCreate(Input):
    """A new view."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Minha fila",
                    "filter": {"status": ["new", "open"], "mine": True},
                    "sort": "-updated_at",
                    "columns": ["number", "subject", "priority", "updated_at"],
                }
            ]
        }
    )

    name: Line
    filter: ViewFilter
    sort: TicketOrder = "-created_at"
    columns: Columns = Field(
        default=["number", "subject", "status", "priority", "assignee_id", "created_at"]
    )
    position: Position = 0
    shared: bool = Field(default=False, description="For everybody; needs `desk:configure`")


class ViewUpdate(Input):
    """What changes. A field left out stays; a view cannot change hands."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"sort": "-updated_at"}]})

    name: Line = absent()
    filter: ViewFilter = absent()
    sort: TicketOrder = absent()
    columns: Columns = absent()
    position: Position = absent()


class DefaultViewUpdate(Input):
    """Which view you want to see first."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"view_id": "0192a000-0000-7000-8000-0000000e0001"}]}
    )

    view_id: UUID | None = Field(description="Null: the first one of the list")


class ViewRead(BaseModel):
    """A saved view."""

    id: UUID
    name: str = Field(examples=["Minha fila"])
    shared: bool
    filter: dict[str, Any] = Field(examples=[{"status": ["new", "open"], "mine": True}])
    sort: str = Field(examples=["-updated_at"])
    columns: list[str] = Field(examples=[["number", "subject"]])
    position: int
    is_default: bool = Field(description="The one you see first")
    problems: list[str] = Field(
        description="What is no longer valid in it; empty as long as it can be used"
    )
    created_at: datetime
    updated_at: datetime
    version: int = Field(description="Goes up with every change; also the `ETag`")


class ViewCount(BaseModel):
    """The number beside a view."""

    view_id: UUID
    count: int | None = Field(description="Null when the view is no longer valid", examples=[12])
    exact: bool = Field(description="False: there may be more; counting stops at 5000 tickets")
