"""What the audit log tells in the timeline of a client: how its data changed."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.audit.models import CLIENT_CHANGES, AuditEvent
from core_api.modules.audit.schemas import ValueChange
from core_api.modules.audit.service import visible_values
from core_api.timeline_sources import (
    NO_TICKET,
    TimelineKind,
    TimelineSource,
    TimelineWindow,
    Told,
)
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

TITLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "client.created": "Cliente cadastrado",
        "client.updated": "Cadastro alterado",
        "client_relation.created": "Vínculo criado",
        "client_relation.updated": "Vínculo alterado",
        "client_relation.deleted": "Vínculo removido",
    }
)
FIELD_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "addresses": "endereços",
        "company_id": "empresa",
        "custom_fields": "campos personalizados",
        "document": "documento",
        "email": "e-mail",
        "emails": "e-mails",
        "external_id": "identificador externo",
        "kind": "tipo",
        "name": "nome",
        "person_id": "pessoa",
        "phone": "telefone",
        "phones": "telefones",
        "role": "função",
        "tags": "etiquetas",
    }
)


class ChangeDetail(BaseModel):
    """What changed, as the caller may see it."""

    action: str = Field(examples=["client.updated"])
    changed: list[str] = Field(examples=[["email"]])
    values: dict[str, ValueChange] = Field(
        description="By field. Documents are masked, contacts without `clients:contact`; empty on "
        "events of earlier versions",
        examples=[{"name": {"from": "Júlia Prado", "to": "Júlia Lima", "erased": False}}],
    )


def _changed(window: TimelineWindow) -> sa.Select[Any]:
    events = window.cut(
        sa.select(AuditEvent.occurred_at, AuditEvent.id).where(
            AuditEvent.organization_id == window.organization_id,
            AuditEvent.about == window.member_id,
            CLIENT_CHANGES,
        ),
        AuditEvent.occurred_at,
        AuditEvent.id,
    ).lateral("changed")
    return sa.select(
        events.c.occurred_at, events.c.id, window.member_id.label("client_id"), NO_TICKET
    ).select_from(window.members.join(events, sa.true()))


async def _load(session: AsyncSession, actor: Actor, ids: Sequence[UUID]) -> Mapping[UUID, Told]:
    statement = sa.select(AuditEvent).where(
        AuditEvent.organization_id == actor.organization_id, AuditEvent.id.in_(ids)
    )
    events = (await session.scalars(statement)).all()
    values = await visible_values(session, actor, events)
    return {
        event.id: Told(
            actor_id=event.actor_id,
            title=TITLES[event.action],
            summary=", ".join(FIELD_NAMES.get(field, field) for field in event.changed),
            detail=ChangeDetail(
                action=event.action,
                changed=event.changed,
                values={name: ValueChange.model_validate(pair) for name, pair in opened.items()},
            ),
        )
        for event, opened in zip(events, values, strict=True)
    }


AUDIT_TIMELINE: Final = (
    TimelineSource(
        kind=TimelineKind.CHANGE, permission=Permission.CLIENTS_READ, branch=_changed, load=_load
    ),
)
"""The kind of this context."""
