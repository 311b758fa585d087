"""The life of a ticket as one table: what may be done in which status, and where it leads."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class TicketStatus(StrEnum):
    """Where a ticket stands."""

    NEW = "new"  # nobody has taken it up
    OPEN = "open"
    PENDING = "pending"  # waits for the client
    ON_HOLD = "on_hold"  # waits for a third party
    RESOLVED = "resolved"
    CLOSED = "closed"


class Move(StrEnum):
    """What can happen to a ticket: the calls of the API, and the kinds of message."""

    ASSIGN = "assign"
    UNASSIGN = "unassign"  # POST …/assign with nobody
    PEND = "pend"
    HOLD = "hold"
    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"
    REPLY = "reply"  # also a draft that is sent
    DRAFT = "draft"
    NOTE = "note"
    CLIENT_MESSAGE = "client_message"
    MERGE = "merge"  # into another ticket
    ABSORB = "absorb"  # another ticket is merged into it
    SPLIT = "split"


_S = TicketStatus
_M = Move

TRANSITIONS: Final[Mapping[TicketStatus, Mapping[Move, TicketStatus]]] = MappingProxyType(
    {
        _S.NEW: {
            _M.ASSIGN: _S.OPEN,
            _M.UNASSIGN: _S.NEW,
            _M.PEND: _S.PENDING,
            _M.HOLD: _S.ON_HOLD,
            _M.RESOLVE: _S.RESOLVED,
            _M.REPLY: _S.OPEN,
            _M.DRAFT: _S.NEW,
            _M.NOTE: _S.NEW,
            _M.CLIENT_MESSAGE: _S.NEW,
            _M.MERGE: _S.CLOSED,
            _M.ABSORB: _S.NEW,
            _M.SPLIT: _S.NEW,
        },
        _S.OPEN: {
            _M.ASSIGN: _S.OPEN,
            _M.UNASSIGN: _S.OPEN,
            _M.PEND: _S.PENDING,
            _M.HOLD: _S.ON_HOLD,
            _M.RESOLVE: _S.RESOLVED,
            _M.REPLY: _S.OPEN,
            _M.DRAFT: _S.OPEN,
            _M.NOTE: _S.OPEN,
            _M.CLIENT_MESSAGE: _S.OPEN,
            _M.MERGE: _S.CLOSED,
            _M.ABSORB: _S.OPEN,
            _M.SPLIT: _S.OPEN,
        },
        _S.PENDING: {
            _M.ASSIGN: _S.PENDING,
            _M.UNASSIGN: _S.PENDING,
            _M.HOLD: _S.ON_HOLD,
            _M.RESOLVE: _S.RESOLVED,
            _M.REOPEN: _S.OPEN,
            _M.REPLY: _S.PENDING,
            _M.DRAFT: _S.PENDING,
            _M.NOTE: _S.PENDING,
            _M.CLIENT_MESSAGE: _S.OPEN,  # what it waited for has come
            _M.MERGE: _S.CLOSED,
            _M.ABSORB: _S.PENDING,
            _M.SPLIT: _S.PENDING,
        },
        _S.ON_HOLD: {
            _M.ASSIGN: _S.ON_HOLD,
            _M.UNASSIGN: _S.ON_HOLD,
            _M.PEND: _S.PENDING,
            _M.RESOLVE: _S.RESOLVED,
            _M.REOPEN: _S.OPEN,
            _M.REPLY: _S.ON_HOLD,
            _M.DRAFT: _S.ON_HOLD,
            _M.NOTE: _S.ON_HOLD,
            _M.CLIENT_MESSAGE: _S.ON_HOLD,
            _M.MERGE: _S.CLOSED,
            _M.ABSORB: _S.ON_HOLD,
            _M.SPLIT: _S.ON_HOLD,
        },
        _S.RESOLVED: {
            _M.CLOSE: _S.CLOSED,
            _M.REOPEN: _S.OPEN,
            _M.REPLY: _S.RESOLVED,
            _M.DRAFT: _S.RESOLVED,
            _M.NOTE: _S.RESOLVED,
            # Not resolved after all. Too late for that, the message makes a follow-up instead.
            _M.CLIENT_MESSAGE: _S.OPEN,
            _M.MERGE: _S.CLOSED,
            _M.SPLIT: _S.RESOLVED,
        },
        _S.CLOSED: {
            _M.REOPEN: _S.OPEN,
            _M.NOTE: _S.CLOSED,
            _M.CLIENT_MESSAGE: _S.OPEN,
            _M.SPLIT: _S.CLOSED,
        },
    }
)

AT_REST: Final = frozenset({_S.RESOLVED, _S.CLOSED})
"""Nobody works on it; leaving one of these is reopening."""


def legal_moves(status: TicketStatus, *, merged: bool = False) -> tuple[Move, ...]:
    """Everything that may happen to a ticket in `status`; nothing to one merged into another."""
    return () if merged else tuple(TRANSITIONS[status])
