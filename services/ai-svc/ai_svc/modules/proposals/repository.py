"""Proposals of one person."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.proposals.exceptions import ProposalNotFound
from ai_svc.modules.proposals.models import Proposal, ProposalStatus
from chassis.web.pagination import CursorPage
from shared_schemas.actor import Actor


class Proposals:
    """Those that were shown to the actor; nobody sees another's."""

    def __init__(self, session: AsyncSession, actor: Actor) -> None:
        self._session = session
        self._actor = actor

    async def get(self, proposal_id: UUID, *, for_update: bool = False) -> Proposal:
        """Raises ProposalNotFound."""
        statement = self._mine().where(Proposal.id == proposal_id)
        if for_update:
            statement = statement.with_for_update()
        found: Proposal | None = await self._session.scalar(statement)
        if found is None:
            raise ProposalNotFound
        return found

    async def same(self, run_id: UUID, digest: str) -> Proposal:
        """The one this run has made of the same arguments before. Raises ProposalNotFound."""
        found: Proposal | None = await self._session.scalar(
            self._mine().where(Proposal.run_id == run_id, Proposal.arguments_sha256 == digest)
        )
        if found is None:
            raise ProposalNotFound
        return found

    async def page(
        self, page: CursorPage, *, now: datetime, conversation_id: UUID | None, pending: bool
    ) -> Sequence[Proposal]:
        """Newest first, one more than the page holds."""
        statement = self._mine()
        if conversation_id is not None:
            statement = statement.where(Proposal.conversation_id == conversation_id)
        if pending:
            statement = statement.where(
                Proposal.status == ProposalStatus.PENDING, Proposal.expires_at > now
            )
        after = page.position(datetime.fromisoformat, UUID)
        if after is not None:
            statement = statement.where(sa.tuple_(Proposal.created_at, Proposal.id) < after)
        rows = await self._session.scalars(
            statement.order_by(Proposal.created_at.desc(), Proposal.id.desc()).limit(page.limit + 1)
        )
        return rows.all()

    def _mine(self) -> sa.Select[Any]:
        return sa.select(Proposal).where(
            Proposal.organization_id == self._actor.organization_id,
            Proposal.user_id == self._actor.user_id,
        )
