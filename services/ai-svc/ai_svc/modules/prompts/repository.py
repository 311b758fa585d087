"""The choices of one organization."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from ai_svc.modules.prompts.models import Alias, ChangeKind, PromptAlias, PromptAliasChange
from chassis.web.pagination import CursorPage
from shared_schemas.ids import OrganizationId, UserId


class Choices:
    """What one organization has chosen, and when."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def version(self, prompt_id: str, alias: Alias) -> int | None:
        """The version chosen; None: none was."""
        chosen: int | None = await self._session.scalar(
            sa.select(PromptAlias.prompt_version).where(
                PromptAlias.organization_id == self._organization_id,
                PromptAlias.prompt_id == prompt_id,
                PromptAlias.alias == alias,
            )
        )
        return chosen

    async def of(self, prompt_ids: Sequence[str]) -> Sequence[PromptAlias]:
        """All choices for these prompts."""
        mine = self._mine().where(PromptAlias.prompt_id.in_(prompt_ids))
        return (await self._session.scalars(mine)).all()

    async def find(self, prompt_id: str, alias: Alias) -> PromptAlias | None:
        """The choice, to be read."""
        found: PromptAlias | None = await self._session.scalar(self._one(prompt_id, alias))
        return found

    async def locked(self, prompt_id: str, alias: Alias, user_id: UserId) -> PromptAlias:
        """The choice, to be changed; made, as no choice, where there is none."""
        await self._session.execute(
            insert(PromptAlias)
            .values(
                organization_id=self._organization_id,
                prompt_id=prompt_id,
                alias=alias,
                prompt_version=None,
                changed_by=user_id,
                version=0,
            )
            .on_conflict_do_nothing()
        )
        return (await self._session.scalars(self._one(prompt_id, alias).with_for_update())).one()

    async def last_standing(self, prompt_id: str, alias: Alias) -> PromptAliasChange | None:
        """The latest choice that no rollback has undone."""
        undoing = aliased(PromptAliasChange)
        undone = sa.exists().where(
            undoing.organization_id == self._organization_id,
            undoing.undoes_id == PromptAliasChange.id,
        )
        found: PromptAliasChange | None = await self._session.scalar(
            self._changes(prompt_id)
            .where(
                PromptAliasChange.alias == alias,
                PromptAliasChange.kind == ChangeKind.SET,
                sa.not_(undone),
            )
            .order_by(PromptAliasChange.number.desc())
            .limit(1)
        )
        return found

    async def history(
        self, prompt_id: str, alias: Alias | None, page: CursorPage
    ) -> Sequence[PromptAliasChange]:
        """The latest first, one more than asked for."""
        statement = self._changes(prompt_id)
        if alias is not None:
            statement = statement.where(PromptAliasChange.alias == alias)
        position = page.position(datetime.fromisoformat, UUID)
        here = sa.tuple_(PromptAliasChange.created_at, PromptAliasChange.id)
        if position is not None:
            statement = statement.where(here < sa.tuple_(*position))
        newest = statement.order_by(
            PromptAliasChange.created_at.desc(), PromptAliasChange.id.desc()
        )
        return (await self._session.scalars(newest.limit(page.limit + 1))).all()

    def _mine(self) -> sa.Select[PromptAlias]:
        return sa.select(PromptAlias).where(PromptAlias.organization_id == self._organization_id)

    def _one(self, prompt_id: str, alias: Alias) -> sa.Select[PromptAlias]:
        return self._mine().where(PromptAlias.prompt_id == prompt_id, PromptAlias.alias == alias)

    def _changes(self, prompt_id: str) -> sa.Select[PromptAliasChange]:
        return sa.select(PromptAliasChange).where(
            PromptAliasChange.organization_id == self._organization_id,
            PromptAliasChange.prompt_id == prompt_id,
        )
