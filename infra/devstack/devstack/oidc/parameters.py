"""Request parameters as OAuth wants them: from a query or a small form, each at most once."""

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

_MOST_BYTES: Final = 32 * 1024
_MOST_FIELDS: Final = 40

Parameters = dict[str, str]


class MalformedRequest(Exception):
    """The parameters cannot be read. The message is ASCII, as RFC 6749 §5.2 asks."""


async def parameters_of(request: Request) -> Parameters:
    """The parameters of a GET (query) or POST (form body; the query of a POST is ignored).

    Raises:
        MalformedRequest: another content type, too much, not UTF-8, or a repeated name.
    """
    if request.method == "POST":
        return _parse(await _form_body(request))
    return _parse(request.scope["query_string"])


async def _form_body(request: Request) -> bytes:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type != "application/x-www-form-urlencoded":
        raise MalformedRequest("the body must be application/x-www-form-urlencoded")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise MalformedRequest("the body is too large")
    return bytes(body)


def _parse(raw: bytes) -> Parameters:
    try:
        pairs = parse_qsl(
            raw.decode("utf-8"),
            max_num_fields=_MOST_FIELDS,
            errors="strict",
            keep_blank_values=True,
        )
    except ValueError as error:
        raise MalformedRequest("the parameters cannot be decoded") from error
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise MalformedRequest("a parameter is repeated")
    # RFC 6749 §3.1: a parameter without a value is treated as if it were omitted.
    return {name: value for name, value in parameters.items() if value}
