"""From whatever went wrong to one error body."""

import httpx
import pytest
import structlog
from chassis_web_sample import with_resources
from fastapi import FastAPI
from pydantic import SecretStr
from redis.exceptions import ConnectionError as RedisDown

from chassis.data.database import Database
from chassis.settings import DatabaseSettings, ServiceAppSettings
from chassis.web.error_handlers import ErrorAnswers
from chassis.web.errors import DomainError, NotFound, status_of

FAIL = "/api/v1/failures"


async def test_domain_error_has_code_message_and_named_fields(
    web: httpx.AsyncClient, ana: dict[str, str]
) -> None:
    answer = await web.post(f"{FAIL}/domain", headers=ana)
    assert answer.status_code == 409
    assert answer.json() == {
        "status": "error",
        "code": "MOVE_REFUSED",
        "message": "De closed não se passa para open.",
        "details": [
            {"field": "status", "message": "closed", "type": None},
            {"field": "wanted", "message": "open", "type": None},
        ],
        "request_id": answer.headers["x-request-id"],
    }


async def test_error_of_one_field(web: httpx.AsyncClient, ana: dict[str, str]) -> None:
    answer = await web.post(f"{FAIL}/input", headers=ana)
    assert answer.status_code == 422
    assert answer.json()["details"] == [
        {"field": "body.document", "message": "CPF inválido.", "type": "cpf"}
    ]


@pytest.mark.parametrize("kind", ["bug", "check"])
async def test_bug_is_500_without_any_detail_and_is_logged(
    web: httpx.AsyncClient, ana: dict[str, str], kind: str
) -> None:
    with structlog.testing.capture_logs() as logs:
        answer = await web.post(f"{FAIL}/{kind}", headers=ana)
    assert answer.status_code == 500
    body = answer.json()
    assert (body["code"], body["details"]) == ("INTERNAL_ERROR", [])
    assert body["request_id"] == answer.headers["x-request-id"]
    assert "nobody" not in answer.text
    assert "ck_notes" not in answer.text
    assert [entry["log_level"] for entry in logs if entry["event"] == "unhandled_error"] == [
        "error"
    ]


@pytest.mark.committed
async def test_known_constraint_is_its_domain_error(
    web: httpx.AsyncClient, ana: dict[str, str], clean_notes: None
) -> None:
    note = {"slug": "same", "text": "x"}
    assert (await web.post("/api/v1/notes", headers=ana, json=note)).status_code == 201
    answer = await web.post("/api/v1/notes", headers=ana, json=note)
    assert (answer.status_code, answer.json()["code"]) == (409, "SLUG_TAKEN")
    assert "uq_notes" not in answer.text


@pytest.mark.committed
async def test_unknown_unique_constraint_is_a_conflict(
    web: httpx.AsyncClient, web_app: FastAPI, ana: dict[str, str], clean_notes: None
) -> None:
    note = {"slug": "unmapped", "text": "x"}
    first = await web.post("/api/v1/notes", headers=ana, json=note)
    changed = {"slug": "other", "text": "x"}
    created = await web.post("/api/v1/notes", headers=ana, json=changed)
    answers = ErrorAnswers({})
    with pytest.MonkeyPatch.context() as patch:
        boundary = web_app.middleware_stack._app  # type: ignore[union-attr]  # our outermost layer
        patch.setattr(boundary, "_errors", answers)
        answer = await web.patch(created.headers["location"], headers=ana, json=note)
    assert first.status_code == 201
    assert (answer.status_code, answer.json()["code"]) == (409, "CONFLICT")


@pytest.mark.parametrize("kind", ["timeout", "connection"])
async def test_what_may_work_later_is_503_with_retry_after(
    web: httpx.AsyncClient, ana: dict[str, str], kind: str
) -> None:
    answer = await web.post(f"{FAIL}/{kind}", headers=ana)
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")
    assert int(answer.headers["retry-after"]) >= 1


async def test_database_that_is_down_is_503(
    web: httpx.AsyncClient, web_app: FastAPI, ana: dict[str, str]
) -> None:
    nowhere = SecretStr("postgresql+asyncpg://cogep_app:x@127.0.0.1:1/cogep")
    settings = DatabaseSettings(url=nowhere, worker_url=nowhere)
    down = Database(settings, schema="websample", application_name="down")
    working = web_app.state.resources.database
    with_resources(web_app, database=down)
    try:
        answer = await web.get("/api/v1/notes", headers=ana)
    finally:
        with_resources(web_app, database=working)
        await down.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "UNAVAILABLE")


def _scope() -> dict[str, object]:
    return {"type": "http", "headers": [], "method": "GET", "path": "/"}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RedisDown(), 503),
        (TimeoutError(), 503),
        (OSError("Multiple exceptions: [Errno 111] Connect call failed"), 503),
        (FileNotFoundError("/etc/secret"), 500),
        (PermissionError("/etc/secret"), 500),
        (KeyError("x"), 500),
    ],
)
def test_only_unreachable_dependencies_are_503(error: Exception, status: int) -> None:
    assert ErrorAnswers({}).answer(_scope(), error).status_code == status


def test_nearest_class_in_the_table_gives_the_status() -> None:
    class Missing(NotFound):
        """A subclass of a subclass."""

    class Odd(DomainError):
        """Directly below the root."""

    assert status_of(Missing()) == 404
    assert status_of(Odd()) == 400


async def test_settings_of_the_service_do_not_leak_into_answers(
    web: httpx.AsyncClient, ana: dict[str, str], web_settings: ServiceAppSettings
) -> None:
    answer = await web.post(f"{FAIL}/bug", headers=ana)
    for secret in (web_settings.database.url, web_settings.internal_keys.key):
        assert secret.get_secret_value() not in answer.text
