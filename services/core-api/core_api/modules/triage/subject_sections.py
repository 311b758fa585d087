"""What proposals tell the person whose tickets they are about."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa

from core_api.modules.tickets.service import TicketPriority
from core_api.modules.triage.models import TicketTriage, TriageField, TriageStatus
from core_api.subject_sections import Rows, SectionSource, Subject, each, moment
from core_api.tables import SCHEMA
from shared_schemas.privacy import Record

_STATUSES: Final[Mapping[TriageStatus, str]] = MappingProxyType(
    {
        TriageStatus.PROPOSED: "à espera de uma pessoa",
        TriageStatus.APPLIED: "aplicada automaticamente",
        TriageStatus.ACCEPTED: "aceita por uma pessoa",
        TriageStatus.DECLINED: "recusada por uma pessoa",
    }
)
_PRIORITIES: Final[Mapping[TicketPriority, str]] = MappingProxyType(
    {
        TicketPriority.LOW: "baixa",
        TicketPriority.NORMAL: "normal",
        TicketPriority.HIGH: "alta",
        TicketPriority.URGENT: "urgente",
    }
)
_FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        TriageField.CATEGORY: "categoria",
        TriageField.PRIORITY: "prioridade",
        TriageField.TEAM: "equipe",
        TriageField.DRAFT: "rascunho de resposta",
    }
)


def _named(table: str) -> sa.TableClause:
    # Columns alone: tickets, categories and teams are the business of their own contexts.
    return sa.table(
        table,
        *(sa.column(name, sa.Uuid()) for name in ("organization_id", "id", "client_id")),
        sa.column("number", sa.BigInteger()),
        sa.column("name", sa.Text()),
        schema=SCHEMA,
    )


_TICKETS, _CATEGORIES, _TEAMS = _named("tickets"), _named("ticket_categories"), _named("teams")


def _of(table: sa.TableClause, column: Any) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.organization_id == TicketTriage.organization_id, table.c.id == column)


def _triages(subject: Subject) -> Rows:
    told = ("id", "status", "priority", "draft", "reasons", "decline_reason", "created_at")
    return (
        sa.select(
            *(TicketTriage.__table__.c[name] for name in (*told, "applied", "accepted")),
            _TICKETS.c.number,
            _CATEGORIES.c.name.label("category"),
            _TEAMS.c.name.label("team"),
        )
        .select_from(TicketTriage)
        .join(_TICKETS, _of(_TICKETS, TicketTriage.ticket_id))
        .outerjoin(_CATEGORIES, _of(_CATEGORIES, TicketTriage.category_id))
        .outerjoin(_TEAMS, _of(_TEAMS, TicketTriage.team_id))
        .where(
            _TICKETS.c.organization_id == subject.organization_id,
            _TICKETS.c.client_id.in_(subject.family),
        )
        .order_by(_TICKETS.c.number)
    )


def _triage(row: Any) -> Record:
    return {
        "ticket": row.number,
        "made_at": moment(row.created_at),
        "status": _STATUSES[row.status],
        "category": row.category,
        "priority": None if row.priority is None else _PRIORITIES[row.priority],
        "team": row.team,
        "draft": row.draft,
        "reasons": list(row.reasons),
        "applied": [_FIELDS[name] for name in row.applied],
        "accepted": [_FIELDS[name] for name in row.accepted],
        "decline_reason": row.decline_reason,
    }


TRIAGE_SECTIONS: Final = (
    SectionSource(
        name="ticket_triages",
        label="Sugestões da assistente para os seus chamados",
        origin="Escritas pelo assistente a partir do texto dos seus chamados.",
        criteria="Ajudam a equipe a encaminhar o chamado. Uma pessoa decide, a não ser onde se diz "
        "que a sugestão foi aplicada automaticamente; você pode pedir que ela seja revista "
        "(art. 20).",
        categories=frozenset({"atendimento", "chamados", "decisoes automatizadas"}),
        tables=frozenset({"ticket_triages"}),
        portable=False,
        fields={
            "ticket": "Chamado nº",
            "made_at": "Feita em",
            "status": "Situação",
            "category": "Categoria sugerida",
            "priority": "Prioridade sugerida",
            "team": "Equipe sugerida",
            "draft": "Rascunho de resposta",
            "reasons": "Por quê",
            "applied": "Aplicado automaticamente",
            "accepted": "Aceito por uma pessoa",
            "decline_reason": "Por que foi recusada",
        },
        select=_triages,
        tell=each(_triage),
    ),
)
"""The kinds of this context."""
