"""What a route takes and answers, for its OpenAPI description."""

from collections.abc import Mapping
from typing import Any

from chassis.web.documentation import raises

__all__ = ["form_with_file", "raises"]


def form_with_file(
    about_file: str, example: Mapping[str, str], **others: dict[str, Any]
) -> dict[str, Any]:
    """`openapi_extra=` of a route that reads a form: `file`, and other fields by their schemas."""
    file = {"type": "string", "format": "binary", "description": about_file}
    schema = {"type": "object", "required": ["file"], "properties": {"file": file, **others}}
    form = {"schema": schema, "example": dict(example)}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": form}}}
