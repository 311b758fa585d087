"""Which database errors mean "later", not "wrong"."""

import errno
import socket
from typing import Final

import asyncpg
from sqlalchemy import exc

_UNAVAILABLE: Final = (
    asyncpg.PostgresConnectionError,  # class 08
    asyncpg.OperatorInterventionError,  # class 57: shutdown, crash, starting up
    asyncpg.InsufficientResourcesError,  # class 53: too many connections, disk full
    asyncpg.InvalidCatalogNameError,  # the database is being restored
    ConnectionError,  # refused, reset
    TimeoutError,
    socket.gaierror,  # the server's name is not known now
)
_UNREACHABLE: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN})


def is_unavailable(error: BaseException) -> bool:
    """Whether the database could not be reached or not serve: the same call may succeed later."""
    if isinstance(error, exc.TimeoutError):  # no connection became free in the pool
        return True
    if isinstance(error, exc.DBAPIError):
        if error.connection_invalidated:
            return True
        cause = error.orig.__cause__ if error.orig is not None else None
        return cause is not None and _says_later(cause)
    return _says_later(error)


def _says_later(error: BaseException) -> bool:
    if isinstance(error, asyncpg.QueryCanceledError):
        return False  # the statement ran too long: its own fault, not the server's
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error)  # its other uses are programming errors and bad values
    return isinstance(error, _UNAVAILABLE) or _is_unreachable(error)


def _is_unreachable(error: BaseException) -> bool:
    """A missing or forbidden file is an OSError too, and a mistake; a full disk is our own."""
    # asyncio raises one without a number when a name has several addresses and none answers.
    return type(error) is OSError and (error.errno is None or error.errno in _UNREACHABLE)
