"""What people make of a proposal: they take it over, in part or whole, or they do not."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.etag import check_version
from core_api.blocked_clients import require_unblocked
from core_api.changes import Changes
from core_api.modules.audit import service as audit
from core_api.modules.tickets.service import (
    MessageCreate,
    MessageKind,
    Ticket,
    TicketService,
    settled_at_the_end,
)
from core_api.modules.triage.exceptions import NotProposed, TriageSettled
from core_api.modules.triage.models import TicketTriage, TriageField, TriageStatus
from core_api.modules.triage.receiving import COLUMNS
from core_api.modules.triage.repository import Triages
from core_api.modules.triage.schemas import TriageAccept, TriageDecline
from shared_schemas.actor import Actor

_ON_ADVICE: Final = "sugestão da assistente"
"""Why, in the audit log, unless the person says it."""


class Deciding:
    """The commands on proposals, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.triages = Triages(tx, actor.organization_id)
        advised = replace(actor, reason=actor.reason or _ON_ADVICE)
        self.service = TicketService(tx, advised)

    async def accept(
        self, ticket_id: UUID, given: TriageAccept, seen_version: int | None
    ) -> tuple[TicketTriage, Ticket]:
        """As if the person had entered it. `seen_version`: of the ticket, from If-Match.

        TicketNotFound, TriageNotFound, TriageSettled, NotProposed, TicketMerged, ClientBlocked,
        and what changing a ticket may raise.
        """
        ticket, triage = await self._locked(ticket_id, seen_version)
        await require_unblocked(self.tx, ticket.organization_id, ticket.client_id)
        wanted = _wanted(triage, given.fields)
        async with settled_at_the_end(self.tx, self.service.queue):
            await self.service.change(ticket.id, _values(triage, wanted), None)
            if TriageField.DRAFT in wanted and triage.draft is not None:
                draft = MessageCreate(kind=MessageKind.DRAFT, body=triage.draft)
                await self.service.say(ticket.id, draft)
        accepted = [*triage.accepted, *(field.value for field in wanted)]
        changes = triage.change({"status": TriageStatus.ACCEPTED, "accepted": accepted})
        await self._record("ticket_triage.accepted", ticket, triage, changes)
        return triage, ticket

    async def decline(
        self, ticket_id: UUID, given: TriageDecline, seen_version: int | None
    ) -> tuple[TicketTriage, Ticket]:
        """Nothing of it, or nothing more. What took effect by itself stays as it is.

        TicketNotFound, TriageNotFound, TriageSettled.
        """
        ticket, triage = await self._locked(ticket_id, seen_version)
        if triage.status not in (TriageStatus.PROPOSED, TriageStatus.APPLIED):
            raise TriageSettled
        changes = triage.change({"status": TriageStatus.DECLINED})
        triage.decline_reason = given.reason
        await self._record("ticket_triage.declined", ticket, triage, changes, given.reason)
        return triage, ticket

    async def _locked(
        self, ticket_id: UUID, seen_version: int | None
    ) -> tuple[Ticket, TicketTriage]:
        ticket = await self.service.tickets.get_for_update(ticket_id)
        triage = await self.triages.get_for_update(ticket.id)
        check_version(ticket.version, seen_version)
        return ticket, triage

    async def _record(
        self,
        action: str,
        ticket: Ticket,
        triage: TicketTriage,
        changes: Changes,
        reason: str | None = None,
    ) -> None:
        triage.decided_by, triage.decided_at = self.actor.user_id, utc_now()
        await audit.record(
            self.tx,
            self.actor,
            action,
            triage.id,
            changes=changes,
            about=ticket.client_id,
            related={"ticket_id": ticket.id, "client_id": ticket.client_id},
            reason=reason,
        )
        await self.tx.flush()


def _wanted(triage: TicketTriage, fields: Sequence[TriageField] | None) -> list[TriageField]:
    """What is to be taken over now."""
    if triage.status is TriageStatus.DECLINED:
        raise TriageSettled
    done = {*triage.applied, *triage.accepted}
    left = [field for field in triage.proposed if field.value not in done]
    if fields is None:
        if not left:
            raise TriageSettled
        return left
    for field in fields:
        if field not in triage.proposed:
            raise NotProposed(field=field.value)
        if field not in left:
            raise TriageSettled
    return list(dict.fromkeys(fields))


def _values(triage: TicketTriage, wanted: Sequence[TriageField]) -> dict[str, Any]:
    """The ticket's fields."""
    return {column: getattr(triage, column) for field, column in COLUMNS.items() if field in wanted}
