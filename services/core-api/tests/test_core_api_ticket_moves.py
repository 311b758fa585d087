"""The table of moves, without a database."""

from itertools import product

import pytest

from core_api.modules.tickets.exceptions import IllegalTicketMove
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.moves import TRANSITIONS, Move, TicketStatus, legal_moves

LEGAL = {
    "open": "assign pend hold resolve reply note client_message",
    "pending": "assign hold resolve reopen reply note client_message",
    "on_hold": "assign pend resolve reopen reply note client_message",
    "resolved": "close reopen reply note client_message",
    "closed": "reopen note",
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

    assert ticket.move(Move.RESOLVE) == {"status", "resolved_at"}
    assert ticket.move(Move.CLOSE) == {"status", "closed_at"}
    assert ticket.move(Move.REOPEN) == {"status", "resolved_at", "closed_at"}
    assert ticket.resolved_at is None
    assert ticket.closed_at is None


def test_client_message_wakes_up_what_waited_or_seemed_done() -> None:
    woken = {
        status
        for status in TicketStatus
        if TRANSITIONS[status].get(Move.CLIENT_MESSAGE) is TicketStatus.OPEN
    }

    assert woken == {TicketStatus.OPEN, TicketStatus.PENDING, TicketStatus.RESOLVED}
