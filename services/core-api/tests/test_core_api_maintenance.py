"""Upkeep: what is past its time goes, for services of ours only."""

import asyncpg
import pytest
from core_api_factories import CLIENTS, INTERNAL_KEY, Person, make_client

PRUNE = "/internal/v1/maintenance/prune"
WORKER = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}

pytestmark = pytest.mark.committed


async def _aged(superuser: asyncpg.Connection, days: int) -> None:
    """As if everything had happened so many days ago."""
    past = f"now() - interval '{days} days'"
    await superuser.execute(f"UPDATE crm.outbox SET created_at = {past}, published_at = {past}")
    await superuser.execute(f"UPDATE crm.idempotency_keys SET created_at = {past}")


async def test_old_traces_are_deleted_and_the_client_stays(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    await ana.post(CLIENTS, {"name": "Júlia"}, headers={"idempotency-key": "1"})
    await _aged(superuser, 30)

    answer = await ana.http.post(PRUNE, headers=WORKER)

    assert answer.json()["data"] == {
        "outbox": 1,
        "inbox": 0,
        "idempotency_keys": 1,
        "attachments": 0,
        "client_imports": 0,
        "client_import_orphans": 0,
        "subject_data_orphans": 0,
    }
    assert len(await ana.seen(CLIENTS)) == 1


async def test_fresh_and_unpublished_traces_stay(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    await ana.post(CLIENTS, {"name": "Júlia"}, headers={"idempotency-key": "1"})
    await _aged(superuser, 1)
    await make_client(ana)
    await superuser.execute(
        "UPDATE crm.outbox SET created_at = now() - interval '1 year' WHERE published_at IS NULL"
    )

    answer = await ana.http.post(PRUNE, headers=WORKER)

    assert set(answer.json()["data"].values()) == {0}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-source-service": "worker-svc"},
        WORKER | {"x-internal-key": "wrong-key-wrong-key"},
        WORKER | {"x-source-service": "ai-svc"},
    ],
)
async def test_nobody_else_may_prune(ana: Person, headers: dict[str, str]) -> None:
    answer = await ana.http.post(PRUNE, headers=headers)
    with_token = await ana.post(PRUNE, {}, headers=headers)

    assert (answer.status_code, with_token.status_code) == (401, 401)
