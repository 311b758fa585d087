"""Writing the audit log. Reading it is the router's, through the repository."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.modules.audit.models import AuditEvent
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

_NOTHING: Final[Mapping[str, UUID]] = MappingProxyType({})


def record(
    session: AsyncSession,
    actor: Actor,
    action: str,
    subject_id: UUID,
    *,
    changed: Iterable[str] = (),
    related: Mapping[str, UUID] = _NOTHING,
) -> None:
    """Notes a change in the transaction that makes it.

    `action` is `noun.past_verb`, its noun being the type of the subject; `changed` names fields,
    never values; `related` names other ids involved, e.g. `{"client_id": …}`.
    """
    session.add(
        AuditEvent(
            id=new_id(),
            organization_id=actor.organization_id,
            occurred_at=utc_now(),
            actor_id=actor.user_id,
            action=action,
            subject_type=action.partition(".")[0],
            subject_id=subject_id,
            changed=sorted(changed),
            related={name: str(value) for name, value in related.items()},
            request_id=actor.request_id,
        )
    )
