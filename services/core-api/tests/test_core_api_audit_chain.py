"""The chain of the audit log: attested when written, linked soon after, and whatever the owner of
the tables does to it is found and named."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from core_api_factories import CLIENTS, INTERNAL_KEY, Person, make_client, make_ticket

from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.security.sealing import Vault
from core_api.anchoring import AUDIT_LOG, AnchorPlace, Head, Signer
from core_api.modules.audit.authenticity import content_of, head_content, link_entry
from core_api.modules.audit.chaining import chain_events
from core_api.modules.audit.models import Standing
from core_api.settings import CoreApiSettings
from core_api.workplace import Workplace
from devstack.people import AURORA
from devstack.testing import DatabaseUrls
from shared_schemas.ids import OrganizationId, new_id

VERIFY = "/api/v1/audit/verify"
SERVICE = {"x-source-service": "worker-svc", "x-internal-key": INTERNAL_KEY}
LINKS = "SELECT * FROM crm.audit_links WHERE organization_id = $1 ORDER BY sequence"
AT = OrganizationId(AURORA.id)
Owner = Callable[..., Awaitable[str]]

pytestmark = pytest.mark.committed


@pytest.fixture(autouse=True)
async def _no_anchors(workplace: Workplace) -> None:
    await workplace.storage.delete_prefix(f"{AURORA.id}/{AUDIT_LOG}")


@pytest.fixture
def owner(database_urls: DatabaseUrls) -> Owner:
    """Whoever owns the tables does something to them."""

    async def does(statement: str, *arguments: Any) -> str:
        connection = await asyncpg.connect(database_urls.owner.replace("+asyncpg", ""))
        await connection.execute("SELECT set_config('app.organization_id', $1, false)", str(AT))
        done: str = await connection.execute(statement, *arguments)
        await connection.close()
        return done

    return does


async def some_history(ana: Person) -> dict[str, Any]:
    """Organization and member provisioned, a client created and changed twice: five events."""
    client = await make_client(ana, email="julia@example.com")
    for name in ("Júlia Lima", "Júlia Reis"):
        await ana.patch(f"{CLIENTS}/{client['id']}", {"name": name})
    return client


async def swept(ana: Person, what: str = "sweep") -> dict[str, int]:
    answer = await ana.http.post(f"/internal/v1/audit/{what}", headers=SERVICE)
    assert answer.status_code == 200, answer.text
    data: dict[str, int] = answer.json()["data"]
    return data


async def test_every_event_gets_one_link_in_order_of_its_time(
    ana: Person, davi: Person, superuser: asyncpg.Connection
) -> None:
    await some_history(ana)

    first, second = await swept(ana), await swept(ana)

    links = await superuser.fetch(LINKS, AT)
    events = await superuser.fetch("SELECT id FROM crm.audit_events ORDER BY occurred_at, id")
    assert (first, second) == ({"linked": 5}, {"linked": 0})
    assert [link["sequence"] for link in links] == [1, 2, 3, 4, 5]
    assert [link["event_id"] for link in links] == [event["id"] for event in events]
    verified = await davi.seen(VERIFY)
    assert verified["first_broken"] is None
    assert (verified["valid"], verified["unattested"], verified["pending"]) == (True, 0, 0)
    assert verified["links"] == 6, "davi was provisioned meanwhile"


async def test_links_can_be_computed_by_anybody(ana: Person, superuser: asyncpg.Connection) -> None:
    await some_history(ana)
    await swept(ana)

    previous = bytes(32)
    for link in await superuser.fetch(LINKS, AT):
        said = {
            "content": link["content_hash"].hex(),
            "event_id": str(link["event_id"]),
            "organization_id": str(AT),
            "sealed_at": link["sealed_at"].strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "sequence": link["sequence"],
            "standing": "attested",
        }
        entry = json.dumps(said, sort_keys=True, separators=(",", ":"))
        previous = hashlib.sha256(previous + entry.encode()).digest()
        assert link["hash"] == previous


LAST = "(SELECT event_id FROM crm.audit_links ORDER BY sequence DESC LIMIT 1)"
THIRD = "(SELECT event_id FROM crm.audit_links WHERE sequence = 3)"
TAMPERED = {
    "who": (f"UPDATE crm.audit_events SET actor_id = gen_random_uuid() WHERE id = {THIRD}", 3),
    "when": (
        f"UPDATE crm.audit_events SET occurred_at = occurred_at - interval '1s' WHERE id = {THIRD}",
        3,
    ),
    "what": (f"UPDATE crm.audit_events SET action = 'client.seen' WHERE id = {THIRD}", 3),
    "to whom": (f"UPDATE crm.audit_events SET about = NULL WHERE id = {THIRD}", 3),
    "values": (f"UPDATE crm.audit_events SET values = '{{}}' WHERE id = {THIRD}", 3),
    "attestation": (f"UPDATE crm.audit_events SET attested = NULL WHERE id = {THIRD}", 3),
}


@pytest.mark.parametrize("part", TAMPERED)
async def test_event_that_its_owner_changed_is_named(ana: Person, owner: Owner, part: str) -> None:
    await some_history(ana)
    await swept(ana)
    statement, sequence = TAMPERED[part]
    changed = await owner(statement)

    broken = (await ana.seen(VERIFY))["first_broken"]

    assert changed == "UPDATE 1"
    assert (broken["sequence"], broken["fault"]) == (sequence, "event_changed")


@pytest.mark.parametrize(
    ("statement", "sequence", "fault"),
    [
        (f"DELETE FROM crm.audit_events WHERE id = {THIRD}", 3, "event_missing"),
        ("DELETE FROM crm.audit_links WHERE sequence = 3", 3, "sequence_gap"),
        ("DELETE FROM crm.audit_links WHERE sequence = 5", 5, "sequence_gap"),
        (
            (
                f"WITH last AS (DELETE FROM crm.audit_events WHERE id = {LAST})"
                " DELETE FROM crm.audit_links WHERE sequence = 5"
            ),
            5,
            "head_differs",
        ),
        (
            "UPDATE crm.audit_links SET standing = 'refused' WHERE sequence = 2",
            2,
            "link_changed",
        ),
        ("UPDATE crm.audit_heads SET sequence = 9", 6, "head_differs"),
        ("UPDATE crm.audit_heads SET attested = '\\x0001'", 5, "head_forged"),
    ],
)
async def test_what_its_owner_took_away_is_named(
    ana: Person, owner: Owner, statement: str, sequence: int, fault: str
) -> None:
    await some_history(ana)
    await swept(ana)
    changed = await owner(statement)

    verified = await ana.seen(VERIFY)

    assert changed.endswith(" 1")
    assert verified["valid"] is False
    assert verified["first_broken"]["sequence"] == sequence
    assert verified["first_broken"]["fault"] == fault


async def test_event_changed_before_it_had_a_link_is_named(ana: Person, owner: Owner) -> None:
    client = await some_history(ana)
    await owner(
        "UPDATE crm.audit_events SET actor_id = NULL WHERE subject_id = $1"
        " AND action = 'client.created'",
        client["id"],
    )

    broken = (await ana.seen(VERIFY))["first_broken"]

    assert (broken["sequence"], broken["fault"]) == (3, "event_forged")


async def test_event_that_nobody_of_ours_wrote_is_named(ana: Person, owner: Owner) -> None:
    await some_history(ana)
    await swept(ana)
    forged = new_id()
    copied = (
        "INSERT INTO crm.audit_events SELECT (jsonb_populate_record(e, jsonb_build_object("
        f"'id', $1::uuid, 'occurred_at', now()))).* FROM crm.audit_events e WHERE id = {THIRD}"
    )
    await owner(copied, forged)

    broken = (await ana.seen(VERIFY))["first_broken"]

    assert (broken["fault"], broken["event_id"]) == ("event_forged", str(forged))


async def test_chain_rewritten_whole_does_not_hold_either(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    """Somebody who knows how, and has no key: an event gone, and every link after it made anew."""
    await some_history(ana)
    await swept(ana)
    await superuser.execute(f"DELETE FROM crm.audit_events WHERE id = {THIRD}")
    await superuser.execute("DELETE FROM crm.audit_links WHERE sequence = 3")
    await superuser.execute("UPDATE crm.audit_links SET sequence = sequence - 1 WHERE sequence > 3")
    previous = bytes(32)
    for link in await superuser.fetch(LINKS, AT):
        entry = link_entry(
            AT,
            link["sequence"],
            link["event_id"],
            Standing.ATTESTED,
            link["sealed_at"],
            link["content_hash"],
        )
        previous = hashlib.sha256(previous + entry.encode()).digest()
        await superuser.execute(
            "UPDATE crm.audit_links SET hash = $2 WHERE sequence = $1", link["sequence"], previous
        )
    await superuser.execute("UPDATE crm.audit_heads SET sequence = 4, hash = $1", previous)

    verified = await ana.seen(VERIFY)

    assert verified["first_broken"]["fault"] == "head_forged"


async def test_end_cut_off_with_its_former_head_is_behind_the_anchor(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    client = await some_history(ana)
    await swept(ana)
    former = await superuser.fetchrow("SELECT * FROM crm.audit_heads")
    await ana.patch(f"{CLIENTS}/{client['id']}", {"name": "Júlia Prates"})
    kept = await swept(ana, "anchor"), await swept(ana, "anchor")
    whole = await ana.seen(VERIFY)
    assert former is not None
    await superuser.execute("DELETE FROM crm.audit_events WHERE id = " + LAST)
    await superuser.execute("DELETE FROM crm.audit_links WHERE sequence = 6")
    await superuser.execute(
        "UPDATE crm.audit_heads SET sequence = $1, hash = $2, attested = $3",
        former["sequence"],
        former["hash"],
        former["attested"],
    )

    broken = (await ana.seen(VERIFY))["first_broken"]

    assert kept == ({"linked": 1, "anchored": 1}, {"linked": 0, "anchored": 0})
    assert (whole["valid"], whole["anchors"]) == (True, 1)
    assert (broken["sequence"], broken["fault"]) == (6, "anchor_ahead")


async def test_anchor_of_another_chain_is_none_of_this_one(
    ana: Person, workplace: Workplace, settings: CoreApiSettings
) -> None:
    await some_history(ana)
    signer = Signer(settings.ledger)
    place = AnchorPlace(workplace.storage, signer, AUDIT_LOG, AT)
    await place.keep(Head(1, bytes(32)), utc_now() - timedelta(days=2))
    differs = (await ana.seen(VERIFY))["first_broken"]
    await workplace.storage.delete_prefix(f"{AURORA.id}/{AUDIT_LOG}")
    consents = signer.signed({"organization_id": AT, "sequence": 1, "hash": "00", "at": utc_now()})

    async def taken() -> Any:
        yield consents

    key = f"{AURORA.id}/{AUDIT_LOG}/2026-01-01.json"
    await workplace.storage.put_stream(key, taken(), max_bytes=4_096)
    forged = (await ana.seen(VERIFY))["first_broken"]

    assert (differs["sequence"], differs["fault"]) == (1, "anchor_differs")
    assert (forged["fault"], forged["anchor"]) == ("anchor_forged", "2026-01-01.json")


async def test_application_can_neither_change_nor_delete(
    ana: Person, database_urls: DatabaseUrls
) -> None:
    await some_history(ana)
    await swept(ana)
    app = await asyncpg.connect(database_urls.app.replace("+asyncpg", ""))
    await app.execute("SELECT set_config('app.organization_id', $1, false)", str(AT))
    for statement in (
        "UPDATE crm.audit_links SET standing = 'attested'",
        "DELETE FROM crm.audit_links",
        "DELETE FROM crm.audit_heads",
        "UPDATE crm.audit_events SET attested = NULL",
        "TRUNCATE crm.audit_events",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
    await app.close()


async def test_events_of_the_release_before_are_linked_and_later_ones_refused(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    client = await some_history(ana)
    await superuser.execute("UPDATE crm.audit_events SET attested = NULL")
    before = await ana.seen(VERIFY)
    await ana.patch(f"{CLIENTS}/{client['id']}", {"name": "Júlia Prates"})
    await superuser.execute(
        "UPDATE crm.audit_events SET attested = NULL, occurred_at = occurred_at + interval '2 h'"
        " WHERE attested IS NOT NULL"
    )

    after = await ana.seen(VERIFY)

    assert (before["valid"], before["links"], before["unattested"]) == (True, 5, 5)
    assert (after["first_broken"]["sequence"], after["first_broken"]["fault"]) == (
        6,
        "event_forged",
    )


async def test_links_made_by_many_at_once_are_one_chain(
    ana: Person, database: Database, superuser: asyncpg.Connection
) -> None:
    clients = [await make_client(ana) for _ in range(8)]

    async def work(client: dict[str, Any]) -> None:
        await make_ticket(ana, client["id"])

    async def link() -> int:
        return await chain_events(database, AT, batch=2)

    done = await asyncio.gather(*map(work, clients), *(link() for _ in range(4)))
    await swept(ana)

    links = await superuser.fetch(LINKS, AT)
    events = await superuser.fetchval("SELECT count(*) FROM crm.audit_events")
    assert [link["sequence"] for link in links] == list(range(1, events + 1))
    assert sum(count or 0 for count in done) <= events
    assert (await ana.seen(VERIFY))["valid"] is True


async def test_writing_waits_for_nobody_who_links(
    ana: Person, database: Database, superuser: asyncpg.Connection
) -> None:
    await some_history(ana)
    await swept(ana)
    async with superuser.transaction():
        await superuser.fetch("SELECT * FROM crm.audit_heads FOR UPDATE")
        client = await asyncio.wait_for(make_client(ana, name="Enquanto isso"), 5)

    assert (await ana.seen(VERIFY))["links"] == 6
    assert client["name"] == "Enquanto isso"


async def test_other_organizations_chain_is_its_own(
    ana: Person, beto: Person, superuser: asyncpg.Connection
) -> None:
    await some_history(ana)
    await make_client(beto)
    await swept(ana)
    await superuser.execute(
        "UPDATE crm.audit_events SET actor_id = NULL WHERE organization_id = $1", AT
    )

    assert (await beto.seen(VERIFY))["valid"] is True
    assert (await ana.seen(VERIFY))["valid"] is False


@pytest.mark.parametrize("value", [0, -0.0, 1.0, 1e22, 1.5e300, 0.1, 1e-7, 2**70, True, None, "1"])
async def test_values_read_the_same_after_the_database_wrote_them(
    superuser: asyncpg.Connection, settings: CoreApiSettings, value: Any
) -> None:
    row = {
        "id": new_id(),
        "organization_id": AT,
        "occurred_at": utc_now(),
        **dict.fromkeys(("actor_id", "about", "reason", "reason_sealed")),
        "action": "a.b",
        "subject_type": "a",
        "subject_id": new_id(),
        "changed": ["x"],
        "values": {"x": {"from": [value], "to": value}},
        "related": {},
        "request_id": "r",
    }
    stored = await superuser.fetchval("SELECT $1::jsonb::text", json.dumps(row["values"]))

    read = content_of({**row, "values": json.loads(stored)})

    vault = Vault(settings.sealing)
    assert vault.attests(vault.attest(content_of(row)), read)
    assert not vault.attests(vault.attest(content_of(row)), head_content(AT, 1, bytes(32)))
