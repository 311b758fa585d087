"""Setting budgets. A change holds for the next call; what is under way is not stopped."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.usage.exceptions import BudgetNotFound
from ai_svc.modules.usage.models import Budget
from ai_svc.modules.usage.schemas import BudgetChange, BudgetCreate
from chassis.web.etag import check_version
from chassis.web.pagination import CursorPage
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId, new_id


class Budgets:
    """The budgets of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, budget_id: UUID) -> Budget:
        """Raises BudgetNotFound."""
        return await self._one(self._mine().where(Budget.id == budget_id))

    async def get_for_change(self, budget_id: UUID, seen_version: int | None) -> Budget:
        """Locked. Raises BudgetNotFound, PreconditionFailed."""
        found = await self._one(self._mine().where(Budget.id == budget_id).with_for_update())
        check_version(found.version, seen_version)
        return found

    async def list(self, page: CursorPage) -> Sequence[Budget]:
        """Newest first, one more than asked for."""
        statement = self._mine()
        position = page.position(datetime.fromisoformat, UUID)
        if position is not None:
            statement = statement.where(
                sa.tuple_(Budget.created_at, Budget.id) < sa.tuple_(*position)
            )
        newest = statement.order_by(Budget.created_at.desc(), Budget.id.desc())
        return (await self._session.scalars(newest.limit(page.limit + 1))).all()

    async def _one(self, statement: sa.Select[Budget]) -> Budget:
        found: Budget | None = await self._session.scalar(statement)
        if found is None:
            raise BudgetNotFound
        return found

    def _mine(self) -> sa.Select[Budget]:
        return sa.select(Budget).where(Budget.organization_id == self._organization_id)


async def create(session: AsyncSession, actor: Actor, given: BudgetCreate) -> Budget:
    """BudgetTaken when there is one for the same."""
    values = given.model_dump(exclude={"user_id"})
    budget = Budget(
        **values,
        id=new_id(),
        organization_id=actor.organization_id,
        user_id=UserId(given.user_id) if given.user_id is not None else None,
        changed_by=actor.user_id,
    )
    session.add(budget)
    await session.flush()
    return budget


async def change(session: AsyncSession, actor: Actor, budget: Budget, given: BudgetChange) -> None:
    """Of the locked budget what is given."""
    for name, value in given.model_dump(exclude_unset=True).items():
        setattr(budget, name, value)
    budget.changed_by = actor.user_id
    await session.flush()
