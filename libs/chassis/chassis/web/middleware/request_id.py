"""The id that follows one request through logs, events and other services."""

import re
from collections.abc import MutableMapping
from typing import Any, Final

import uuid_utils

HEADER: Final = b"x-request-id"
_SCOPE_KEY: Final = "cogep.request_id"
_ACCEPTABLE: Final = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:-]{7,127}\Z")


def assign_request_id(scope: MutableMapping[str, Any]) -> str:
    """Takes the caller's id when it is harmless in a log line and a header, else makes one."""
    for name, value in scope["headers"]:
        if name == HEADER:
            request_id = (
                value.decode("ascii") if _ACCEPTABLE.match(value) else str(uuid_utils.uuid7())
            )
            break
    else:
        request_id = str(uuid_utils.uuid7())
    scope[_SCOPE_KEY] = request_id
    return request_id


def request_id_of(scope: MutableMapping[str, Any]) -> str:
    """The id of the request being handled."""
    request_id = scope.get(_SCOPE_KEY)
    return request_id if isinstance(request_id, str) else assign_request_id(scope)
