"""How the two bodies of a submission, a form with a file and JSON, are described in OpenAPI."""

from typing import Any

from pydantic import BaseModel

_FILE = {"file": {"type": "string", "format": "binary"}}
_REFERENCE = "#/components/schemas/{model}"


def submission_body(of_file: type[BaseModel], of_json: type[BaseModel]) -> dict[str, Any]:
    """`openapi_extra=` of a route that takes a file, a text or an address."""
    form = _schema(of_file)
    form["properties"] = {**_FILE, **form["properties"]}
    form["required"] = ["file"]
    content = {
        "multipart/form-data": {"schema": form},
        "application/json": {"schema": _schema(of_json)},
    }
    return {"requestBody": {"required": True, "content": content}}


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_REFERENCE)
    schema.pop("$defs", None)  # its enumerations are components by the answers' schemas
    return schema
