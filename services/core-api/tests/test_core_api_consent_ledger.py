"""The ledger of consents: chained, entered once, compared with receipts and anchors."""

import asyncio
import hashlib
import json
from typing import Any

import asyncpg
import pytest
from core_api_factories import (
    INTERNAL_KEY,
    Person,
    make_client,
    make_consent,
    make_purpose,
)

from chassis.data.columns import utc_now
from core_api.modules.consents.anchoring import Signer
from core_api.settings import CoreApiSettings
from core_api.workplace import Workplace
from devstack.people import AURORA
from devstack.testing import DatabaseUrls

VERIFY = "/api/v1/consents/ledger/verify"
LINKS = "SELECT * FROM crm.consent_ledger WHERE organization_id = $1 ORDER BY sequence"
SERVICE = {"x-source-service": "worker-svc", "x-internal-key": INTERNAL_KEY}

pytestmark = pytest.mark.committed


@pytest.fixture(autouse=True)
async def _no_anchors(workplace: Workplace) -> None:
    await workplace.storage.delete_prefix(f"{AURORA.id}/consent-ledger")


async def some_history(ana: Person) -> dict[str, Any]:
    """A notice, a consent, its revocation, a refusal: four links."""
    await make_purpose(ana)
    client = await make_client(ana)
    consent = await make_consent(ana, client["id"])
    await ana.made(f"/api/v1/consents/{consent['id']}/revoke", {"reason": "Pedido da Júlia"})
    return await make_consent(ana, client["id"], decision="refused")


async def anchored(ana: Person) -> dict[str, int]:
    answer = await ana.http.post("/internal/v1/consents/anchor", headers=SERVICE)
    assert answer.status_code == 200, answer.text
    data: dict[str, int] = answer.json()["data"]
    return data


async def test_every_fact_is_a_link_of_one_chain_without_personal_data(
    ana: Person, davi: Person, superuser: asyncpg.Connection
) -> None:
    await some_history(ana)

    links = await superuser.fetch(LINKS, AURORA.id)
    previous = bytes(32)
    for number, link in enumerate(links, 1):
        assert link["sequence"] == number
        assert link["previous_hash"] == previous
        previous = hashlib.sha256(previous + link["entry"].encode()).digest()
        assert link["hash"] == previous
    assert [json.loads(link["entry"])["kind"] for link in links] == [
        "notice.published",
        "consent.granted",
        "consent.revoked",
        "consent.refused",
    ]
    assert not any("Júlia" in link["entry"] for link in links)
    verified = await davi.seen(VERIFY)
    assert (verified["valid"], verified["links"]) == (True, 4)
    assert verified["head"] == previous.hex()
    assert verified["first_broken"] is None


TAMPERED = {
    "entry_changed": (
        "UPDATE crm.consent_ledger SET entry = replace(entry, 'phone', 'paper') WHERE sequence = 2",
        2,
    ),
    "sequence_gap": ("DELETE FROM crm.consent_ledger WHERE sequence = 3", 3),
    "head_differs": ("DELETE FROM crm.consent_ledger WHERE sequence = 4", 5),
    "previous_hash": (
        "UPDATE crm.consent_ledger SET previous_hash = hash WHERE sequence = 3",
        3,
    ),
    "receipt_exchanged": (
        "UPDATE crm.consent_ledger SET receipt_id = gen_random_uuid() WHERE sequence = 2",
        2,
    ),
    "receipt_changed": (
        "UPDATE crm.consents SET decision = 'granted' WHERE decision = 'refused'",
        4,
    ),
    "receipt_missing": ("DELETE FROM crm.consent_revocations", 3),
}


@pytest.mark.parametrize("fault", TAMPERED)
async def test_what_the_owner_of_the_tables_changes_is_found_and_named(
    ana: Person, database_urls: DatabaseUrls, fault: str
) -> None:
    await some_history(ana)
    statement, sequence = TAMPERED[fault]
    owner = await asyncpg.connect(database_urls.owner.replace("+asyncpg", ""))
    await owner.execute("SELECT set_config('app.organization_id', $1, false)", str(AURORA.id))
    changed = await owner.execute(statement)
    await owner.close()

    verified = await ana.seen(VERIFY)

    assert changed.endswith(" 1")
    assert verified["valid"] is False
    expected = sequence - (fault == "head_differs")
    assert verified["first_broken"] == {"sequence": expected, "fault": fault, "anchor": None}


@pytest.mark.parametrize(
    ("statement", "sequence"),
    [
        ("UPDATE crm.consent_notices SET is_material = true", 1),
        ("UPDATE crm.consent_notices SET locale = 'en'", 1),
        ("UPDATE crm.consent_notices SET text = 'Outro texto.'", 1),
        ("UPDATE crm.consents SET renews_id = id WHERE decision = 'granted'", 2),
        ("UPDATE crm.consents SET evidence_id = id WHERE decision = 'granted'", 2),
        ("UPDATE crm.consents SET created_at = now() WHERE decision = 'granted'", 2),
        ("UPDATE crm.consent_revocations SET recorded_by = gen_random_uuid()", 3),
        ("UPDATE crm.consent_revocations SET revoked_at = revoked_at + interval '1 day'", 3),
    ],
)
async def test_every_column_of_a_receipt_is_held_by_its_link(
    ana: Person, database_urls: DatabaseUrls, statement: str, sequence: int
) -> None:
    await some_history(ana)
    owner = await asyncpg.connect(database_urls.owner.replace("+asyncpg", ""))
    await owner.execute("SELECT set_config('app.organization_id', $1, false)", str(AURORA.id))
    assert (await owner.execute(statement)).endswith(" 1")
    await owner.close()

    verified = await ana.seen(VERIFY)

    broken = {"sequence": sequence, "fault": "receipt_changed", "anchor": None}
    assert (verified["valid"], verified["first_broken"]) == (False, broken)


async def test_application_can_neither_change_nor_delete_links(
    ana: Person, database_urls: DatabaseUrls
) -> None:
    await some_history(ana)
    app = await asyncpg.connect(database_urls.app.replace("+asyncpg", ""))
    await app.execute("SELECT set_config('app.organization_id', $1, false)", str(AURORA.id))
    for statement in ("UPDATE crm.consent_ledger SET entry = ''", "DELETE FROM crm.consent_ledger"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await app.execute(statement)
    await app.close()


async def test_chain_stays_whole_when_many_decide_at_once(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    await make_purpose(ana)
    clients = [await make_client(ana) for _ in range(12)]
    given = await asyncio.gather(*(make_consent(ana, client["id"]) for client in clients))
    await asyncio.gather(
        *(ana.post(f"/api/v1/consents/{each['id']}/revoke", {}) for each in given[:6]),
        *(make_consent(ana, client["id"], decision="refused") for client in clients[6:]),
    )

    links = await superuser.fetch(LINKS, AURORA.id)
    verified = await ana.seen(VERIFY)

    assert [link["sequence"] for link in links] == list(range(1, 32)), "1 + 12 + 6 + 2 × 6"
    assert (verified["valid"], verified["links"]) == (True, 31)


async def test_what_is_refused_leaves_no_gap(ana: Person) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    consent = await make_consent(ana, client["id"])
    path = f"/api/v1/consents/{consent['id']}/revoke"

    answers = await asyncio.gather(*(ana.post(path, {}) for _ in range(6)))

    assert sorted(answer.status_code for answer in answers) == [200, *[409] * 5]
    assert (await ana.seen(VERIFY))["links"] == 3


async def test_head_is_kept_once_a_day_and_a_rewritten_chain_differs_from_it(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    await some_history(ana)
    first, second = await anchored(ana), await anchored(ana)
    whole = await ana.seen(VERIFY)
    # Somebody who knows how: the channel of a consent and every hash after it.
    await superuser.execute("UPDATE crm.consents SET channel = 'paper' WHERE channel = 'phone'")
    previous = bytes(32)
    for link in await superuser.fetch(LINKS, AURORA.id):
        entry = link["entry"].replace('"phone"', '"paper"')
        hashed = hashlib.sha256(previous + entry.encode()).digest()
        await superuser.execute(
            "UPDATE crm.consent_ledger SET entry = $2, previous_hash = $3, hash = $4"
            " WHERE sequence = $1",
            *(link["sequence"], entry, previous, hashed),
        )
        previous = hashed
    await superuser.execute("UPDATE crm.consent_ledger_heads SET hash = $1", previous)

    rewritten = await ana.seen(VERIFY)

    assert (first["anchored"], second["anchored"]) == (1, 0)
    assert (whole["valid"], whole["anchors"]) == (True, 1)
    assert rewritten["first_broken"] == {"sequence": 4, "fault": "anchor_differs", "anchor": None}


async def test_ledger_that_was_cut_short_with_its_head_is_behind_its_anchor(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    await some_history(ana)
    await anchored(ana)
    await superuser.execute("DELETE FROM crm.consents WHERE decision = 'refused'")
    await superuser.execute("DELETE FROM crm.consent_ledger WHERE sequence = 4")
    await superuser.execute(
        "UPDATE crm.consent_ledger_heads SET sequence = 3,"
        " hash = (SELECT hash FROM crm.consent_ledger WHERE sequence = 3)"
    )

    verified = await ana.seen(VERIFY)

    assert verified["first_broken"] == {"sequence": 4, "fault": "anchor_ahead", "anchor": None}


async def test_anchor_that_we_have_not_signed_is_named(
    ana: Person, workplace: Workplace, settings: CoreApiSettings
) -> None:
    await some_history(ana)
    good = Signer(settings.ledger).signed({"organization_id": AURORA.id, "at": utc_now()})

    async def forged() -> Any:
        yield good.replace(b"organization", b"organisation")

    key = f"{AURORA.id}/consent-ledger/2026-01-01.json"
    await workplace.storage.put_stream(key, forged(), max_bytes=4_096)

    verified = await ana.seen(VERIFY)

    assert verified["first_broken"] == {
        "sequence": 4,
        "fault": "anchor_forged",
        "anchor": "2026-01-01.json",
    }


async def test_what_the_release_before_wrote_is_entered_by_the_daily_run(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    await some_history(ana)
    await superuser.execute("DELETE FROM crm.consent_ledger")
    await superuser.execute("DELETE FROM crm.consent_ledger_heads")
    missing = await ana.seen(VERIFY)

    kept = await anchored(ana)

    assert missing["first_broken"] == {"sequence": 0, "fault": "receipt_missing", "anchor": None}
    assert kept == {"entered": 4, "anchored": 1}
    assert (await ana.seen(VERIFY))["valid"] is True
    assert (await anchored(ana))["entered"] == 0


async def test_another_organizations_ledger_is_its_own(ana: Person, beto: Person) -> None:
    await some_history(ana)
    await make_purpose(beto)

    assert (await beto.seen(VERIFY))["links"] == 1
