"""The service describes itself completely: summaries, examples, every error."""

from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import TypeAdapter

from core_api.modules.categories.schemas import CategoryCreate, CategoryUpdate
from core_api.modules.clients.schemas import ClientCreate, ClientUpdate
from core_api.modules.consents.schemas import (
    ConsentCreate,
    ConsentRevoke,
    NoticeCreate,
    PurposeCreate,
    PurposeUpdate,
)
from core_api.modules.desk.schemas import DeskSettingsUpdate
from core_api.modules.tickets.bulk.schemas import (
    BulkAssign,
    BulkChange,
    BulkMove,
    BulkSay,
    BulkTag,
    BulkWatch,
)
from core_api.modules.tickets.messages.schemas import MessageCreate, MessageUpdate
from core_api.modules.tickets.relations.schemas import LinkCreate, WatcherCreate
from core_api.modules.tickets.schemas import (
    TicketAssignment,
    TicketCreate,
    TicketMergeInto,
    TicketMove,
    TicketSplitOff,
    TicketUpdate,
)

BY_LINK = {
    "GET /api/v1/attachments/{attachment_id}/download",
    "GET /api/v1/public/subject-data/{token}",
    "GET /api/v1/public/privacy-notice/{token}",
    "GET /api/v1/public/preferences/{token}",
    "POST /api/v1/public/preferences/{token}",
    "GET /api/v1/public/preferences/{token}/requests",
    "POST /api/v1/public/preferences/{token}/requests",
}
"""A signed link takes the place of the access token."""


@pytest.fixture(scope="module")
def document(shared_app: FastAPI) -> dict[str, Any]:
    return shared_app.openapi()


def _operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }


def test_every_operation_says_what_it_does(document: dict[str, Any]) -> None:
    for name, operation in _operations(document).items():
        assert operation["summary"], name
        assert operation["description"], name
        assert operation["tags"], name
        assert operation["security"] or name in BY_LINK, name


def test_every_parameter_says_what_it_is_for(document: dict[str, Any]) -> None:
    silent = [
        f"{name}: {parameter['name']}"
        for name, operation in _operations(document).items()
        for parameter in operation.get("parameters", ())
        if not parameter.get("description")
    ]

    assert silent == []


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    bare = [
        f"{name}: {media_type}"
        for name, operation in _operations(document).items()
        for media_type, body in operation.get("requestBody", {}).get("content", {}).items()
        if not ("example" in body or _has_example(document, body["schema"]))
    ]

    assert bare == []


def _has_example(document: dict[str, Any], schema: dict[str, Any]) -> bool:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _has_example(document, document["components"]["schemas"][name])
    choices = schema.get("anyOf", []) + schema.get("oneOf", [])
    return "examples" in schema or any(_has_example(document, each) for each in choices)


def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operation in _operations(document).values()]

    assert len(ids) == len(set(ids))


def test_every_operation_names_its_errors_with_examples(document: dict[str, Any]) -> None:
    for name, operation in _operations(document).items():
        responses = operation["responses"]
        expected = {"401", "422", "429", "500", "503"}
        if "{" in name:
            expected |= {"404"}
        if not name.startswith("GET"):
            expected |= {"409"}
        if operation.get("requestBody"):
            expected |= {"413", "415"}
        assert expected <= set(responses), name
        for status, response in responses.items():
            assert response["description"], (name, status)
            if status.startswith(("4", "5")):
                content = response["content"]["application/json"]
                assert content["schema"] == {"$ref": "#/components/schemas/Failure"}
                assert content.get("example") or content["examples"], (name, status)


def test_every_reference_resolves(document: dict[str, Any]) -> None:
    parts = str(document).replace("'", '"').split("#/components/schemas/")[1:]

    assert {part.split('"')[0] for part in parts} <= set(document["components"]["schemas"])


@pytest.mark.parametrize(
    "schema",
    [
        ClientCreate,
        ClientUpdate,
        TicketCreate,
        TicketUpdate,
        TicketMove,
        TicketAssignment,
        MessageCreate,
        MessageUpdate,
        TicketMergeInto,
        TicketSplitOff,
        WatcherCreate,
        LinkCreate,
        BulkAssign,
        BulkMove,
        BulkChange,
        BulkTag,
        BulkSay,
        BulkWatch,
        CategoryCreate,
        CategoryUpdate,
        DeskSettingsUpdate,
        PurposeCreate,
        PurposeUpdate,
        NoticeCreate,
        ConsentCreate,
        ConsentRevoke,
    ],
)
def test_examples_of_bodies_are_valid(document: dict[str, Any], schema: type) -> None:
    described = document["components"]["schemas"][schema.__name__]

    assert described["additionalProperties"] is False
    assert described["examples"]
    for example in described["examples"]:
        TypeAdapter(schema).validate_python(example)
