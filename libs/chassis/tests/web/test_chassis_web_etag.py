"""Optimistic locking over HTTP."""

import httpx
import pytest

pytestmark = pytest.mark.committed


@pytest.fixture
async def note(web: httpx.AsyncClient, ana: dict[str, str], clean_notes: None) -> str:
    created = await web.post("/api/v1/notes", headers=ana, json={"slug": "a", "text": "b"})
    assert created.headers["etag"] == '"1"'
    return str(created.headers["location"])


@pytest.mark.parametrize(
    ("if_match", "status", "code"),
    [
        (None, 200, None),
        ("*", 200, None),
        ('"1"', 200, None),
        ('"2"', 412, "PRECONDITION_FAILED"),
        ("1", 422, "VALIDATION_ERROR"),
        ('W/"1"', 412, "PRECONDITION_FAILED"),
        ('"of-another"', 412, "PRECONDITION_FAILED"),
        ('"99999999999999999999"', 412, "PRECONDITION_FAILED"),
        ('"1", "2"', 422, "VALIDATION_ERROR"),
    ],
)
async def test_change_only_what_was_seen(
    web: httpx.AsyncClient,
    ana: dict[str, str],
    note: str,
    if_match: str | None,
    status: int,
    code: str | None,
) -> None:
    headers = ana | ({"if-match": if_match} if if_match else {})
    answer = await web.patch(note, headers=headers, json={"slug": "a", "text": "c"})
    assert answer.status_code == status
    assert answer.json().get("code") == code
