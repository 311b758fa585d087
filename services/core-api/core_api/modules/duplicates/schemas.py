"""What duplicates and merges look like on the wire."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core_api.inputs import Input, Line, NoneIfBlank
from core_api.masking import mask_document
from core_api.modules.clients.schemas import ClientRead, Sight
from core_api.modules.duplicates.likeness import Reason
from core_api.modules.duplicates.merging import Preview, RelationPlan
from core_api.modules.duplicates.models import ClientMerge
from core_api.modules.duplicates.plan import Choice, FieldPlan, MergeField
from core_api.modules.duplicates.suggestions import Suggestion
from core_api.modules.duplicates.undoing import Conflict, Outlook, Way

_OTHER = "0192a000-0000-7000-8000-0000000000c2"
Why = Annotated[
    Line | None,
    NoneIfBlank,
    Field(description="Goes to the history and the audit log", examples=["Cadastro em dobro"]),
]


class MergeChoices(Input):
    """Which two, and whose values."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"other_id": _OTHER, "choices": {"name": "other"}}]}
    )

    other_id: UUID = Field(description="The client that goes into this one")
    choices: dict[MergeField, Choice] = Field(
        default={},
        description="Per field `this`, `other` or, for lists, `both`; the rest as proposed",
    )


class MergeCreate(MergeChoices):
    """A merge."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "other_id": _OTHER,
                    "choices": {"name": "other"},
                    "reason": "Cadastro em dobro",
                    "other_version": 1,
                }
            ]
        }
    )

    reason: Why = None
    other_version: int | None = Field(
        default=None, ge=1, description="The other client's version as it was previewed"
    )


class UndoCreate(Input):
    """What to do with fields that were changed since."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"choices": {"name": "keep"}, "reason": "São irmãs"}]}
    )

    choices: dict[MergeField, Way] = Field(
        default={}, description="Per conflicting field `restore` or `keep`"
    )
    reason: Why = None


class FieldPlanRead(BaseModel):
    """One field of both clients, and of the one they become."""

    field: MergeField
    this: Any
    other: Any
    choice: Choice = Field(description="What `result` rests on")
    options: list[Choice]
    result: Any
    differs: bool

    @classmethod
    def of(cls, plan: FieldPlan) -> Self:
        """With documents masked."""
        this, other, result = (
            _shown(plan.field, value) for value in (plan.this, plan.other, plan.result)
        )
        return cls(
            field=plan.field,
            this=this,
            other=other,
            choice=plan.choice,
            options=list(plan.options),
            result=result,
            differs=plan.this != plan.other,
        )


class RelationPlanRead(BaseModel):
    """What refers to the other client."""

    model_config = ConfigDict(from_attributes=True)

    name: str = Field(examples=["tickets"])
    count: int
    moves: bool = Field(description="False: it keeps its id and is read for both, as consents are")


class MergePreviewRead(BaseModel):
    """What a merge would do."""

    client_id: UUID
    version: int = Field(description="For `If-Match`")
    other_id: UUID
    other_version: int
    fields: list[FieldPlanRead]
    relations: list[RelationPlanRead]

    @classmethod
    def of(cls, preview: Preview) -> Self:
        """Every field and every relation."""
        return cls(
            client_id=preview.this.id,
            version=preview.this.version,
            other_id=preview.other.id,
            other_version=preview.other.version,
            fields=[FieldPlanRead.of(plan) for plan in preview.fields],
            relations=[_relation(plan) for plan in preview.relations],
        )


class ClientMergeRead(BaseModel):
    """One client that went into another."""

    id: UUID
    survivor_id: UUID
    merged_id: UUID
    merged_by: UUID
    reason: str | None
    changed: list[MergeField] = Field(description="Fields of the survivor that it changed")
    moved: dict[str, int] = Field(description="What was moved, counted", examples=[{"tickets": 3}])
    created_at: datetime
    reversible_until: datetime
    undone_at: datetime | None
    undone_by: UUID | None
    version: int = Field(description="Also the `ETag`, for `undo`")

    @classmethod
    def of(cls, merge: ClientMerge) -> Self:
        """Without values."""
        return cls(
            id=merge.id,
            survivor_id=merge.survivor_id,
            merged_id=merge.merged_id,
            merged_by=merge.merged_by,
            reason=merge.reason,
            changed=merge.changed["fields"],
            moved={name: len(ids) for name, ids in merge.moved.items()},
            created_at=merge.created_at,
            reversible_until=merge.reversible_until,
            undone_at=merge.undone_at,
            undone_by=merge.undone_by,
            version=merge.version,
        )


class ConflictRead(BaseModel):
    """A field that was changed after the merge."""

    field: MergeField
    before: Any = Field(description="What `restore` gives")
    merged: Any
    now: Any = Field(description="What `keep` leaves")

    @classmethod
    def of(cls, conflict: Conflict) -> Self:
        """With documents masked."""
        before, merged, now = (
            _shown(conflict.field, value)
            for value in (conflict.before, conflict.merged, conflict.now)
        )
        return cls(field=conflict.field, before=before, merged=merged, now=now)


class MergeOutlookRead(ClientMergeRead):
    """A merge, and what undoing it would run into."""

    reversible: bool
    refusal: str | None = Field(description="Why it cannot be undone", examples=[None])
    conflicts: list[ConflictRead]

    @classmethod
    def with_outlook(cls, merge: ClientMerge, outlook: Outlook) -> Self:
        """Both together."""
        return cls(
            **ClientMergeRead.of(merge).model_dump(),
            reversible=outlook.refusal is None,
            refusal=None if outlook.refusal is None else str(outlook.refusal),
            conflicts=[ConflictRead.of(conflict) for conflict in outlook.conflicts],
        )


class DuplicateRead(BaseModel):
    """A client that is probably the same."""

    client: ClientRead
    score: float = Field(ge=0, le=1, examples=[0.97])
    reasons: list[Reason]

    @classmethod
    def of(cls, found: Suggestion, sight: Sight) -> Self:
        """The other one of the pair."""
        return cls(
            client=ClientRead.of(found.other, sight),
            score=found.likeness.score,
            reasons=list(found.likeness.reasons),
        )


class DuplicatePairRead(DuplicateRead):
    """Two clients that are probably one."""

    other: ClientRead

    @classmethod
    def of(cls, found: Suggestion, sight: Sight) -> Self:
        """The one registered first, and the other."""
        return cls(
            client=ClientRead.of(found.client, sight),
            other=ClientRead.of(found.other, sight),
            score=found.likeness.score,
            reasons=list(found.likeness.reasons),
        )


def _relation(plan: RelationPlan) -> RelationPlanRead:
    return RelationPlanRead.model_validate(plan)


def _shown(field: MergeField, value: Any) -> Any:
    if field is MergeField.DOCUMENT and value is not None:
        return mask_document(value)
    return value
