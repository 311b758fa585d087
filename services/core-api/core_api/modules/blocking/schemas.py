"""What blocks look like on the wire."""

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from core_api.inputs import Code, Input, Line
from core_api.modules.blocking.service import BlockCause, ShownBlock

Reason = Annotated[
    Line,
    StringConstraints(min_length=3),
    Field(description="Sealed under the client's key", examples=["Pedido do titular por telefone"]),
]


class BlockCreate(Input):
    """What is to be used no longer, and why."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"cause": "blocking", "reason": "Pedido do titular por telefone"}]
        }
    )

    purpose_code: Code | None = Field(
        default=None,
        description="The purpose; left out: no use at all",
        examples=["novidades-por-email"],
    )
    cause: BlockCause = Field(
        default=BlockCause.BLOCKING,
        description="`opposition`: to a purpose without consent (LGPD Art. 18 § 2)",
    )
    reason: Reason


class BlockLift(Input):
    """Why the data may be used again."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "O titular retirou o pedido"}]}
    )

    reason: Reason


class BlockRead(BaseModel):
    """A block. Without `lifted_at` it stands."""

    id: UUID
    client_id: UUID
    purpose_code: str | None = Field(description="null: for every purpose")
    cause: BlockCause
    reason: str | None = Field(
        description="null where none was given, or its key is gone",
        examples=["Pedido do titular por telefone"],
    )
    privacy_request_id: UUID | None
    blocked_by: UUID
    blocked_at: datetime
    lifted_by: UUID | None
    lifted_at: datetime | None
    lift_reason: str | None

    @classmethod
    def of(cls, shown: ShownBlock) -> Self:
        """As it stands."""
        block = shown.block
        return cls(
            id=block.id,
            client_id=block.client_id,
            purpose_code=shown.purpose_code,
            cause=block.cause,
            reason=shown.reason,
            privacy_request_id=block.privacy_request_id,
            blocked_by=block.blocked_by,
            blocked_at=block.blocked_at,
            lifted_by=block.lifted_by,
            lifted_at=block.lifted_at,
            lift_reason=shown.lift_reason,
        )
