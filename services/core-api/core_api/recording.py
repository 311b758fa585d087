"""Who stands behind a change: a member, the data subject by a link, or time."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Self
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging import outbox
from core_api.changes import Change
from core_api.modules.audit import service as audit
from shared_schemas.actor import Actor
from shared_schemas.events.base import BaseEvent
from shared_schemas.ids import OrganizationId

_NOTHING: Final[Mapping[str, UUID]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes audit rows and events as caused by whoever it was."""

    organization_id: OrganizationId
    request_id: str
    actor: Actor | None = None
    reason: str = ""
    """Said in the audit log where no member did it."""

    @classmethod
    def member(cls, actor: Actor) -> Self:
        """A member of the organization."""
        return cls(actor.organization_id, actor.request_id, actor)

    def tell(self, session: AsyncSession, event: type[BaseEvent], **payload: Any) -> None:
        """Publishes an event."""
        outbox.add(
            session,
            event.caused(
                organization_id=self.organization_id,
                correlation_id=self.request_id,
                actor_id=None if self.actor is None else self.actor.user_id,
                **payload,
            ),
        )

    async def note(
        self,
        session: AsyncSession,
        action: str,
        subject_id: UUID,
        *,
        changes: Mapping[str, Change],
        about: UUID,
        personal: frozenset[str] = frozenset(),
        related: Mapping[str, UUID] = _NOTHING,
    ) -> None:
        """Writes the audit row."""
        if self.actor is not None:
            await audit.record(
                session,
                self.actor,
                action,
                subject_id,
                changes=changes,
                about=about,
                personal=personal,
                related=related,
            )
            return
        audit.record_by_system(
            session,
            self.organization_id,
            action,
            subject_id,
            changes={name: change for name, change in changes.items() if name not in personal},
            reason=self.reason,
            run_id=self.request_id,
            about=about,
            related=related,
        )
