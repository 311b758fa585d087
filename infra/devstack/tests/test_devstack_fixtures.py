"""The fixtures every other suite stands on."""

import asyncpg
import psutil
import pytest
from redis.asyncio import Redis

from devstack.shared_servers import RunningPostgres
from devstack.testing import DatabaseUrls
from devstack.token_factory import TokenFactory


@pytest.mark.parametrize("role", ["cogep_app", "cogep_worker", "cogep_owner"])
async def test_no_role_of_ours_bypasses_row_level_security(
    role: str, postgres: RunningPostgres, database_urls: DatabaseUrls
) -> None:
    connection = await asyncpg.connect(postgres.url(role, database_urls.name))
    try:
        row = await connection.fetchrow(
            "SELECT rolsuper, rolbypassrls, rolcreaterole FROM pg_roles "
            "WHERE rolname = current_user"
        )
    finally:
        await connection.close()
    assert row is not None
    assert tuple(row) == (False, False, False)


async def test_the_application_role_cannot_create_anything(
    postgres: RunningPostgres, database_urls: DatabaseUrls
) -> None:
    connection = await asyncpg.connect(postgres.url("cogep_app", database_urls.name))
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE SCHEMA mine")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE public.mine (id int)")
    finally:
        await connection.close()


async def test_the_database_carries_a_recent_pgvector(database_urls: DatabaseUrls) -> None:
    connection = await asyncpg.connect(database_urls.superuser)
    try:
        found = await connection.fetchval(
            "SELECT extversion FROM pg_extension WHERE extname = 'vector'"
        )
    finally:
        await connection.close()
    assert tuple(int(part) for part in found.split(".")) >= (0, 8, 4)


async def test_streams_can_be_claimed_by_another_consumer(redis_url: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        await redis.xgroup_create("probe", "group", id="0", mkstream=True)
        await redis.xadd("probe", {"a": "1"})
        await redis.xreadgroup("group", "first", {"probe": ">"})
        _, claimed, deleted = await redis.xautoclaim("probe", "group", "second", min_idle_time=0)
        await redis.delete("probe")
    assert (len(claimed), deleted) == (1, [])


def test_tokens_carry_the_claims_services_rely_on(token_factory: TokenFactory) -> None:
    claims = token_factory.claims("beto", nbf=None)
    assert claims["org"] == "boreal"
    assert "nbf" not in claims
    assert all("d" not in key for key in token_factory.jwks()["keys"])


def test_servers_are_nobodys_children(postgres: RunningPostgres, valkey: int) -> None:
    ports = {postgres.port, valkey}
    mine = psutil.Process().children(recursive=True)
    listening = {
        connection.laddr[1]
        for process in mine
        for connection in process.net_connections(kind="tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening.isdisjoint(ports)
