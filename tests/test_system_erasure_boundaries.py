"""An erasure whose processes are killed at each boundary between its steps, and Redis emptied in
the middle: it ends once, with every count as if nobody had disturbed it, and leaves nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final
from uuid import uuid4

import asyncpg
import httpx
import pytest
from planted_person import (
    MARKERS,
    Planted,
    ask_for_erasure,
    completed,
    made,
    places_with,
    plant,
    seen,
    verified,
)
from preloaded_service import PreloadedService
from redis.asyncio import Redis
from system_stack import Stack, eventually, running_stack

from ai_svc.modules.privacy.erasing import STEPS
from core_api.erasure_stores import ERASURE_STORES_IN_ORDER
from core_api.modules.erasure.starting import OWN_PART, SERVICES
from devstack.generated_secrets import load_or_generate
from shared_schemas.privacy import StoreAction

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

_OURS: Final = 73_041
"""Of advisory locks: nobody else's begin with it."""
# Label of a row that ends a step → it waits here, uncommitted, while the test holds the label.
_TRIGGERS: Final = f"""
CREATE FUNCTION public.boundary() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared({_OURS}, hashtext(TG_ARGV[0] || (CASE TG_ARGV[1]
    WHEN '' THEN '' ELSE to_jsonb(NEW) ->> TG_ARGV[1] END)));
  RETURN NEW;
END $$;
CREATE TRIGGER boundary_begun BEFORE INSERT ON crm.erasures
  FOR EACH ROW EXECUTE FUNCTION public.boundary('core-api begins', '');
CREATE TRIGGER boundary_step BEFORE INSERT OR UPDATE ON crm.erasure_steps
  FOR EACH ROW WHEN (NEW.proven_at IS NOT NULL)
  EXECUTE FUNCTION public.boundary('core-api proves ', 'store');
CREATE TRIGGER boundary_part BEFORE UPDATE ON crm.erasure_parts
  FOR EACH ROW WHEN (NEW.done_at IS NOT NULL)
  EXECUTE FUNCTION public.boundary('core-api notes the end of ', 'service');
CREATE TRIGGER boundary_ended BEFORE UPDATE ON crm.erasures
  FOR EACH ROW WHEN (NEW.completed_at IS NOT NULL)
  EXECUTE FUNCTION public.boundary('core-api ends', '');
CREATE TRIGGER boundary_asked BEFORE INSERT ON ai.erasures
  FOR EACH ROW EXECUTE FUNCTION public.boundary('ai-svc takes it in', '');
CREATE TRIGGER boundary_state BEFORE UPDATE ON ai.erasures
  FOR EACH ROW WHEN (NEW.state IS DISTINCT FROM OLD.state)
  EXECUTE FUNCTION public.boundary('ai-svc is ', 'state');
CREATE TRIGGER boundary_stage BEFORE UPDATE ON ai.erasures
  FOR EACH ROW WHEN (NEW.stage IS DISTINCT FROM OLD.stage)
  EXECUTE FUNCTION public.boundary('ai-svc did ', 'stage');
"""
_END_CONNECTIONS: Final = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1
  AND objid = (hashtext($2)::bigint & 4294967295)::oid AND NOT granted
"""
"""Of who stood at a boundary: as when the server notices first that the process is gone."""
_LATER: Final = """
UPDATE ai.erasures SET run_at = now(),
  lease_expires_at = CASE WHEN leased_by = ANY($1) THEN now() ELSE lease_expires_at END
WHERE id IN (SELECT id FROM ai.erasures WHERE finished_at IS NULL FOR UPDATE SKIP LOCKED)
"""
"""Time passes: what the dead had claimed is another's, and what waits is tried again. Not while
somebody stands at a boundary with it: the test would wait for itself."""
BOUNDARIES: Final = (
    "core-api begins",
    *(
        f"core-api proves {store.name}"
        for store in ERASURE_STORES_IN_ORDER
        if store.action is not StoreAction.KEEP  # of which nothing is done
    ),
    *(f"core-api notes the end of {service}" for service in SERVICES),
    "core-api ends",
    "ai-svc takes it in",
    "ai-svc is processing",
    *(f"ai-svc did {step.__name__}" for step in STEPS),
    "ai-svc is succeeded",
)
"""Of the services' own lists: a step that is added is one more to be killed at."""
_OWN_END: Final = f"core-api notes the end of {OWN_PART}"
_MIDDLE: Final = len(BOUNDARIES) // 2
_BY_EVENTS: Final = {"ai-svc takes it in", "core-api notes the end of ai-svc"}
"""An event was read and nothing was committed. There Redis is emptied as well, as in the middle."""


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Of this module's own. Swept every second."""
    with running_stack(durable=True, WORKER_SWEEP_EVERY="PT1S") as running:
        yield running


@pytest.fixture
async def ana(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await stack.client("ana") as client:
        yield client


@pytest.fixture
async def superuser(stack: Stack) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(stack.database_url("postgres"))
    yield connection
    await connection.close()


@contextmanager
def _mortal(stack: Stack) -> Iterator[dict[str, PreloadedService]]:
    """Both services, quick to come back from now on."""
    servers = {"core-api": stack.topology.core_api, "ai-svc": stack.topology.ai_svc}
    preloaded = {name: PreloadedService(server) for name, server in servers.items()}
    try:
        for name, server in servers.items():
            server.stop()
            preloaded[name].start()
        yield preloaded
    finally:
        for service in preloaded.values():
            service.end()


async def _waiting(superuser: asyncpg.Connection, passed: Sequence[str]) -> dict[str, str]:
    """Service → the boundary it stands at; at most one each. Within its part ai-svc stands there
    until core-api has done its own: it asks who the person is, and would wait half a minute before
    asking again."""
    rows = await superuser.fetch(
        "SELECT label FROM pg_locks JOIN unnest($2::text[]) AS label"
        " ON objid = (hashtext(label)::bigint & 4294967295)::oid"
        " WHERE locktype = 'advisory' AND classid = $1 AND NOT granted",
        _OURS,
        list(BOUNDARIES),
    )
    found = {row[0].split(" ")[0]: row[0] for row in rows}
    return {
        service: boundary
        for service, boundary in found.items()
        if _OWN_END in passed or service == "core-api" or boundary in _BY_EVENTS
    }


async def _kill_at_each(
    stack: Stack,
    superuser: asyncpg.Connection,
    victims: dict[str, PreloadedService],
    dead: list[str],
) -> list[str]:
    """Whoever comes to a boundary dies there, uncommitted; afterwards the boundary is open."""
    passed: list[str] = []
    while len(passed) < len(BOUNDARIES):
        try:
            at = await eventually(lambda: _waiting(superuser, passed), seconds=60)
        except AssertionError:
            raise AssertionError(f"nobody came to {set(BOUNDARIES) - set(passed)}") from None
        if len(passed) < _MIDDLE <= len(passed) + len(at) or _BY_EVENTS & set(at.values()):
            async with Redis.from_url(stack.redis_url) as redis:
                await redis.flushall()
        for service, boundary in at.items():
            victims[service].kill()
            await superuser.execute(_END_CONNECTIONS, _OURS, boundary)
            await superuser.execute("SELECT pg_advisory_unlock($1, hashtext($2))", _OURS, boundary)
            passed.append(boundary)
        if "ai-svc" in at:
            rows = await superuser.fetch("SELECT leased_by FROM ai.erasures")
            dead += [row[0] for row in rows if row[0]]
        await asyncio.gather(*(asyncio.to_thread(victims[service].start) for service in at))
    return passed


async def _keep_sweeping(stack: Stack, dead: Sequence[str]) -> None:
    """As worker-svc does; its own breaker would wait half a minute for each who was killed."""
    port = stack.settings.ports.core_api
    key = load_or_generate(stack.settings.state).internal_keys["worker-svc"]
    headers = {"x-internal-key": key, "x-source-service": "worker-svc"}
    async with (
        httpx.AsyncClient(timeout=60, trust_env=False) as http,
        asyncpg.create_pool(stack.database_url("postgres"), min_size=1, max_size=1) as pool,
    ):
        while True:
            await pool.execute(_LATER, list(dead))
            with suppress(httpx.HTTPError):
                await http.post(
                    f"http://127.0.0.1:{port}/internal/v1/erasures/sweep", headers=headers
                )
            await asyncio.sleep(0.2)


@asynccontextmanager
async def _asking(
    stack: Stack, ana: httpx.AsyncClient, planted: Planted, dead: Sequence[str]
) -> AsyncIterator[None]:
    """Asks until it is taken in, for whoever takes it in first is killed; and has it gone on
    with."""

    async def ask() -> None:
        with suppress(AssertionError, httpx.HTTPError):
            await ask_for_erasure(ana, planted)
        path = f"/privacy-requests/{planted.request_id}"

        async def is_executing() -> bool:
            await ana.post(f"/api/v1{path}/execute", json={})
            answer = await ana.get(f"/api/v1{path}")  # until the gateway has found the next process
            return answer.is_success and answer.json()["data"]["status"] == "executing"

        await eventually(is_executing, seconds=60)

    sweeping = asyncio.create_task(_keep_sweeping(stack, dead))
    asking = asyncio.create_task(ask())
    try:
        yield
        await asking
    finally:
        asking.cancel()
        sweeping.cancel()


async def _purpose(ana: httpx.AsyncClient) -> str:
    code = f"credito-{uuid4().hex[:8]}"
    fields = {
        "code": code,
        "name": "Análise de crédito",
        "description": "Analisar o limite de crédito pedido.",
        "legal_basis": "consent",
        "notice_text": "Usamos seus dados para analisar o limite que você pediu.",
        "locale": "pt-BR",
        "assistant_may_use": True,
    }
    await made(ana, "/consent-purposes", fields)
    return code


def _erased(request: Any) -> dict[tuple[str, str], int]:
    return {
        (one["service"], store): count
        for one in request["receipt"]["statement"]["services"]
        for store, count in one["erased"].items()
        if store != "cached_answers"  # upkeep takes those away as well, when Redis was emptied
    }


async def _counted(superuser: asyncpg.Connection, planted: Planted) -> dict[str, int]:
    """How often each of the things that happen once did."""
    told = (
        "SELECT count(*) FROM {}.outbox WHERE event_type = 'privacy.erasure_{}'"
        " AND strpos(envelope, $1) > 0"
    )
    found = {
        "asked": told.format("crm", "requested"),
        "answered": told.format("ai", "completed"),
        "told": told.format("crm", "completed"),
        "receipts": "SELECT count(receipt) FROM crm.erasures WHERE client_id::text = $1",
        "erasures": "SELECT count(*) FROM ai.erasures WHERE client_id::text = $1",
        "audited": "SELECT count(*) FROM crm.audit_events WHERE action = 'erasure.completed'"
        " AND strpos(to_jsonb(audit_events)::text, $1) > 0",
    }
    return {
        name: await superuser.fetchval(query, planted.client_id) for name, query in found.items()
    }


async def _triaged(superuser: asyncpg.Connection, planted: Planted) -> bool:
    """Whether the assistant has been at every ticket: it comes when it comes."""
    count = "SELECT count(*) FROM crm.ticket_triages WHERE ticket_id::text = ANY($1)"
    return bool(await superuser.fetchval(count, planted.tickets) == len(planted.tickets))


async def _nothing_left(stack: Stack) -> bool:
    return await places_with(stack, MARKERS) == []


def _tombstones(stack: Stack, planted: Planted) -> Sequence[Any]:
    objects = stack.settings.state / "objects" / "suppression-ledger"
    return list(objects.rglob(f"{planted.client_id}*"))


async def test_killed_at_each_boundary_an_erasure_ends_once(
    stack: Stack,
    ana: httpx.AsyncClient,
    superuser: asyncpg.Connection,
) -> None:
    purpose = await _purpose(ana)
    undisturbed = await plant(ana, purpose, tickets=2)
    await eventually(lambda: _triaged(superuser, undisturbed), seconds=60)
    await ask_for_erasure(ana, undisturbed)
    foreseen = _erased(await completed(ana, undisturbed, seconds=60))
    planted = await plant(ana, purpose, tickets=2)
    await eventually(lambda: _triaged(superuser, planted), seconds=60)
    await superuser.execute(_TRIGGERS)
    await superuser.executemany(
        "SELECT pg_advisory_lock($1, hashtext($2))", [(_OURS, each) for each in BOUNDARIES]
    )

    with _mortal(stack) as victims:
        dead: list[str] = []
        async with _asking(stack, ana, planted, dead):
            passed = await _kill_at_each(stack, superuser, victims, dead)
            request = await completed(ana, planted, seconds=60)
        await eventually(lambda: _nothing_left(stack), seconds=20)
        assert (await seen(ana, "/consents/ledger/verify"))["valid"] is True
        assert (await seen(ana, "/audit/verify"))["valid"] is True

    assert sorted(passed) == sorted(BOUNDARIES)
    assert verified(stack, request["receipt"]).returncode == 0
    assert _erased(request) == foreseen
    once = await _counted(superuser, planted)
    assert once == dict.fromkeys(once, 1)
    assert len(_tombstones(stack, planted)) == 1
