"""Automated decisions and reviews of one organization in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.decisions.exceptions import (
    DecisionNotFound,
    ReviewAnswered,
    ReviewNotFound,
)
from core_api.modules.decisions.models import AutomatedDecision, DecisionReview, ReviewStatus
from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId

LATEST_FIRST: Final = Keyset(
    name="-decided_at",
    column=AutomatedDecision.decided_at,
    id=AutomatedDecision.id,
    parse=datetime.fromisoformat,
)
DUE_FIRST: Final = Keyset(
    name="due_at", column=DecisionReview.due_at, id=DecisionReview.id, parse=datetime.fromisoformat
)
# Columns alone: tickets are the business of their own context.
_TICKETS: Final = sa.table(
    "tickets",
    sa.column("organization_id", sa.Uuid()),
    sa.column("id", sa.Uuid()),
    sa.column("client_id", sa.Uuid()),
    schema=SCHEMA,
)


@dataclass(frozen=True, kw_only=True)
class DecisionFilter:
    """Which decisions; None means any."""

    ticket_id: UUID | None = None
    client_id: UUID | None = None
    applied: bool | None = None
    model: str | None = None


class Decisions:
    """Those of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def enter(self, values: dict[str, Any]) -> bool:
        """Whether it is new: the same decision is entered once."""
        statement = insert(AutomatedDecision).values(
            organization_id=self._organization_id, **values
        )
        once = statement.on_conflict_do_nothing(index_elements=["organization_id", "source_id"])
        entered = await self._session.scalar(once.returning(AutomatedDecision.id))
        return entered is not None

    async def get(self, decision_id: UUID) -> sa.Row[Any]:
        """The decision with whose ticket it is and its latest review, or DecisionNotFound."""
        statement = self._shown().where(AutomatedDecision.id == decision_id)
        row: sa.Row[Any] | None = (await self._session.execute(statement)).one_or_none()
        if row is None:
            raise DecisionNotFound
        return row

    async def list(self, wanted: DecisionFilter, page: CursorPage) -> Sequence[sa.Row[Any]]:
        """A page, the latest first."""
        statement = self._shown()
        if wanted.ticket_id is not None:
            statement = statement.where(AutomatedDecision.ticket_id == wanted.ticket_id)
        if wanted.client_id is not None:
            statement = statement.where(_TICKETS.c.client_id == wanted.client_id)
        if wanted.applied is not None:
            statement = statement.where(AutomatedDecision.applied == wanted.applied)
        if wanted.model is not None:
            statement = statement.where(AutomatedDecision.model == wanted.model)
        rows: Sequence[sa.Row[Any]] = (
            await self._session.execute(LATEST_FIRST.page(statement, page))
        ).all()
        return rows

    async def review(self, review_id: UUID) -> DecisionReview:
        """The review, or ReviewNotFound."""
        return await self._one(self._reviews().where(DecisionReview.id == review_id))

    async def open_review(self, review_id: UUID) -> DecisionReview:
        """The review, locked; ReviewNotFound, ReviewAnswered."""
        statement = self._reviews().where(DecisionReview.id == review_id)
        review = await self._one(statement.with_for_update())
        if review.status is ReviewStatus.ANSWERED:
            raise ReviewAnswered
        return review

    async def reviews(
        self, page: CursorPage, status: ReviewStatus | None, decision_id: UUID | None
    ) -> Sequence[DecisionReview]:
        """A page, the earliest due first."""
        statement = self._reviews()
        if status is not None:
            statement = statement.where(DecisionReview.status == status)
        if decision_id is not None:
            statement = statement.where(DecisionReview.decision_id == decision_id)
        return (await self._session.scalars(DUE_FIRST.page(statement, page))).all()

    async def _one(self, statement: sa.Select[DecisionReview]) -> DecisionReview:
        review = (await self._session.scalars(statement)).one_or_none()
        if review is None:
            raise ReviewNotFound
        return review

    def _reviews(self) -> sa.Select[DecisionReview]:
        return sa.select(DecisionReview).where(
            DecisionReview.organization_id == self._organization_id
        )

    def _shown(self) -> sa.Select[Any]:
        ticket = sa.and_(
            _TICKETS.c.organization_id == AutomatedDecision.organization_id,
            _TICKETS.c.id == AutomatedDecision.ticket_id,
        )
        latest = (
            sa.select(DecisionReview.status)
            .where(
                DecisionReview.organization_id == AutomatedDecision.organization_id,
                DecisionReview.decision_id == AutomatedDecision.id,
            )
            .order_by(DecisionReview.requested_at.desc(), DecisionReview.id.desc())
            .limit(1)
            .scalar_subquery()
        )
        return (
            sa.select(
                *AutomatedDecision.__table__.c,
                _TICKETS.c.client_id,
                latest.label("review_status"),
            )
            .select_from(sa.join(AutomatedDecision.__table__, _TICKETS, ticket))
            .where(AutomatedDecision.organization_id == self._organization_id)
        )
