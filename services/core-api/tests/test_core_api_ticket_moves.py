"""The table of moves, without a database."""

from itertools import product

import pytest

from core_api.modules.tickets.exceptions import IllegalTicketMove, TicketMerged
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.moves import TRANSITIONS, Move, TicketStatus, legal_moves
from shared_schemas.ids import new_id

_ANY_WORK = "assign unassign hold resolve reply draft note client_message merge absorb split"
LEGAL = {
    "new": f"{_ANY_WORK} pend",
    "open": f"{_ANY_WORK} pend",
    "pending": f"{_ANY_WORK} reopen",
    "on_hold": f"{_ANY_WORK} pend reopen".replace(" hold ", " "),
    "resolved": "close reopen reply draft note client_message merge split",
    "closed": "reopen note client_message split",
}


@pytest.mark.parametrize(("status", "move"), list(product(TicketStatus, Move)))
def test_move_is_legal_or_refused_with_the_legal_ones(status: TicketStatus, move: Move) -> None:
    ticket = Ticket(status=status)

    if move in LEGAL[status].split():
        ticket.move(move)
        assert ticket.status is TRANSITIONS[status][move]
        return
    with pytest.raises(IllegalTicketMove) as refused:
        ticket.move(move)
    named = [detail.message for detail in refused.value.details if detail.type == "legal_move"]
    assert named == list(legal_moves(status))
    assert ticket.status is status


def test_resolving_and_closing_are_dated_and_reopening_forgets_both() -> None:
    ticket = Ticket(status=TicketStatus.OPEN)

    assert set(ticket.move(Move.RESOLVE)) == {"status", "resolved_at"}
    assert set(ticket.move(Move.CLOSE)) == {"status", "closed_at"}
    forgotten = {"status", "resolved_at", "closed_at"}
    assert set(ticket.move(Move.REOPEN)) == forgotten | {"reopened_at", "reopen_count"}
    assert ticket.resolved_at is None
    assert ticket.closed_at is None
    assert ticket.reopen_count == 1


def test_taking_up_what_waited_is_no_reopening() -> None:
    ticket = Ticket(status=TicketStatus.PENDING, reopen_count=0)

    ticket.move(Move.REOPEN)

    assert (ticket.reopen_count, ticket.reopened_at) == (0, None)


@pytest.mark.parametrize("move", list(Move))
def test_nothing_is_legal_once_merged(move: Move) -> None:
    ticket = Ticket(status=TicketStatus.CLOSED, merged_into_id=new_id())

    with pytest.raises(TicketMerged):
        ticket.move(move)
    assert legal_moves(ticket.status, merged=True) == ()


def test_client_message_wakes_up_what_waited_or_seemed_done() -> None:
    woken = {
        status
        for status in TicketStatus
        if TRANSITIONS[status].get(Move.CLIENT_MESSAGE) is TicketStatus.OPEN
    }

    assert woken == set(TicketStatus) - {TicketStatus.NEW, TicketStatus.ON_HOLD}
