"""What erasures and legal holds look like on the wire."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any, Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from core_api.inputs import Body, Input, absent
from core_api.modules.erasure.models import Erasure, ErasurePart, ErasureStep, LegalHold, Mode
from core_api.modules.erasure.previewing import Preview
from shared_schemas.ids import UserId
from shared_schemas.privacy import StoreAction, StoreCount

_MEMBER: Final = "0192a000-0000-7000-8000-000000000004"
_CLIENT: Final = "0192a000-0000-7000-8000-0000000c0001"

Reason = Annotated[
    Body,
    StringConstraints(max_length=2_000),
    Field(description="Kept sealed under the client's key", examples=["Processo trabalhista"]),
]
ReviewOn = Annotated[
    date, Field(description="When it is looked at again: a year from now at the latest")
]
OwnerId = Annotated[UserId, Field(description="The member who answers for it")]


class LegalHoldCreate(Input):
    """Why nothing of the client may go, who answers for it, until when at the latest."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reason": "Ação judicial em curso: os registros são prova.",
                    "review_on": "2027-03-01",
                    "owner_id": _MEMBER,
                }
            ]
        }
    )

    reason: Reason
    review_on: ReviewOn
    owner_id: Annotated[
        UserId | None, Field(description="The member who answers for it; left out: you")
    ] = None


class LegalHoldUpdate(Input):
    """What changes. A field left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"review_on": "2027-06-01"}]})

    reason: Reason = absent()
    review_on: ReviewOn = absent()
    owner_id: OwnerId = absent()


class LegalHoldLift(Input):
    """Why it is over."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Processo encerrado."}]})

    reason: Reason


class LegalHoldRead(BaseModel):
    """A legal hold. Its words are in `LegalHoldDetail`."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    client_id: UUID = Field(examples=[_CLIENT])
    owner_id: UUID = Field(examples=[_MEMBER])
    review_on: date
    placed_by: UUID
    placed_at: datetime
    lifted_at: datetime | None
    lifted_by: UUID | None
    is_standing: bool = Field(description="Whether it still stops erasure and retention")
    version: int = Field(description="Goes up with every change; also the `ETag`")


class LegalHoldDetail(LegalHoldRead):
    """With why it was placed and lifted; null once the client's key is gone."""

    reason: str | None
    lift_reason: str | None

    @classmethod
    def of(cls, hold: LegalHold, reason: str | None, lift_reason: str | None) -> Self:
        """The row, and its words opened."""
        plain = LegalHoldRead.model_validate(hold).model_dump()
        return cls.model_validate(plain | {"reason": reason, "lift_reason": lift_reason})


class ServicePreview(BaseModel):
    """One service's stores."""

    service: str = Field(examples=["core-api"])
    available: bool = Field(description="False: it did not answer, what it holds is not known now")
    stores: list[StoreCount]


class PreviewTotals(BaseModel):
    """Of all services that answered; at least, where one of their counts is that."""

    erase: int
    anonymise: int
    keep: int


class ErasurePreviewRead(BaseModel):
    """What an erasure would do, and what stands in its way."""

    client_ids: list[UUID] = Field(description="The client and all merged into it")
    services: list[ServicePreview]
    totals: PreviewTotals
    legal_holds: list[LegalHoldRead]
    obstacles: list[str] = Field(
        description="`legal_hold`, `under_way`, `already_erased`; empty: it can begin",
        examples=[["legal_hold"]],
    )

    @classmethod
    def of(cls, found: Preview) -> Self:
        """As it is read."""
        counts = [count for service in found.services for count in service.stores]

        def total(action: StoreAction) -> int:
            return sum(count.count for count in counts if count.action is action)

        obstacles = {
            "legal_hold": bool(found.holds),
            "under_way": found.under_way is not None,
            "already_erased": found.is_erased,
        }
        return cls(
            client_ids=list(found.client_ids),
            services=[
                *(
                    ServicePreview(service=one.service, available=True, stores=one.stores)
                    for one in found.services
                ),
                *(
                    ServicePreview(service=name, available=False, stores=[])
                    for name in found.silent
                ),
            ],
            totals=PreviewTotals(
                erase=total(StoreAction.ERASE),
                anonymise=total(StoreAction.ANONYMISE),
                keep=total(StoreAction.KEEP),
            ),
            legal_holds=[LegalHoldRead.model_validate(hold) for hold in found.holds],
            obstacles=[name for name, stands in obstacles.items() if stands],
        )


class ErasurePartRead(BaseModel):
    """One service's part. It is done when the service has said so itself."""

    model_config = ConfigDict(from_attributes=True)

    service: str = Field(examples=["ai-svc"])
    done_at: datetime | None
    erased: dict[str, int] = Field(description="By store", examples=[{"chunks": 120}])
    kept: dict[str, int] = Field(description="By store", examples=[{"document_tombstones": 3}])
    attempts: int
    tried_at: datetime | None
    problem: str | None = Field(
        description="What stopped the last attempt: `legal_hold`, `busy`, `not_gone:<store>`,"
        " `unavailable`, `no_answer`",
        examples=["legal_hold"],
    )


class ErasureStepRead(BaseModel):
    """One store of core-api."""

    model_config = ConfigDict(from_attributes=True)

    store: str = Field(examples=["ticket_messages"])
    erased: int
    proven_at: datetime | None = Field(description="When it was asked again and had nothing")


class ErasureRead(BaseModel):
    """An erasure, as it stands."""

    id: UUID
    client_id: UUID = Field(examples=[_CLIENT])
    privacy_request_id: UUID
    mode: Mode
    status: str = Field(description="`held`, `erasing`, `completed`", examples=["erasing"])
    requested_by: UUID | None
    requested_at: datetime
    completed_at: datetime | None
    parts: list[ErasurePartRead]
    receipt: dict[str, Any] | None = Field(
        description="Signed (Ed25519): `cogep privacy verify` checks it"
    )

    @classmethod
    def of(cls, erasure: Erasure, parts: Sequence[ErasurePart]) -> Self:
        """The row and its parts."""
        return cls.model_validate(_fields(erasure, parts))


class ErasureDetail(ErasureRead):
    """With its steps, and what holds it."""

    steps: list[ErasureStepRead]
    legal_holds: list[LegalHoldRead]

    @classmethod
    def whole(
        cls,
        erasure: Erasure,
        parts: Sequence[ErasurePart],
        steps: Sequence[ErasureStep],
        holds: Sequence[LegalHold],
    ) -> Self:
        """Everything there is to know."""
        held = [LegalHoldRead.model_validate(hold) for hold in holds]
        fields = _fields(erasure, parts)
        if held and erasure.completed_at is None:
            fields["status"] = "held"
        done = [ErasureStepRead.model_validate(step) for step in steps]
        return cls.model_validate(fields | {"steps": done, "legal_holds": held})


def _fields(erasure: Erasure, parts: Sequence[ErasurePart]) -> dict[str, Any]:
    read = [ErasurePartRead.model_validate(part) for part in parts]
    held = any(part.problem == "legal_hold" for part in read)
    return {
        "id": erasure.id,
        "client_id": erasure.client_id,
        "privacy_request_id": erasure.privacy_request_id,
        "mode": erasure.mode,
        "status": "completed" if erasure.completed_at else "held" if held else "erasing",
        "requested_by": erasure.requested_by,
        "requested_at": erasure.created_at,
        "completed_at": erasure.completed_at,
        "parts": read,
        "receipt": erasure.receipt,
    }
