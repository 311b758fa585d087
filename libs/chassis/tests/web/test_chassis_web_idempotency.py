"""A POST repeated with the same key: one effect, one answer."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest
from chassis_web_sample import SCHEMA, bearer
from fastapi import APIRouter

from chassis.web.idempotency import IdempotentRoute
from devstack.testing import DatabaseUrls
from devstack.token_factory import TokenFactory

pytestmark = pytest.mark.committed

NOTES = "/api/v1/notes"


@pytest.fixture
async def rows(database_urls: DatabaseUrls, clean_notes: None) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_urls.superuser)
    yield connection
    await connection.close()


async def _notes(rows: asyncpg.Connection) -> int:
    return int(await rows.fetchval(f"SELECT count(*) FROM {SCHEMA}.notes"))


async def _keys(rows: asyncpg.Connection) -> int:
    return int(await rows.fetchval(f"SELECT count(*) FROM {SCHEMA}.idempotency_keys"))


async def test_repetition_gets_the_first_answer(
    web: httpx.AsyncClient, ana: dict[str, str], rows: asyncpg.Connection
) -> None:
    headers = ana | {"idempotency-key": "k-1"}
    first = await web.post(NOTES, headers=headers, json={"slug": "a", "text": "b"})
    again = await web.post(NOTES, headers=headers, json={"slug": "a", "text": "b"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["location"] == first.headers["location"]
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert await _notes(rows) == 1


async def test_other_body_with_the_same_key_is_refused(
    web: httpx.AsyncClient, ana: dict[str, str], rows: asyncpg.Connection
) -> None:
    headers = ana | {"idempotency-key": "k-2"}
    await web.post(NOTES, headers=headers, json={"slug": "a", "text": "b"})
    answer = await web.post(NOTES, headers=headers, json={"slug": "a", "text": "c"})
    assert (answer.status_code, answer.json()["code"]) == (409, "IDEMPOTENCY_KEY_REUSED")
    assert await _notes(rows) == 1


async def test_identical_requests_at_the_same_time_have_one_effect(
    web: httpx.AsyncClient, ana: dict[str, str], rows: asyncpg.Connection
) -> None:
    for number in range(10):
        headers = ana | {"idempotency-key": f"race-{number}"}
        note = {"slug": f"race-{number}", "text": "x"}
        answers = await asyncio.gather(
            *(web.post(NOTES, headers=headers, json=note) for _ in range(4))
        )
        assert [answer.status_code for answer in answers] == [201] * 4
        assert len({answer.content for answer in answers}) == 1
    assert await _notes(rows) == 10
    assert await _keys(rows) == 10


async def test_refused_command_leaves_the_key_free(
    web: httpx.AsyncClient, ana: dict[str, str], rows: asyncpg.Connection
) -> None:
    await web.post(NOTES, headers=ana, json={"slug": "taken", "text": "x"})
    headers = ana | {"idempotency-key": "k-3"}
    note = {"slug": "taken", "text": "y"}
    assert (await web.post(NOTES, headers=headers, json=note)).status_code == 409
    assert await _keys(rows) == 0
    await rows.execute(f"DELETE FROM {SCHEMA}.notes")
    assert (await web.post(NOTES, headers=headers, json=note)).status_code == 201


async def test_commit_that_fails_keeps_no_answer(
    web: httpx.AsyncClient, ana: dict[str, str], rows: asyncpg.Connection
) -> None:
    headers = ana | {"idempotency-key": "k-4"}
    note = {"slug": "a", "text": "b", "parent_id": "0192a000-0000-7000-8000-000000000000"}
    assert (await web.post(NOTES, headers=headers, json=note)).status_code == 409
    assert await _keys(rows) == 0


async def test_key_belongs_to_one_organization(
    web: httpx.AsyncClient, ana: dict[str, str], beto: dict[str, str], rows: asyncpg.Connection
) -> None:
    key = {"idempotency-key": "shared"}
    note = {"slug": "a", "text": "b"}
    first = await web.post(NOTES, headers=ana | key, json=note)
    other = await web.post(NOTES, headers=beto | key, json=note)
    assert other.status_code == 201
    assert other.json()["data"]["id"] != first.json()["data"]["id"]


async def test_key_belongs_to_one_person(
    web: httpx.AsyncClient,
    ana: dict[str, str],
    token_factory: TokenFactory,
    rows: asyncpg.Connection,
) -> None:
    key, bruno = {"idempotency-key": "shared"}, bearer(token_factory.token("bruno"))
    first = await web.post(NOTES, headers=ana | key, json={"slug": "a", "text": "b"})
    other = await web.post(NOTES, headers=bruno | key, json={"slug": "c", "text": "d"})
    assert (first.status_code, other.status_code) == (201, 201)


async def test_upload_is_compared_by_content_not_by_boundary(
    web: httpx.AsyncClient, ana: dict[str, str], rows: asyncpg.Connection
) -> None:
    headers = ana | {"idempotency-key": "k-5"}
    url = f"{NOTES}/upload"
    first = await web.post(url, headers=headers, files={"file": ("a.txt", b"content")})
    again = await web.post(url, headers=headers, files={"file": ("a.txt", b"content")})
    other = await web.post(url, headers=headers, files={"file": ("a.txt", b"changed")})
    assert first.status_code == 201, first.text
    assert first.json()["data"]["text"] == "content", "hashing must not consume the file"
    assert again.content == first.content
    assert other.status_code == 409
    assert await _notes(rows) == 1


@pytest.mark.parametrize("key", ["", " ", "with space", "ação", "x" * 256])
async def test_key_must_be_readable(web: httpx.AsyncClient, ana: dict[str, str], key: str) -> None:
    pairs = [*ana.items(), ("idempotency-key", key)]
    headers = [(name.encode(), value.encode()) for name, value in pairs]
    answer = await web.post(NOTES, headers=headers, json={"slug": "a", "text": "b"})
    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == "header.idempotency-key"


async def test_stranger_with_a_key_is_still_a_stranger(
    web: httpx.AsyncClient, vera: dict[str, str], rows: asyncpg.Connection
) -> None:
    key, note = {"idempotency-key": "k-6"}, {"slug": "a", "text": "b"}
    assert (await web.post(NOTES, headers=key, json=note)).status_code == 401
    assert (await web.post(NOTES, headers=vera | key, json=note)).status_code == 403


def test_route_without_a_transaction_cannot_be_idempotent() -> None:
    router = APIRouter(route_class=IdempotentRoute)

    async def command() -> None:
        """No Tx."""

    with pytest.raises(TypeError, match="Tx"):
        router.add_api_route("/commands", command, methods=["POST"])
