"""What requests of data subjects tell the person who made them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.privacy.content import BODY, CONTENT, RequestContent
from core_api.modules.privacy.kinds import MessageDirection
from core_api.modules.privacy.models import PrivacyMessage, PrivacyRequest
from core_api.modules.privacy.sealed_texts import Sealed, SubjectTexts
from core_api.modules.privacy.wording import STATUS_NAMES, TYPE_NAMES
from core_api.subject_sections import (
    PROVIDED,
    Rows,
    SectionSource,
    Subject,
    Told,
    moment,
)

_SPEAKERS: Final[Mapping[MessageDirection, str]] = MappingProxyType(
    {MessageDirection.TO_SUBJECT: "nossa equipe", MessageDirection.FROM_SUBJECT: "você"}
)


def _requests(subject: Subject) -> Rows:
    names = ("id", "type", "status", "received_at", "due_at", "closed_at", "content_sealed")
    return (
        sa.select(*(PrivacyRequest.__table__.c[name] for name in names))
        .where(
            PrivacyRequest.organization_id == subject.organization_id,
            PrivacyRequest.client_id.in_(subject.family),
        )
        .order_by(PrivacyRequest.received_at, PrivacyRequest.id)
    )


async def _tell_requests(session: AsyncSession, subject: Subject, rows: Sequence[Any]) -> Told:
    texts = await SubjectTexts(session, subject.organization_id).open(
        [Sealed(row.id, CONTENT, row.content_sealed) for row in rows]
    )
    return Told(
        [
            {
                "id": str(row.id),
                "type": TYPE_NAMES[row.type],
                "status": STATUS_NAMES[row.status],
                "received_at": moment(row.received_at),
                "due_at": moment(row.due_at),
                "closed_at": moment(row.closed_at),
                "text": RequestContent.read(text).description,
            }
            for row, text in zip(rows, texts, strict=True)
        ]
    )


def _messages(subject: Subject) -> Rows:
    names = ("id", "request_id", "direction", "body_sealed", "created_at")
    return (
        sa.select(*(PrivacyMessage.__table__.c[name] for name in names))
        .where(
            PrivacyMessage.organization_id == subject.organization_id,
            PrivacyMessage.client_id.in_(subject.family),
        )
        .order_by(PrivacyMessage.created_at, PrivacyMessage.id)
    )


async def _tell_messages(session: AsyncSession, subject: Subject, rows: Sequence[Any]) -> Told:
    texts = await SubjectTexts(session, subject.organization_id).open(
        [Sealed(row.id, BODY, row.body_sealed) for row in rows]
    )
    return Told(
        [
            {
                "request": str(row.request_id),
                "said_by": _SPEAKERS[row.direction],
                "created_at": moment(row.created_at),
                "text": text,
            }
            for row, text in zip(rows, texts, strict=True)
        ]
    )


PRIVACY_SECTIONS: Final = (
    SectionSource(
        name="privacy_requests",
        label="Seus pedidos sobre dados pessoais",
        origin=PROVIDED,
        criteria="Provam que seus pedidos foram atendidos no prazo.",
        categories=frozenset({"pedidos", "privacidade"}),
        tables=frozenset({"privacy_requests"}),
        portable=False,
        fields={
            "id": "Número do pedido",
            "type": "Tipo",
            "status": "Situação",
            "received_at": "Recebido em",
            "due_at": "Prazo",
            "closed_at": "Encerrado em",
            "text": "O que você disse",
        },
        select=_requests,
        tell=_tell_requests,
    ),
    SectionSource(
        name="privacy_messages",
        label="Mensagens sobre esses pedidos",
        origin="Escritas por você e por nossa equipe.",
        criteria="Registram o que foi dito sobre cada pedido.",
        categories=frozenset({"pedidos", "privacidade"}),
        tables=frozenset({"privacy_messages"}),
        portable=False,
        fields={
            "request": "Pedido",
            "said_by": "De quem",
            "created_at": "Data",
            "text": "Texto",
        },
        select=_messages,
        tell=_tell_messages,
    ),
)
"""The kinds of this context."""
