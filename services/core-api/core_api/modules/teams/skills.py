"""Which skills a ticket needs: rules of the organization by category and by tag."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.etag import check_version
from chassis.web.pagination import CursorPage
from core_api.changes import made, removed
from core_api.keyset import Keyset
from core_api.modules.audit import service as audit
from core_api.modules.categories.service import require_category
from core_api.modules.teams.exceptions import SkillRuleNotFound
from core_api.modules.teams.models import SkillRule
from core_api.modules.teams.schemas import SkillRuleCreate
from core_api.tables import SCHEMA
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id

OLDEST_RULE_FIRST: Final = Keyset(
    name="created_at", column=SkillRule.created_at, id=SkillRule.id, parse=datetime.fromisoformat
)

# The tree alone: everything else about categories is the business of their own context.
_CATEGORIES: Final = sa.table(
    "ticket_categories",
    sa.column("organization_id", sa.Uuid()),
    sa.column("id", sa.Uuid()),
    sa.column("path", sa.Text()),
    schema=SCHEMA,
)
NOTHING: Final[frozenset[str]] = frozenset()
"""What most tickets need."""


@dataclass(frozen=True)
class NeededSkills:
    """All rules of an organization, for many tickets at once."""

    of_category: dict[UUID, frozenset[str]]
    of_tag: dict[str, frozenset[str]]

    def of(self, category_id: UUID | None, tags: Iterable[str]) -> frozenset[str]:
        """Everything the category and the tags demand together."""
        by_category = self.of_category.get(category_id, NOTHING) if category_id else NOTHING
        return by_category.union(*(self.of_tag.get(tag, NOTHING) for tag in tags))


async def needed_skills(session: AsyncSession, organization_id: OrganizationId) -> NeededSkills:
    """For other contexts: what tickets of the organization demand.

    What a category demands is demanded by all below it.
    """
    top, below = _CATEGORIES.alias("top"), _CATEGORIES.alias("below")
    is_top = sa.and_(
        top.c.organization_id == SkillRule.organization_id, top.c.id == SkillRule.category_id
    )
    is_below = sa.and_(
        below.c.organization_id == top.c.organization_id,
        sa.func.starts_with(below.c.path, top.c.path),
    )
    rules = (
        sa.select(below.c.id.label("category_id"), SkillRule.tag, SkillRule.skills)
        .outerjoin(top, is_top)
        .outerjoin(below, is_below)
        .where(SkillRule.organization_id == organization_id)
    )
    of_category: dict[UUID, frozenset[str]] = {}
    of_tag: dict[str, frozenset[str]] = {}
    for category_id, tag, skills in await session.execute(rules):
        if tag is not None:
            of_tag[tag] = frozenset(skills)
        else:
            of_category[category_id] = of_category.get(category_id, frozenset()).union(skills)
    return NeededSkills(of_category, of_tag)


class SkillRules:
    """The rules of one organization, and the commands on them."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor

    async def list(self, page: CursorPage) -> Sequence[SkillRule]:
        """A page, oldest first."""
        return (await self.tx.scalars(OLDEST_RULE_FIRST.page(self._mine(), page))).all()

    async def create(self, given: SkillRuleCreate) -> SkillRule:
        """A rule for a category or a tag that has none yet: the constraint sees to that."""
        if given.category_id is not None:
            await require_category(self.tx, self.actor.organization_id, given.category_id)
        rule = SkillRule(
            id=new_id(), organization_id=self.actor.organization_id, **given.model_dump()
        )
        self.tx.add(rule)
        await audit.record(
            self.tx,
            self.actor,
            "skill_rule.created",
            rule.id,
            changes=made(given.model_dump()),
        )
        await self.tx.flush()
        return rule

    async def change(
        self, rule_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> SkillRule:
        """Other skills. Tickets that waited for the old ones are looked at by the next sweep."""
        rule = await self._get_for_update(rule_id)
        check_version(rule.version, seen_version)
        changes = rule.change(values)
        if changes:
            await audit.record(self.tx, self.actor, "skill_rule.updated", rule.id, changes=changes)
            await self.tx.flush()
        return rule

    async def delete(self, rule_id: UUID, seen_version: int | None) -> None:
        """Nothing is demanded any more."""
        rule = await self._get_for_update(rule_id)
        check_version(rule.version, seen_version)
        gone = removed({"category_id": rule.category_id, "tag": rule.tag, "skills": rule.skills})
        await audit.record(self.tx, self.actor, "skill_rule.deleted", rule.id, changes=gone)
        await self.tx.delete(rule)
        await self.tx.flush()

    async def _get_for_update(self, rule_id: UUID) -> SkillRule:
        statement = self._mine().where(SkillRule.id == rule_id).with_for_update()
        rule = (await self.tx.scalars(statement)).one_or_none()
        if rule is None:
            raise SkillRuleNotFound
        return rule

    def _mine(self) -> sa.Select[SkillRule]:
        return sa.select(SkillRule).where(SkillRule.organization_id == self.actor.organization_id)
