"""The life of a ticket as one table: which move is legal in which status, and where it leads."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class TicketStatus(StrEnum):
    """Where a ticket stands."""

    OPEN = "open"
    PENDING = "pending"  # waits for the client
    ON_HOLD = "on_hold"  # waits for a third party
    RESOLVED = "resolved"
    CLOSED = "closed"


class Move(StrEnum):
    """What can happen to a ticket: the calls of the API, and the three kinds of message."""

    ASSIGN = "assign"
    PEND = "pend"
    HOLD = "hold"
    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"
    REPLY = "reply"
    NOTE = "note"
    CLIENT_MESSAGE = "client_message"


_S = TicketStatus
_M = Move

TRANSITIONS: Final[Mapping[TicketStatus, Mapping[Move, TicketStatus]]] = MappingProxyType(
    {
        _S.OPEN: {
            _M.ASSIGN: _S.OPEN,
            _M.PEND: _S.PENDING,
            _M.HOLD: _S.ON_HOLD,
            _M.RESOLVE: _S.RESOLVED,
            _M.REPLY: _S.OPEN,
            _M.NOTE: _S.OPEN,
            _M.CLIENT_MESSAGE: _S.OPEN,
        },
        _S.PENDING: {
            _M.ASSIGN: _S.PENDING,
            _M.HOLD: _S.ON_HOLD,
            _M.RESOLVE: _S.RESOLVED,
            _M.REOPEN: _S.OPEN,
            _M.REPLY: _S.PENDING,
            _M.NOTE: _S.PENDING,
            _M.CLIENT_MESSAGE: _S.OPEN,  # what it waited for has come
        },
        _S.ON_HOLD: {
            _M.ASSIGN: _S.ON_HOLD,
            _M.PEND: _S.PENDING,
            _M.RESOLVE: _S.RESOLVED,
            _M.REOPEN: _S.OPEN,
            _M.REPLY: _S.ON_HOLD,
            _M.NOTE: _S.ON_HOLD,
            _M.CLIENT_MESSAGE: _S.ON_HOLD,
        },
        _S.RESOLVED: {
            _M.CLOSE: _S.CLOSED,
            _M.REOPEN: _S.OPEN,
            _M.REPLY: _S.RESOLVED,
            _M.NOTE: _S.RESOLVED,
            _M.CLIENT_MESSAGE: _S.OPEN,  # not resolved after all: somebody has to look at it
        },
        _S.CLOSED: {
            _M.REOPEN: _S.OPEN,
            _M.NOTE: _S.CLOSED,
        },
    }
)


def legal_moves(status: TicketStatus) -> tuple[Move, ...]:
    """Everything that may happen to a ticket in `status`."""
    return tuple(TRANSITIONS[status])
