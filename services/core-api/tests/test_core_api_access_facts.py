"""What others may learn at once: who is in which team, which consents stand, who was merged."""

from typing import Any
from uuid import UUID

import pytest
from core_api_factories import INTERNAL_KEY, Person, make_client, make_consent, make_purpose
from core_api_records import Records
from core_api_teams import TEAMS, id_of, make_team

from core_api.modules.access_facts import reading
from devstack.people import AURORA, BOREAL
from shared_schemas.ids import new_id

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
    await make_consent(ana, client["id"], decision="refused")
    second = await make_consent(ana, client["id"])

    found = {fact["consent_id"]: fact for fact in (await facts(ana, "consents"))["facts"]}

    assert set(found) == {first["id"], second["id"]}
    assert found[first["id"]]["revoked_at"] is not None
    assert found[second["id"]] == {
        "consent_id": second["id"],
        "client_id": client["id"],
        "purpose_id": purpose["id"],
        "purpose_code": purpose["code"],
        "revoked_at": None,
    }


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
