"""What a JSON body must be before it is validated: JSON by its media type, and text that can be
stored."""

import json
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request

from chassis.web.errors import UnsupportedMediaType

# The only escapes that can spell NUL or half a surrogate pair. Raw ones are no valid JSON, or no
# valid UTF-8.
_SUSPECT: Final = (b"\\u0000", b"\\ud", b"\\uD")


class JsonExpected(UnsupportedMediaType):
    """The route reads JSON and got something else."""

    message = "Envie o corpo como JSON, com o cabeçalho Content-Type: application/json."


async def check_json_body(request: Request) -> None:
    """Reads the body (Starlette keeps it) and refuses another media type, NUL and lone surrogates.

    PostgreSQL stores no NUL and UTF-8 has no lone surrogates: both would surface as a 500 much
    later.
    """
    body = await request.body()
    if not body:
        return
    if not _is_json(request.headers.get("content-type", "")):
        raise JsonExpected
    if any(escape in body for escape in _SUSPECT):
        _refuse_unstorable(body)


def unstorable(location: tuple[str | int, ...]) -> dict[str, Any]:
    """The finding, in the shape of pydantic's own."""
    return {"type": "unstorable_text", "loc": location, "msg": "unstorable text", "input": None}


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


def _refuse_unstorable(body: bytes) -> None:
    """An escape may follow an escaped backslash, surrogates may pair up: only the parsed text
    can tell."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return  # not JSON: FastAPI says so in its own words
    errors = [unstorable(location) for location in _unstorable_in(document)]
    if errors:
        raise RequestValidationError(errors)


def _unstorable_in(document: Any) -> list[tuple[str | int, ...]]:
    found: list[tuple[str | int, ...]] = []
    waiting: list[tuple[tuple[str | int, ...], Any]] = [(("body",), document)]
    while waiting:
        location, value = waiting.pop()
        if isinstance(value, str):
            if not _can_be_stored(value):
                found.append(location)
        elif isinstance(value, dict):
            if not all(_can_be_stored(key) for key in value):
                found.append(location)
            else:
                waiting.extend(((*location, key), child) for key, child in value.items())
        elif isinstance(value, list):
            waiting.extend(((*location, index), child) for index, child in enumerate(value))
    return found


def _can_be_stored(text: str) -> bool:
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
