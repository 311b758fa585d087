"""Requests that subjects open themselves, by the link to their preferences, in plain Portuguese."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.inputs import Body, Input
from core_api.modules.privacy.kinds import DeadlineUnit, RequestChannel, RequestStatus, RequestType
from core_api.modules.privacy.models import PrivacyRequest
from core_api.modules.privacy.opening import Asked, open_request
from core_api.modules.privacy.repository import Requests
from core_api.modules.privacy.wording import (
    GROUND_NAMES,
    STATUS_NAMES,
    TYPE_EXPLAINED,
    TYPE_NAMES,
)
from core_api.recording import Recorder
from shared_schemas.ids import OrganizationId

_REASON: Final = "pedido aberto pelo próprio titular no link de preferências"
_LOCAL: Final = ZoneInfo("America/Sao_Paulo")
_LATEST: Final = 50


class SubjectRequestCreate(Input):
    """What the subject asks for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"type": "access", "description": "Quero uma cópia dos meus dados."}]
        }
    )

    type: RequestType
    description: Body | None = Field(default=None, max_length=5_000)


class SubjectRequestRead(BaseModel):
    """A request as its subject sees it. Nothing of theirs is repeated."""

    id: UUID = Field(description="The protocol number")
    type: RequestType
    name: str = Field(examples=["acesso aos dados"])
    status: RequestStatus
    received_at: datetime
    due_at: datetime
    explanation: str = Field(
        examples=["Recebemos o seu pedido em 21/11/2026. A resposta vem até 06/12/2026."]
    )

    @classmethod
    def of(cls, request: PrivacyRequest) -> Self:
        """From the row."""
        return cls(
            id=request.id,
            type=request.type,
            name=TYPE_NAMES[request.type],
            status=request.status,
            received_at=request.received_at,
            due_at=request.due_at,
            explanation=_explained(request),
        )


class RightRead(BaseModel):
    """Something a subject can ask for (LGPD Art. 18)."""

    type: RequestType
    name: str = Field(examples=["acesso aos dados"])
    explanation: str = Field(examples=["Saber se tratamos dados seus."])


class SubjectRequestsRead(BaseModel):
    """What can be asked for, and what has been."""

    rights: list[RightRead]
    requests: list[SubjectRequestRead]


async def open_by_link(
    tx: AsyncSession,
    organization_id: OrganizationId,
    client_id: UUID,
    link_id: UUID,
    given: SubjectRequestCreate,
    request_id: str,
) -> SubjectRequestRead:
    """One request for each link, by constraint. As `open_request`; RequestLinkUsed."""
    recorder = Recorder(organization_id, request_id, reason=_REASON)
    asked = Asked(
        type=given.type,
        channel=RequestChannel.PREFERENCES_LINK,
        description=given.description,
        link_id=link_id,
    )
    return SubjectRequestRead.of(await open_request(tx, recorder, client_id, asked))


async def told(
    tx: AsyncSession, organization_id: OrganizationId, family: Sequence[UUID]
) -> SubjectRequestsRead:
    """For who holds the link of one of the family."""
    requests = await Requests(tx, organization_id).of_clients(family, _LATEST)
    return SubjectRequestsRead(
        rights=[
            RightRead(type=type_, name=TYPE_NAMES[type_], explanation=TYPE_EXPLAINED[type_])
            for type_ in RequestType
        ],
        requests=[SubjectRequestRead.of(request) for request in requests],
    )


def _explained(request: PrivacyRequest) -> str:
    received = f"Recebemos o seu pedido em {_day(request.received_at)}."
    match request.status:
        case RequestStatus.COMPLETED | RequestStatus.REFUSED | RequestStatus.CANCELLED:
            ended = _day(request.closed_at or request.updated_at)
            ground = request.refusal_ground
            why = "" if ground is None else f", com este fundamento: {GROUND_NAMES[ground]}"
            return f"{received} Ele foi {STATUS_NAMES[request.status]} em {ended}{why}."
        case RequestStatus.WAITING_FOR_SUBJECT:
            return f"{received} Precisamos de uma resposta sua para continuar."
        case RequestStatus.IDENTITY_PENDING:
            return (
                f"{received} Vamos entrar em contato para confirmar que é você. "
                f"A resposta vem até {_day(request.due_at)}."
            )
    if request.deadline_unit is DeadlineUnit.AT_ONCE:
        return f"{received} Ele é atendido imediatamente."
    return f"{received} A resposta vem até {_day(request.due_at)}."


def _day(at: datetime) -> str:
    return at.astimezone(_LOCAL).strftime("%d/%m/%Y")
