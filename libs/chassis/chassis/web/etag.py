"""Optimistic locking over HTTP: the version of a resource as `ETag`, and `If-Match` on change
(RFC 9110 §13.1.1)."""

import re
from typing import Annotated, Final, Protocol, TypeVar

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from chassis.web.errors import InvalidInput, PreconditionFailed
from chassis.web.responses import success
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.errors import ErrorDetail

_ETAG: Final = re.compile(r'(W/)?"([!#-~\x80-\xff]*)"\Z')
_VERSION: Final = re.compile(r"[0-9]{1,18}\Z")


def etag(version: int) -> str:
    """The strong entity tag of a version."""
    return f'"{version}"'


def set_etag(response: Response, version: int) -> None:
    """Announces the version to the client."""
    response.headers["etag"] = etag(version)


class HasVersion(Protocol):
    """What is read of a resource that people change."""

    @property
    def version(self) -> int:
        """Goes up with every change."""


V = TypeVar("V", bound=HasVersion)


def versioned(actor: Actor, response: Response, read: V) -> "Success[V]":
    """The envelope around a resource, its version announced."""
    # Quoted above: pydantic would look for a schema of the protocol.
    set_etag(response, read.version)
    return success(actor, read)


async def if_match(request: Request) -> int | None:
    """The version the caller has seen; None when it does not care (`*` or no header).

    A tag that is weak, or none of ours, matches no version (PreconditionFailed). InvalidInput for
    anything but one tag.
    """
    values = request.headers.getlist("if-match")
    if not values or values == ["*"]:
        return None
    match = _ETAG.match(values[0].strip()) if len(values) == 1 else None
    if match is not None and (match[1] or not _VERSION.match(match[2])):
        raise PreconditionFailed
    if match is None:
        raise InvalidInput(
            details=[
                ErrorDetail(
                    field="header.if-match",
                    message='Informe uma versão entre aspas, como "3", igual à recebida em ETag.',
                    type="etag",
                )
            ]
        )
    return int(match[2])


IfMatch = Annotated[int | None, Depends(if_match)]
"""The version from `If-Match`, or None."""


def check_version(current: int, expected: int | None) -> None:
    """`PreconditionFailed` when the caller has seen another version than the current one."""
    if expected is not None and expected != current:
        raise PreconditionFailed
