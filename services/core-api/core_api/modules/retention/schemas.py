"""What retention looks like on the wire."""

from datetime import date, datetime
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core_api.modules.retention.rules import Since, Then
from core_api.modules.retention.service import Outlook, PurposeTally


class PurposeOutlook(BaseModel):
    """What one purpose means for the clients there are."""

    code: str = Field(examples=["novidades-por-email"])
    retention_days: int | None = Field(examples=[365])
    retention_from: Since | None = Field(examples=["consent_end"])
    retention_then: Then | None = Field(examples=["delete"])
    applies: int = Field(description="Clients whose data serves it, or did", examples=[1200])
    over: int = Field(description="Of those: its own time has passed", examples=[40])
    kept_for_others: int = Field(
        description="Of those: another purpose still needs the data", examples=[35]
    )
    held: int = Field(description="Due, and under a legal hold", examples=[1])
    due: int = Field(description="Due, by what this purpose says", examples=[4])
    sample: list[UUID] = Field(description="Some of those that are due")

    @classmethod
    def of(cls, tally: PurposeTally) -> Self:
        """As counted."""
        rule = tally.rule
        return cls(
            code=rule.code,
            retention_days=rule.days,
            retention_from=rule.since,
            retention_then=rule.then,
            applies=tally.applies,
            over=tally.over,
            kept_for_others=tally.kept_for_others,
            held=tally.held,
            due=tally.due,
            sample=tally.sample,
        )


class RetentionPreview(BaseModel):
    """What a run would do now. Nothing was changed."""

    as_of: datetime
    clients: int = Field(description="Looked at", examples=[1200])
    complete: bool = Field(description="false: there were more than one answer can look at")
    to_delete: int = Field(examples=[3])
    to_anonymize: int = Field(examples=[1])
    held: int = Field(description="Due, and under a legal hold", examples=[1])
    under_way: int = Field(description="Due, and asked for already or done", examples=[0])
    purposes: list[PurposeOutlook]

    @classmethod
    def of(cls, outlook: Outlook) -> Self:
        """As counted."""
        return cls(
            as_of=outlook.at,
            clients=outlook.clients,
            complete=outlook.complete,
            to_delete=outlook.to_delete,
            to_anonymize=outlook.to_anonymize,
            held=outlook.held,
            under_way=outlook.under_way,
            purposes=[PurposeOutlook.of(tally) for tally in outlook.purposes],
        )


class RetentionRunRead(BaseModel):
    """A run; without `finished_at` it goes on."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    day: date | None = Field(description="Of the schedule; null: somebody asked for it")
    requested_by: UUID | None
    started_at: datetime
    finished_at: datetime | None
    clients: int = Field(description="Looked at so far", examples=[1200])
    due: int = Field(examples=[6])
    deleted: int = Field(description="Deletions begun", examples=[3])
    anonymized: int = Field(description="Anonymisations begun", examples=[1])
    held: int = Field(description="Under a legal hold", examples=[1])
    under_way: int = Field(description="Asked for already", examples=[0])
    failed: int = Field(description="Tried again by the next run", examples=[0])
    purposes: dict[str, int] = Field(
        description="Begun, by the purpose that decided", examples=[{"novidades-por-email": 4}]
    )
    errors: list[str] = Field(description="Codes of what went wrong", examples=[[]])
