"""The document clients are generated from."""

import asyncio
import threading
from typing import Any

import httpx
import pytest
from chassis_web_sample import sample_app, started

from chassis.settings import ServiceAppSettings
from chassis.web import application
from chassis.web.openapi import describe

CREATE = ("/api/v1/notes", "post")
PATCH = ("/api/v1/notes/{note_id}", "patch")


@pytest.fixture(scope="module")
async def document(web: httpx.AsyncClient) -> dict[str, Any]:
    answer = await web.get("/api/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


def _operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method} {path}", operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


async def test_it_is_built_once_and_beside_the_event_loop(
    web_settings: ServiceAppSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    builders: list[threading.Thread] = []

    def remember(*args: Any) -> dict[str, Any]:
        builders.append(threading.current_thread())
        return describe(*args)

    monkeypatch.setattr(application, "describe", remember)
    async with started(sample_app(web_settings)) as client:
        answers = await asyncio.gather(*[client.get("/api/openapi.json") for _ in range(3)])

    assert [answer.status_code for answer in answers] == [200] * 3
    assert len({answer.content for answer in answers}) == 1
    (builder,) = builders
    assert builder is not threading.main_thread(), "health must answer meanwhile"


def test_every_error_of_every_operation_has_our_body(document: dict[str, Any]) -> None:
    for name, operation in _operations(document):
        errors = {code: answer for code, answer in operation["responses"].items() if code >= "4"}
        assert {"401", "422", "429", "500", "503"} <= set(errors), name
        for code, answer in errors.items():
            content = answer["content"]["application/json"]
            assert content["schema"] == {"$ref": "#/components/schemas/Failure"}, (name, code)
            assert content["example"]["status"] == "error"
            assert answer["description"]


@pytest.mark.parametrize(
    ("operation", "present", "absent"),
    [
        (CREATE, {"201", "403", "409", "413", "415"}, {"404", "412", "200"}),
        (PATCH, {"200", "403", "404", "409", "412"}, set[str]()),
        (("/api/v1/notes/{note_id}", "delete"), {"204", "404"}, {"412", "415"}),
        (("/api/v1/notes", "get"), {"200", "403"}, {"404", "409", "413", "415"}),
        (("/api/v1/uploads", "post"), {"413"}, {"415"}),
    ],
)
def test_errors_follow_from_what_a_route_takes(
    document: dict[str, Any], operation: tuple[str, str], present: set[str], absent: set[str]
) -> None:
    path, method = operation
    documented = set(document["paths"][path][method]["responses"])
    assert present <= documented
    assert not absent & documented


def test_headers_that_routes_read_are_parameters(document: dict[str, Any]) -> None:
    def headers(path: str, method: str) -> set[str]:
        parameters = document["paths"][path][method].get("parameters", [])
        return {item["name"] for item in parameters if item["in"] == "header"}

    assert "Idempotency-Key" in headers(*CREATE)
    assert "If-Match" in headers(*PATCH)
    assert "Idempotency-Key" not in headers(*PATCH)


def test_routes_of_people_ask_for_an_access_token(document: dict[str, Any]) -> None:
    assert document["components"]["securitySchemes"]["accessToken"]["scheme"] == "bearer"
    for name, operation in _operations(document):
        assert operation["security"] == [{"accessToken": []}], name
        assert isinstance(operation["x-permissions"], list), name


def test_framework_and_internal_routes_stay_out(document: dict[str, Any]) -> None:
    assert all(path.startswith("/api/v1/") for path in document["paths"])
    assert "HTTPValidationError" not in document["components"]["schemas"]
    assert "ErrorDetail" in document["components"]["schemas"]


def test_operation_ids_are_the_functions_names(document: dict[str, Any]) -> None:
    ids = [operation["operationId"] for _, operation in _operations(document)]
    assert len(ids) == len(set(ids))
    assert {"create_note", "list_notes"} <= set(ids)
