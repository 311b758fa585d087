"""What a JSON body must be before it is validated: JSON by its media type, and free of NUL characters."""

import json
from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from starlette.requests import Request

from chassis.web.errors import UnsupportedMediaType

_ESCAPED_NUL: Final = b"\\u0000"


class JsonExpected(UnsupportedMediaType):
    """The route reads JSON and got something else."""

    message = "Envie o corpo como JSON, com o cabeçalho Content-Type: application/json."


async def check_body(request: Request) -> None:
    """Reads the body (Starlette keeps it) and refuses what PostgreSQL could not store or nobody declared as JSON."""
    body = await request.body()
    if not body:
        return
    if not _is_json(request.headers.get("content-type", "")):
        raise JsonExpected
    if _ESCAPED_NUL in body:
        _refuse_nul(body)


def nul_error(location: tuple[str | int, ...]) -> dict[str, Any]:
    """The finding, in the shape of pydantic's own."""
    return {"type": "nul_character", "loc": location, "msg": "NUL character", "input": None}


def _is_json(content_type: str) -> bool:
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )


def _refuse_nul(body: bytes) -> None:
    """`\\u0000` may also be an escaped backslash followed by text: only the parsed document can tell."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return  # not JSON: FastAPI says so in its own words
    errors = [nul_error(location) for location in _nul_locations(document)]
    if errors:
        raise RequestValidationError(errors)


def _nul_locations(document: Any) -> list[tuple[str | int, ...]]:
    found: list[tuple[str | int, ...]] = []
    waiting: list[tuple[tuple[str | int, ...], Any]] = [(("body",), document)]
    while waiting:
        location, value = waiting.pop()
        if isinstance(value, str):
            if "\0" in value:
                found.append(location)
        elif isinstance(value, dict):
            if any("\0" in key for key in value):
                found.append(location)
            waiting.extend(((*location, key), child) for key, child in value.items())
        elif isinstance(value, list):
            waiting.extend(((*location, index), child) for index, child in enumerate(value))
    return found
