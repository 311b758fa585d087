"""What automated decisions hold of a person: words of reviews, which go; enumerations stay."""

from typing import Any, Final, cast

import sqlalchemy as sa

from core_api.modules.decisions.models import AutomatedDecision, DecisionReview
from core_api.subject_stores import KeptRows, RowStore, Store, Subject, of_clients
from core_api.tables import SCHEMA

_DECISIONS: Final = cast("sa.Table", AutomatedDecision.__table__)
_REVIEWS: Final = cast("sa.Table", DecisionReview.__table__)
# Columns alone: tickets are the business of their own context.
_TICKETS: Final = sa.table(
    "tickets",
    *(sa.column(name, sa.Uuid()) for name in ("organization_id", "id", "client_id")),
    schema=SCHEMA,
)
_PROOF: Final = "LGPD, art. 6º, X, e art. 20: registro de decisões automatizadas e sua revisão"


def _tickets(subject: Subject) -> sa.Select[Any]:
    return sa.select(_TICKETS.c.id).where(
        _TICKETS.c.organization_id == subject.organization_id,
        _TICKETS.c.client_id.in_(subject.client_ids),
    )


DECISION_STORES: Final[tuple[Store, ...]] = (
    RowStore(
        name="decision_review_texts",
        label="Textos de pedidos de revisão e de suas respostas",
        table=_REVIEWS,
        where=lambda subject: sa.and_(
            _REVIEWS.c.client_id.in_(subject.client_ids),
            sa.or_(_REVIEWS.c.grounds_sealed.is_not(None), _REVIEWS.c.answer_sealed.is_not(None)),
        ),
        blank={"grounds_sealed": None, "answer_sealed": None},
    ),
    KeptRows(
        name="decision_reviews",
        label="Revisões de decisões automatizadas (identificadores e datas)",
        ground=_PROOF,
        table=_REVIEWS,
        where=of_clients(_REVIEWS.c.client_id),
    ),
    KeptRows(
        name="automated_decisions",
        label="Decisões automatizadas (critérios e resultado, sem conteúdo)",
        ground=_PROOF,
        table=_DECISIONS,
        where=lambda subject: _DECISIONS.c.ticket_id.in_(_tickets(subject)),
    ),
)
"""Before the tickets' own: that a decision was taken stays, what about goes with the ticket."""
