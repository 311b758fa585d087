"""Organizations and members come into being at login: what the token says is taken over."""

from collections import OrderedDict
from dataclasses import replace
from datetime import timedelta
from time import monotonic
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.resources import Resources
from core_api.changes import Change, Changes
from core_api.modules.audit import service as audit
from core_api.modules.organizations.models import Member, Organization
from shared_schemas.actor import Actor, TokenClaims
from shared_schemas.permissions import Role

_REMEMBERED: Final = 10_000
_FRESH_FOR: Final = timedelta(minutes=10)

_Who = tuple[UUID, UUID]
_Said = tuple[str, str, str, frozenset[Role]]


class MemberProvisioning:
    """The `on_authenticated` hook: writes the member unless these claims were the last written.

    It forgets after ten minutes: `last_seen_at` goes on, and a restored database heals itself.
    """

    def __init__(self) -> None:
        self._written: OrderedDict[_Who, tuple[_Said, float]] = OrderedDict()

    async def __call__(self, resources: Resources, claims: TokenClaims, actor: Actor) -> None:
        """Makes sure that the actor is a member, with the token's name, e-mail and roles."""
        who = (claims.org_id, claims.sub)
        said = (claims.org, claims.email, claims.name, claims.roles)
        written, at = self._written.get(who, (None, 0.0))
        if written == said and monotonic() - at < _FRESH_FOR.total_seconds():
            return
        async with resources.database.transaction(actor.organization_id) as session:
            await provision(session, claims, actor)
        self._written[who] = (said, monotonic())
        self._written.move_to_end(who)
        while len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)

    def forget(self) -> None:
        """Everybody is written again at the next request."""
        self._written.clear()


async def provision(session: AsyncSession, claims: TokenClaims, actor: Actor) -> None:
    """Creates or updates the actor's organization and member. Any number may do it at once."""
    actor = replace(actor, reason=None)  # of what they came to do, which may name somebody
    if await _write_organization(session, claims, actor):
        await audit.record(session, actor, "organization.provisioned", actor.organization_id)
    known = await _known_member(session, actor)
    if await _write_member(session, claims, actor):
        await audit.record(session, actor, "member.provisioned", actor.user_id)
    elif known is not None and (changes := _differences(known, claims)):
        await audit.record(session, actor, "member.updated", actor.user_id, changes=changes)


async def _write_organization(session: AsyncSession, claims: TokenClaims, actor: Actor) -> bool:
    """Whether it is new, or has a new slug."""
    # The slug belongs to the OpenID provider; the name is ours once the row exists.
    given = insert(Organization).values(
        id=actor.organization_id, slug=claims.org, name=claims.org.replace("-", " ").title()
    )
    written = given.on_conflict_do_update(
        index_elements=[Organization.id],
        set_={"slug": given.excluded.slug, "updated_at": sa.func.now()},
        where=Organization.slug != given.excluded.slug,
    ).returning(Organization.id)
    return await session.scalar(written) is not None


async def _known_member(session: AsyncSession, actor: Actor) -> Any:
    """What was taken over before; locked, so that one change is noted once."""
    statement = sa.select(Member.email, Member.name, Member.roles).where(
        Member.organization_id == actor.organization_id, Member.id == actor.user_id
    )
    return (await session.execute(statement.with_for_update())).one_or_none()


def _differences(known: Any, claims: TokenClaims) -> Changes:
    said = {"email": claims.email, "name": claims.name, "roles": _roles(claims)}
    return Changes(
        {
            name: Change(old, value)
            for name, value in said.items()
            if (old := getattr(known, name)) != value
        }
    )


def _roles(claims: TokenClaims) -> list[str]:
    return sorted(role.value for role in claims.roles)


async def _write_member(session: AsyncSession, claims: TokenClaims, actor: Actor) -> bool:
    """Whether the member is new."""
    now = utc_now()
    given = insert(Member).values(
        organization_id=actor.organization_id,
        id=actor.user_id,
        email=claims.email,
        name=claims.name,
        roles=_roles(claims),
        last_seen_at=now,
        created_at=now,
    )
    taken_over = {name: given.excluded[name] for name in ("email", "name", "roles", "last_seen_at")}
    written = given.on_conflict_do_update(
        index_elements=[Member.organization_id, Member.id],
        set_={**taken_over, "updated_at": sa.func.now()},
    ).returning(Member.created_at == Member.last_seen_at)
    return bool(await session.scalar(written))
