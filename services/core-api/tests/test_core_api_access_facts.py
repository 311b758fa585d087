"""What others may learn at once: who is in which team, which consents stand, who was merged."""

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from core_api_accountability import transfer
from core_api_factories import INTERNAL_KEY, Person, make_client, make_consent, make_purpose
from core_api_records import Records
from core_api_teams import TEAMS, id_of, make_team

from chassis.data.columns import utc_now
from chassis.data.database import Database
from core_api.modules.access_facts import reading
from core_api.modules.consents.ledger_models import BlockCause, ProcessingBlock
from devstack.people import AURORA, BOREAL
from shared_schemas.ids import OrganizationId, UserId, new_id

FACTS = "/internal/v1/access-facts"
CALLER = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}


async def facts(
    person: Person, kind: str, organization_id: UUID = AURORA.id, **params: Any
) -> dict[str, Any]:
    wanted = {"organization_id": str(organization_id), "kind": kind, **params}
    answer = await person.http.get(FACTS, headers=CALLER, params=wanted)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()["data"]
    return page


async def test_joining_and_leaving_a_team_is_told(
    ana: Person, bruno: Person, records: Records
) -> None:
    team = await make_team(ana, [bruno])
    member_id = str(await id_of(bruno))
    path = f"{TEAMS}/{team['id']}/members/{member_id}"
    await ana.call("PUT", path, json={"capacity": 7})  # stays: nothing to tell
    await ana.delete(path)

    told = [event["payload"] for event in await records.events("team.members_changed")]

    assert told == [
        {"team_id": team["id"], "added": [member_id], "removed": []},
        {"team_id": team["id"], "added": [], "removed": [member_id]},
    ]


async def test_members_of_teams_are_read_page_by_page(
    ana: Person, bruno: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE", 1)
    monkeypatch.setattr("core_api.modules.access_facts.router.PAGE", 1)
    team = await make_team(ana, [ana, bruno])

    found: list[str] = []
    page = await facts(ana, "team-members")
    while not page["is_last"]:
        (fact,) = page["facts"]
        found.append(fact["member_id"])
        page = await facts(ana, "team-members", after=[fact["team_id"], fact["member_id"]])

    assert sorted(found) == sorted([str(await id_of(ana)), str(await id_of(bruno))])
    assert (await facts(ana, "team-members", BOREAL.id))["facts"] == []
    assert team["id"]


async def test_consents_are_read_with_their_purpose_and_their_end(ana: Person) -> None:
    purpose = await make_purpose(ana)
    client = await make_client(ana)
    first = await make_consent(ana, client["id"])
    await ana.made(f"/api/v1/consents/{first['id']}/revoke", {})
    refused = await make_consent(ana, client["id"], decision="refused")
    second = await make_consent(ana, client["id"])

    found = {fact["consent_id"]: fact for fact in (await facts(ana, "consents"))["facts"]}

    assert set(found) == {first["id"], refused["id"], second["id"]}
    assert found[first["id"]]["revoked_at"] is not None
    assert [found[each["id"]]["refused"] for each in (first, refused)] == [False, True]
    assert found[second["id"]] == {
        "consent_id": second["id"],
        "client_id": client["id"],
        "purpose_id": purpose["id"],
        "purpose_code": purpose["code"],
        "refused": False,
        "notice_version": 1,
        "decided_at": second["decided_at"],
        "expires_at": None,
        "revoked_at": None,
    }


async def test_purposes_are_read_as_their_last_event_told_them(
    ana: Person, records: Records
) -> None:
    purpose = await make_purpose(ana)
    path = f"/api/v1/consent-purposes/{purpose['code']}"
    await ana.call("PATCH", path, json={"assistant_may_use": True})
    await ana.call("PATCH", path, json={"assistant_may_use": True})  # nothing new to tell
    notice = {"notice_text": "Outro texto, outro fim.", "locale": "pt-BR", "is_material": True}
    await ana.made(f"{path}/notices", notice)
    await ana.call("POST", f"{path}/archive")

    (fact,) = (await facts(ana, "purposes"))["facts"]
    told = [event["payload"] for event in await records.events("purpose.changed")]

    assert told[-1] == fact
    assert [each["version"] for each in told] == [1, 2, 3, 4]
    assert [each["assistant_may_use"] for each in told] == [False, True, True, True]
    assert [each["material_version"] for each in told] == [1, 1, 2, 2]
    assert [each["archived"] for each in told] == [False, False, False, True]
    assert {(each["purpose_code"], each["legal_basis"]) for each in told} == {
        (purpose["code"], "consent")
    }
    assert (await facts(ana, "purposes", BOREAL.id))["facts"] == []


async def test_transfers_are_read_as_their_last_event_told_them(
    davi: Person, records: Records
) -> None:
    await make_purpose(davi, code="atendimento", legal_basis="contract")
    path = "/api/v1/international-transfers"
    made = await davi.made(path, transfer("atendimento", valid_until="2090-12-31"))
    other = await davi.made(path, transfer("atendimento", "anthropic"))
    for transfer_id, move in ((made["id"], "authorise"), (other["id"], "authorise")):
        await davi.post(f"{path}/{transfer_id}/{move}", {"reason": "Conferido"})
    await davi.post(f"{path}/{other['id']}/suspend", {"reason": "Em revisão"})

    found = {fact["transfer_id"]: fact for fact in (await facts(davi, "transfers"))["facts"]}
    told = [event["payload"] for event in await records.events("transfer.changed")]

    for transfer_id, allowed in ((made["id"], True), (other["id"], False)):
        last = [payload for payload in told if payload["transfer_id"] == transfer_id][-1]
        assert found[transfer_id] == last
        assert last["allowed"] is allowed


async def test_blocks_are_read_also_when_they_were_lifted(ana: Person, database: Database) -> None:
    purpose, client = await make_purpose(ana), await make_client(ana)
    whole, lifted = new_id(), new_id()
    common = {
        "organization_id": AURORA.id,
        "client_id": UUID(client["id"]),
        "cause": BlockCause.BLOCKING,
        "blocked_by": UserId(new_id()),
        "blocked_at": utc_now(),
    }
    ended = {"purpose_id": UUID(purpose["id"]), "lifted_at": utc_now(), "lifted_by": new_id()}
    async with database.transaction(OrganizationId(AURORA.id)) as session:
        await session.execute(sa.insert(ProcessingBlock).values(id=whole, **common))
        await session.execute(sa.insert(ProcessingBlock).values(id=lifted, **common, **ended))

    found = {fact["block_id"]: fact for fact in (await facts(ana, "blocks"))["facts"]}

    assert found[str(whole)] == {
        "block_id": str(whole),
        "client_id": client["id"],
        "purpose_code": None,
        "lifted_at": None,
    }
    assert found[str(lifted)]["purpose_code"] == purpose["code"]
    assert found[str(lifted)]["lifted_at"] is not None


async def test_merges_are_read_also_when_they_were_undone(ana: Person) -> None:
    survivor, merged = await make_client(ana), await make_client(ana, name="Outro Cliente")
    answer = await ana.post(f"/api/v1/clients/{survivor['id']}/merge", {"other_id": merged["id"]})
    assert answer.status_code in {200, 201}, answer.text

    (fact,) = (await facts(ana, "merges"))["facts"]

    assert (fact["survivor_id"], fact["merged_id"]) == (survivor["id"], merged["id"])
    assert fact["undone_at"] is None


async def test_nobody_from_outside_reads_them(ana: Person) -> None:
    wanted = {"organization_id": str(AURORA.id), "kind": "consents"}
    assert (await ana.get(FACTS, params=wanted)).status_code in {401, 403}
    unknown = {"organization_id": str(new_id()), "kind": "passwords"}
    assert (await ana.http.get(FACTS, headers=CALLER, params=unknown)).status_code == 422


async def test_deleted_clients_are_read_and_no_others(ana: Person) -> None:
    client, _ = await make_client(ana), await make_client(ana)
    await ana.delete(f"/api/v1/clients/{client['id']}")

    read = await facts(ana, "deleted-clients")

    assert read["facts"] == [{"client_id": client["id"]}]
    assert (await facts(ana, "deleted-clients", BOREAL.id))["facts"] == []
