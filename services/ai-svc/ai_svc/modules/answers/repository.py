"""Reading answers of one organization, as far as a person may."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.answers.exceptions import AnswerNotFound
from ai_svc.modules.answers.models import Answer, AnswerFeedback, AnswerSource, Rating
from knowledge.access import Reader, of_nobody_or_in_force, purposes_in_force, readable
from knowledge.models import Document, Visibility
from shared_schemas.permissions import Permission

MOST_GROUPED: Final = 500
"""Unanswered questions that are looked through for groups, newest first."""


class Answers:
    """One's own answers; with `documents:curate` everybody's that quote what one may read."""

    def __init__(self, session: AsyncSession, reader: Reader) -> None:
        self._session = session
        self._reader = reader
        self._organization_id = reader.organization_id

    async def get(self, answer_id: UUID, *, for_update: bool = False) -> Answer:
        """Raises AnswerNotFound."""
        statement = self._visible().where(Answer.id == answer_id)
        if for_update:
            statement = statement.with_for_update(of=Answer)
        found: Answer | None = await self._session.scalar(statement)
        if found is None:
            raise AnswerNotFound
        return found

    async def unanswered(self, since: datetime) -> Sequence[Answer]:
        """Declined questions nobody has looked at, newest first."""
        rows = await self._session.scalars(
            self._shown()
            .where(Answer.abstained, Answer.resolved_at.is_(None), Answer.created_at >= since)
            .order_by(Answer.created_at.desc(), Answer.id.desc())
            .limit(MOST_GROUPED)
        )
        return rows.all()

    async def low_rated(self, since: datetime, limit: int) -> Sequence[Any]:
        """(answer, thumbs down, thumbs up), worst first."""
        rating = AnswerFeedback.rating
        down = sa.func.count().filter(rating == Rating.DOWN)
        up = sa.func.count().filter(rating == Rating.UP)
        rated = (
            sa.select(AnswerFeedback.answer_id, down.label("down"), up.label("up"))
            .where(AnswerFeedback.organization_id == self._organization_id)
            .group_by(AnswerFeedback.answer_id)
            .having(down > 0)
            .subquery()
        )
        rows = await self._session.execute(
            self._shown()
            .add_columns(rated.c.down, rated.c.up)
            .join(rated, rated.c.answer_id == Answer.id)
            .where(Answer.resolved_at.is_(None), Answer.created_at >= since)
            .order_by((rated.c.down - rated.c.up).desc(), Answer.created_at.desc(), Answer.id)
            .limit(limit)
        )
        return rows.all()

    async def said_of(self, answer_ids: Sequence[UUID]) -> Sequence[AnswerFeedback]:
        """What people say of these answers, newest first."""
        rows = await self._session.scalars(
            sa.select(AnswerFeedback)
            .where(
                AnswerFeedback.organization_id == self._organization_id,
                AnswerFeedback.answer_id.in_(answer_ids),
            )
            .order_by(AnswerFeedback.updated_at.desc(), AnswerFeedback.id)
        )
        return rows.all()

    async def never_cited(self, since: datetime, limit: int) -> Sequence[Any]:
        """(id, title, created_at) of documents no answer since then stands on, oldest first."""
        cited = sa.exists().where(
            AnswerSource.organization_id == Document.organization_id,
            AnswerSource.document_id == Document.id,
            Answer.organization_id == AnswerSource.organization_id,
            Answer.id == AnswerSource.answer_id,
            Answer.created_at >= since,
        )
        rows = await self._session.execute(
            sa.select(Document.id, Document.title, Document.created_at)
            .where(
                readable(self._reader),
                Document.current_version.is_not(None),
                Document.created_at < since,
                sa.not_(cited),
            )
            .order_by(Document.created_at, Document.id)
            .limit(limit)
        )
        return rows.all()

    async def quotes_only_what_is_for_all(self, answer_id: UUID) -> bool:
        """Whether every document it stands on is everybody's."""
        closed = (
            sa.select(Document.id)
            .join(
                AnswerSource,
                sa.and_(
                    AnswerSource.organization_id == Document.organization_id,
                    AnswerSource.document_id == Document.id,
                ),
            )
            .where(
                Document.organization_id == self._organization_id,
                AnswerSource.answer_id == answer_id,
                Document.visibility != Visibility.ORGANIZATION,
            )
        )
        return not await self._session.scalar(sa.select(sa.exists(closed)))

    def _shown(self) -> sa.Select[Any]:
        """Of the visible those whose words may be read: what one has asked about a client is used
        no longer than the client's documents."""
        in_force = purposes_in_force(Answer.organization_id, Answer.client_id)
        quotes_lapsed = sa.exists().where(
            AnswerSource.organization_id == Answer.organization_id,
            AnswerSource.answer_id == Answer.id,
            Document.organization_id == AnswerSource.organization_id,
            Document.id == AnswerSource.document_id,
            sa.not_(of_nobody_or_in_force()),
        )
        is_used = sa.and_(sa.func.cardinality(in_force) > 0, sa.not_(quotes_lapsed))
        return self._visible().where(sa.or_(Answer.client_id.is_(None), is_used))

    def _visible(self) -> sa.Select[Any]:
        mine = sa.select(Answer).where(Answer.organization_id == self._organization_id)
        own = Answer.asked_by == self._reader.user_id
        if Permission.DOCUMENTS_CURATE not in self._reader.permissions:
            return mine.where(own)
        # What an answer quotes is no more public than its documents.
        hidden = sa.exists(
            sa.select(AnswerSource.document_id)
            .where(
                AnswerSource.organization_id == Answer.organization_id,
                AnswerSource.answer_id == Answer.id,
                AnswerSource.document_id.not_in(
                    sa.select(Document.id).where(readable(self._reader, None))
                ),
            )
            .correlate(Answer)
        )
        about_nobody = Answer.client_id.is_(None)
        return mine.where(sa.or_(own, sa.and_(about_nobody, sa.not_(hidden))))
