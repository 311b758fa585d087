"""What people keep for themselves or share with everybody: saved views, canned replies, macros.

Such a row has an `owner_id`, which is null for what is shared.
"""

from typing import Any

import sqlalchemy as sa

from chassis.web.errors import Forbidden
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId
from shared_schemas.permissions import Permission


def once_per_owner(name: str) -> sa.Index:
    """A name is there once per person, and once among what everybody shares."""
    return sa.Index(
        name,
        "organization_id",
        "owner_id",
        "name",
        unique=True,
        postgresql_nulls_not_distinct=True,
    )


def visible_to(
    model: Any, organization_id: OrganizationId, member_id: UserId
) -> sa.ColumnElement[bool]:
    """Of the rows of one organization what one person sees: their own and what is shared."""
    return sa.and_(
        model.organization_id == organization_id,
        sa.or_(model.owner_id.is_(None), model.owner_id == member_id),
    )


def owner_of(actor: Actor, *, shared: bool, refusal: type[Forbidden]) -> UserId | None:
    """Whose something new is; `refusal` unless the actor may make it everybody's."""
    owner_id = None if shared else actor.user_id
    may_change(actor, owner_id, refusal)
    return owner_id


def may_change(actor: Actor, owner_id: UserId | None, refusal: type[Forbidden]) -> None:
    """`refusal` for what is shared, unless the actor configures the desk."""
    if owner_id is None and not actor.may(Permission.DESK_CONFIGURE):
        raise refusal
