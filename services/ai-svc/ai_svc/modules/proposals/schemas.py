"""Proposals on the wire."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from ai_svc.modules.proposals.models import Proposal, ProposalStatus

Shown = Literal["pending", "executing", "confirmed", "failed", "declined", "expired"]


class ProposalRead(BaseModel):
    """A change the assistant proposes, exactly as it will be made once it is confirmed."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    skill: str = Field(examples=["draft_reply"])
    status: Shown
    summary: str | None = Field(
        description="In one sentence; null once it was forgotten",
        examples=["Guardar um rascunho de resposta no chamado nº 42"],
    )
    caution: str | None = Field(
        description="What to look at before confirming",
        examples=["A assistente também leu dados de outros clientes. Confira o texto."],
    )
    arguments: dict[str, Any] | None = Field(
        description="What will be executed, and nothing else; null once it was forgotten",
        examples=[
            {"ticket_id": "0192a000-0000-7000-8000-0000000a0001", "body": "Olá, Júlia. A certidão…"}
        ],
    )
    conversation_id: UUID | None
    message_id: UUID | None
    expires_at: datetime = Field(description="Until when it can be confirmed")
    created_at: datetime
    settled_at: datetime | None = Field(description="When it was confirmed, failed or declined")
    result: dict[str, Any] | None = Field(
        description="Ids of what was made or changed",
        examples=[{"message_id": "0192a000-0000-7000-8000-0000000b0001"}],
    )
    error_code: str | None = Field(description="Of `failed`", examples=["TICKET_NOT_FOUND"])
    error_message: str | None = Field(examples=["Chamado não encontrado. Confira o identificador."])

    @classmethod
    def of(cls, proposal: Proposal, now: datetime) -> Self:
        """From the table, as it stands now."""
        late = proposal.status is ProposalStatus.PENDING and proposal.expires_at <= now
        facts = {name: getattr(proposal, name) for name in cls.model_fields if name != "status"}
        return cls(status="expired" if late else proposal.status.value, **facts)
