"""What automated decisions tell the person they are about (LGPD Art. 20)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.decisions.models import (
    AutomatedDecision,
    DecisionKind,
    DecisionReview,
    ReviewOutcome,
    ReviewStatus,
)
from core_api.modules.decisions.reviewing import ANSWER, GROUNDS
from core_api.modules.privacy.sealed_texts import Sealed, SubjectTexts
from core_api.subject_sections import (
    Rows,
    SectionSource,
    Subject,
    Told,
    moment,
)
from core_api.tables import SCHEMA

_KINDS: Final[Mapping[DecisionKind, str]] = MappingProxyType(
    {DecisionKind.TICKET_TRIAGE: "triagem do chamado"}
)
_STATUSES: Final[Mapping[ReviewStatus, str]] = MappingProxyType(
    {ReviewStatus.OPEN: "em análise por uma pessoa", ReviewStatus.ANSWERED: "respondida"}
)
_OUTCOMES: Final[Mapping[ReviewOutcome, str]] = MappingProxyType(
    {
        ReviewOutcome.UPHELD: "mantida",
        ReviewOutcome.CHANGED: "alterada",
        ReviewOutcome.ANNULLED: "anulada",
    }
)
_TICKETS: Final = sa.table(
    "tickets",
    *(sa.column(name, sa.Uuid()) for name in ("organization_id", "id", "client_id")),
    sa.column("number", sa.BigInteger()),
    schema=SCHEMA,
)


def _decisions(subject: Subject) -> Rows:
    ticket = sa.and_(
        _TICKETS.c.organization_id == AutomatedDecision.organization_id,
        _TICKETS.c.id == AutomatedDecision.ticket_id,
    )
    return (
        sa.select(*AutomatedDecision.__table__.c, _TICKETS.c.number)
        .select_from(AutomatedDecision)
        .join(_TICKETS, ticket)
        .where(
            _TICKETS.c.organization_id == subject.organization_id,
            _TICKETS.c.client_id.in_(subject.family),
        )
        .order_by(AutomatedDecision.decided_at, AutomatedDecision.id)
    )


async def _tell_decisions(_session: AsyncSession, _subject: Subject, rows: Sequence[Any]) -> Told:
    return Told(
        [
            {
                "ticket": row.number,
                "kind": _KINDS[row.kind],
                "decided_at": moment(row.decided_at),
                "inputs": list(row.inputs),
                "criteria": list(row.criteria),
                "model": row.model,
                "prompt_version": row.prompt_version,
                "outcome": [f"{name}: {value}" for name, value in row.outcome.items()],
                "applied": row.applied,
            }
            for row in rows
        ]
    )


def _reviews(subject: Subject) -> Rows:
    times = ("requested_at", "answered_at")
    names = ("id", "status", "outcome", "grounds_sealed", "answer_sealed", *times)
    return (
        sa.select(*(DecisionReview.__table__.c[name] for name in names))
        .where(
            DecisionReview.organization_id == subject.organization_id,
            DecisionReview.client_id.in_(subject.family),
        )
        .order_by(DecisionReview.requested_at, DecisionReview.id)
    )


async def _tell_reviews(session: AsyncSession, subject: Subject, rows: Sequence[Any]) -> Told:
    texts = SubjectTexts(session, subject.organization_id)
    sealed = [
        *(Sealed(row.id, GROUNDS, row.grounds_sealed) for row in rows),
        *(Sealed(row.id, ANSWER, row.answer_sealed) for row in rows),
    ]
    opened = await texts.open(sealed)
    said = zip(rows, opened[: len(rows)], opened[len(rows) :], strict=True)
    return Told(
        [
            {
                "status": _STATUSES[row.status],
                "outcome": None if row.outcome is None else _OUTCOMES[row.outcome],
                "requested_at": moment(row.requested_at),
                "answered_at": moment(row.answered_at),
                "grounds": grounds,
                "answer": answer,
            }
            for row, grounds, answer in said
        ]
    )


DECISION_SECTIONS: Final = (
    SectionSource(
        name="automated_decisions",
        label="Decisões automatizadas",
        origin="Tomadas pelo assistente a partir do texto dos seus chamados.",
        criteria="Você pode pedir que uma pessoa reveja qualquer uma delas (art. 20).",
        categories=frozenset({"atendimento", "chamados", "decisoes automatizadas"}),
        tables=frozenset({"automated_decisions"}),
        portable=False,
        fields={
            "ticket": "Chamado nº",
            "kind": "O que foi decidido",
            "decided_at": "Quando",
            "inputs": "Campos usados",
            "criteria": "Critérios",
            "model": "Modelo",
            "prompt_version": "Versão das instruções",
            "outcome": "Resultado",
            "applied": "Aplicada sem conferência prévia",
        },
        select=_decisions,
        tell=_tell_decisions,
    ),
    SectionSource(
        name="decision_reviews",
        label="Revisões dessas decisões que você pediu",
        origin="Pedidas por você ou por quem representa você.",
        criteria="Provam que uma pessoa reviu a decisão.",
        categories=frozenset({"decisoes automatizadas"}),
        tables=frozenset({"decision_reviews"}),
        portable=False,
        fields={
            "status": "Situação",
            "outcome": "Decisão",
            "requested_at": "Pedida em",
            "answered_at": "Respondida em",
            "grounds": "O que você disse",
            "answer": "O que respondemos",
        },
        select=_reviews,
        tell=_tell_reviews,
    ),
)
"""The kinds of this context."""
