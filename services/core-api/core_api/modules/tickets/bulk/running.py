"""Changing many tickets in one transaction, each in a savepoint of its own."""

from collections.abc import Awaitable, Callable
from typing import assert_never
from uuid import UUID

from chassis.web.errors import DomainError
from core_api.modules.tickets.bulk.schemas import (
    BulkAssign,
    BulkChange,
    BulkMove,
    BulkOutcome,
    BulkRequest,
    BulkResult,
    BulkSay,
    BulkTag,
    BulkWatch,
    TagChange,
)
from core_api.modules.tickets.changing import Changing
from core_api.modules.tickets.exceptions import TicketNotFound
from core_api.modules.tickets.messages.drafting import Drafting
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.moves import Move
from core_api.modules.tickets.moving import Moving
from core_api.modules.tickets.relations.watching import Watching
from core_api.modules.tickets.team_queue import settled_at_the_end

Apply = Callable[[Ticket], Awaitable[object]]


class Bulk(Changing, Moving, Drafting, Watching):
    """The use cases of one ticket, on many."""

    async def apply_to_many(self, given: BulkRequest) -> list[BulkResult]:
        """Changes what can be changed. What cannot is reported, and stays as it was.

        All are locked first, in the order of their ids, and changed in that order: whoever else
        changes several of them waits, nobody in a circle.
        """
        tickets = await self.tickets.lock_all(given.ids, given.numbers)
        apply = self._application(given)
        results = dict[UUID, BulkResult]()
        async with settled_at_the_end(self.tx, self.queue):
            for ticket_id, ticket in tickets.items():
                results[ticket_id] = await self._apply(apply, ticket)
        by_number = {result.number: result for result in results.values()}
        asked = [
            *(results.get(ticket_id) or _missing(id=ticket_id) for ticket_id in given.ids),
            *(by_number.get(number) or _missing(number=number) for number in given.numbers),
        ]
        return list({(result.id, result.number): result for result in asked}.values())

    async def _apply(self, apply: Apply, ticket: Ticket) -> BulkResult:
        ticket_id, number = ticket.id, ticket.number  # a rollback would forget them
        try:
            async with self.tx.begin_nested():
                await apply(ticket)
        except DomainError as error:
            return BulkResult(
                id=ticket_id,
                number=number,
                outcome=BulkOutcome.REFUSED,
                code=error.code,
                message=str(error),
            )
        return BulkResult(id=ticket_id, number=number, outcome=BulkOutcome.DONE)

    def _application(self, given: BulkRequest) -> Apply:
        match given:
            case BulkAssign(parameters=assignment):
                values = assignment.model_dump(exclude_unset=True)
                return lambda ticket: self.assign(ticket.id, values, None)
            case BulkMove(action=action, parameters=move):
                return lambda ticket: self.move(ticket.id, Move(action), move.note, None)
            case BulkChange(parameters=update):
                changed = update.model_dump(exclude_unset=True)
                return lambda ticket: self.change(ticket.id, changed, None)
            case BulkTag(parameters=tags):
                return lambda ticket: self._tag(ticket, tags)
            case BulkSay(parameters=message):
                return lambda ticket: self.say(ticket.id, message)
            case BulkWatch(parameters=watcher):
                member_id = watcher.member_id or self.actor.user_id
                return lambda ticket: self.watch(ticket.id, member_id)
            case _:
                assert_never(given)

    async def _tag(self, ticket: Ticket, tags: TagChange) -> None:
        kept = [tag for tag in ticket.tags if tag not in tags.remove]
        await self.change(ticket.id, {"tags": list(dict.fromkeys([*kept, *tags.add]))}, None)


def _missing(*, id: UUID | None = None, number: int | None = None) -> BulkResult:  # noqa: A002 - the field's name
    return BulkResult(
        id=id,
        number=number,
        outcome=BulkOutcome.REFUSED,
        code=TicketNotFound.code,
        message=TicketNotFound.message,
    )
