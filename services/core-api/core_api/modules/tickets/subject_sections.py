"""What tickets tell the person who opened them: the tickets, and what was said and noted."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.fields.service import FieldEntity, labels_of
from core_api.modules.tickets.messages.models import MessageKind, MessageRevision, TicketMessage
from core_api.modules.tickets.models import Ticket, TicketChannel, TicketPriority
from core_api.modules.tickets.wording import STATUS_NAMES
from core_api.subject_sections import (
    MADE_BY_US,
    PROVIDED,
    Rows,
    SectionSource,
    Subject,
    Told,
    each,
    moment,
)
from core_api.tables import SCHEMA
from shared_schemas.privacy import Record

_PRIORITIES: Final[Mapping[TicketPriority, str]] = MappingProxyType(
    {
        TicketPriority.LOW: "baixa",
        TicketPriority.NORMAL: "normal",
        TicketPriority.HIGH: "alta",
        TicketPriority.URGENT: "urgente",
    }
)
_CHANNELS: Final[Mapping[TicketChannel, str]] = MappingProxyType(
    {
        TicketChannel.WEB: "site",
        TicketChannel.EMAIL: "e-mail",
        TicketChannel.PHONE: "telefone",
        TicketChannel.WHATSAPP: "WhatsApp",
        TicketChannel.API: "outro sistema",
    }
)
_SPEAKERS: Final[Mapping[MessageKind, str]] = MappingProxyType(
    {
        MessageKind.CLIENT: "você",
        MessageKind.REPLY: "nossa equipe",
        MessageKind.NOTE: "anotação interna",
        MessageKind.DRAFT: "rascunho de resposta, não enviado",
    }
)
_SAID: Final = (MessageKind.CLIENT, MessageKind.REPLY)
_USED: Final = frozenset({"atendimento", "chamados", "comunicacao", "mensagens", "historico"})
# Columns alone: categories are the business of their own context.
_CATEGORIES: Final = sa.table(
    "ticket_categories",
    sa.column("organization_id", sa.Uuid()),
    sa.column("id", sa.Uuid()),
    sa.column("name", sa.Text()),
    schema=SCHEMA,
)


def _tickets(subject: Subject) -> Rows:
    category = sa.and_(
        _CATEGORIES.c.organization_id == Ticket.organization_id,
        _CATEGORIES.c.id == Ticket.category_id,
    )
    return (
        sa.select(
            Ticket.id,
            Ticket.number,
            Ticket.subject,
            Ticket.description,
            Ticket.status,
            Ticket.priority,
            Ticket.channel,
            Ticket.tags,
            Ticket.custom_fields,
            Ticket.created_at,
            Ticket.resolved_at,
            Ticket.closed_at,
            _CATEGORIES.c.name.label("category"),
        )
        .outerjoin(_CATEGORIES, category)
        .where(
            Ticket.organization_id == subject.organization_id,
            Ticket.client_id.in_(subject.family),
        )
        .order_by(Ticket.number)
    )


async def _tell_tickets(session: AsyncSession, subject: Subject, rows: Sequence[Any]) -> Told:
    labels = await labels_of(session, subject.organization_id, FieldEntity.TICKET)
    used = {key for row in rows for key in row.custom_fields}
    return Told(
        [_ticket(row) for row in rows],
        {f"custom_{key}": labels.get(key, key) for key in sorted(used)},
    )


def _ticket(row: Any) -> Record:
    return {
        "number": row.number,
        "subject": row.subject,
        "description": row.description,
        "status": STATUS_NAMES[row.status],
        "priority": _PRIORITIES[row.priority],
        "channel": _CHANNELS[row.channel],
        "category": row.category,
        "tags": list(row.tags),
        "created_at": moment(row.created_at),
        "resolved_at": moment(row.resolved_at),
        "closed_at": moment(row.closed_at),
        **{f"custom_{key}": value for key, value in row.custom_fields.items()},
    }


def _messages(subject: Subject) -> Rows:
    return (
        sa.select(
            TicketMessage.id,
            TicketMessage.kind,
            TicketMessage.body,
            TicketMessage.created_at,
            TicketMessage.edited_at,
            Ticket.number,
        )
        .join(
            Ticket,
            sa.and_(
                Ticket.organization_id == TicketMessage.organization_id,
                Ticket.id == TicketMessage.ticket_id,
            ),
        )
        .where(
            Ticket.organization_id == subject.organization_id,
            Ticket.client_id.in_(subject.family),
        )
        .order_by(Ticket.number, TicketMessage.created_at, TicketMessage.id)
    )


def _said(subject: Subject) -> Rows:
    return _messages(subject).where(TicketMessage.kind.in_(_SAID))


def _noted(subject: Subject) -> Rows:
    return _messages(subject).where(TicketMessage.kind.not_in(_SAID))


def _message(row: Any) -> Record:
    return {
        "ticket": row.number,
        "said_by": _SPEAKERS[row.kind],
        "created_at": moment(row.created_at),
        "edited_at": moment(row.edited_at),
        "text": row.body,
    }


def _earlier(subject: Subject) -> Rows:
    revised = sa.and_(
        MessageRevision.organization_id == TicketMessage.organization_id,
        MessageRevision.message_id == TicketMessage.id,
    )
    return (
        _messages(subject)
        .join(MessageRevision, revised)
        .with_only_columns(
            MessageRevision.id,
            TicketMessage.kind,
            MessageRevision.body,
            TicketMessage.created_at,
            MessageRevision.replaced_at,
            Ticket.number,
        )
        .order_by(MessageRevision.revision)
    )


def _earlier_text(row: Any) -> Record:
    return {
        "ticket": row.number,
        "said_by": _SPEAKERS[row.kind],
        "created_at": moment(row.created_at),
        "replaced_at": moment(row.replaced_at),
        "text": row.body,
    }


_TEXT_FIELDS: Final = {
    "ticket": "Chamado nº",
    "said_by": "De quem",
    "created_at": "Data",
    "edited_at": "Editada em",
    "text": "Texto",
}

TICKET_SECTIONS: Final = (
    SectionSource(
        name="tickets",
        label="Chamados",
        origin=PROVIDED,
        criteria="Usamos para atender o que você pediu e prestar contas do atendimento. Prioridade "
        "e categoria são escolhidas pela equipe, que pode aceitar uma sugestão automática.",
        categories=_USED,
        tables=frozenset({"tickets"}),
        fields={
            "number": "Número",
            "subject": "Assunto",
            "description": "Descrição",
            "status": "Situação",
            "priority": "Prioridade",
            "channel": "Canal",
            "category": "Categoria",
            "tags": "Etiquetas",
            "created_at": "Aberto em",
            "resolved_at": "Resolvido em",
            "closed_at": "Fechado em",
        },
        select=_tickets,
        tell=_tell_tickets,
    ),
    SectionSource(
        name="messages",
        label="Mensagens trocadas com você",
        origin="Escritas por você e por nossa equipe nos chamados.",
        criteria="Registram a conversa de cada chamado. O nome do atendente não é informado: é "
        "dado pessoal dele.",
        categories=_USED,
        tables=frozenset({"ticket_messages"}),
        fields=_TEXT_FIELDS,
        select=_said,
        tell=each(_message),
    ),
    SectionSource(
        name="internal_notes",
        label="Anotações internas nos seus chamados",
        origin=MADE_BY_US,
        criteria="Ajudam a equipe a resolver o chamado. Quem escreveu não é informado: é dado "
        "pessoal do atendente.",
        categories=_USED | {"anotacoes"},
        tables=frozenset({"ticket_messages"}),
        portable=False,
        fields=_TEXT_FIELDS,
        select=_noted,
        tell=each(_message),
    ),
    SectionSource(
        name="earlier_texts",
        label="Textos anteriores de mensagens editadas",
        origin=MADE_BY_US,
        criteria="Mostram o que a mensagem dizia antes de ser editada.",
        categories=_USED,
        tables=frozenset({"message_revisions"}),
        portable=False,
        fields=_TEXT_FIELDS | {"replaced_at": "Substituído em"},
        select=_earlier,
        tell=each(_earlier_text),
    ),
)
"""The kinds of this context."""
