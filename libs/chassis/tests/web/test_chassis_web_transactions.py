"""The commit happens before the answer leaves."""

from uuid import uuid4

import httpx
import pytest

pytestmark = pytest.mark.committed


async def test_what_was_answered_is_committed(
    web: httpx.AsyncClient, ana: dict[str, str], clean_notes: None
) -> None:
    created = await web.post("/api/v1/notes", headers=ana, json={"slug": "a", "text": "b"})
    assert created.status_code == 201, created.text
    read = await web.get(created.headers["location"], headers=ana)
    assert read.json()["data"]["slug"] == "a"


async def test_commit_that_fails_on_a_deferred_constraint_is_never_answered_2xx(
    web: httpx.AsyncClient, ana: dict[str, str], clean_notes: None
) -> None:
    answer = await web.post(
        "/api/v1/notes", headers=ana, json={"slug": "c", "text": "d", "parent_id": str(uuid4())}
    )
    assert answer.status_code == 409
    assert answer.json()["code"] == "PARENT_MISSING"
