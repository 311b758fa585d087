"""Members and organizations come into being at login; who am I."""

import asyncio
from typing import Any

import asyncpg
import pytest
from core_api_factories import Person, PersonOf
from core_api_records import Records

from core_api.modules.organizations.provisioning import MemberProvisioning
from devstack.people import AURORA, PEOPLE
from shared_schemas.ids import new_id
from shared_schemas.permissions import ROLE_PERMISSIONS, Role


async def test_me_is_the_token_the_permissions_and_the_organization(bruno: Person) -> None:
    me = await bruno.seen("/api/v1/me")

    assert me["id"] == str(PEOPLE["bruno"].sub)
    assert (me["name"], me["email"]) == (PEOPLE["bruno"].name, PEOPLE["bruno"].email)
    assert me["roles"] == ["agent"]
    assert set(me["permissions"]) == ROLE_PERMISSIONS[Role.AGENT]
    assert me["organization"]["id"] == str(AURORA.id)
    assert me["organization"] == await bruno.seen("/api/v1/organization")
    assert (me["organization"]["slug"], me["organization"]["name"]) == ("aurora", "Aurora")


async def test_every_alias_of_the_api_answers(bruno: Person) -> None:
    assert await bruno.seen("/api/me") == await bruno.seen("/api/v1/me")


async def test_members_are_those_of_the_organization(
    ana: Person, bruno: Person, beto: Person
) -> None:
    for person in (bruno, beto, ana):
        await person.seen("/api/v1/me")

    members = await ana.seen("/api/v1/members")

    assert [member["name"] for member in members] == [PEOPLE["bruno"].name, PEOPLE["ana"].name]
    first = (await ana.get("/api/v1/members", params={"limit": 1})).json()
    rest = await ana.seen("/api/v1/members", cursor=first["meta"]["next_cursor"])
    assert first["data"] + rest == members


async def test_first_login_is_audited_once(person: PersonOf, records: Records) -> None:
    await person("ana").seen("/api/v1/me")
    await person("ana").seen("/api/v1/me")

    (audited,) = await records.audit("member.provisioned")
    assert audited["subject_id"] == str(PEOPLE["ana"].sub)


async def test_new_claims_are_taken_over(person: PersonOf, records: Records) -> None:
    await person("bruno").seen("/api/v1/me")

    changed = person("bruno", name="Bruno Novo", realm_access={"roles": ["viewer", "unknown"]})

    me = await changed.seen("/api/v1/me")
    assert (me["name"], me["roles"]) == ("Bruno Novo", ["viewer"])
    assert "clients:write" not in me["permissions"]
    (audited,) = await records.audit("member.updated")
    assert audited["changed"] == ["name", "roles"]


async def test_known_member_costs_no_query(person: PersonOf, statements: list[str]) -> None:
    await person("bruno").seen("/api/v1/me")
    statements.clear()

    await person("bruno").seen("/api/v1/me")  # another token, the same claims

    assert len(statements) == 1


async def test_memory_of_members_is_bounded(
    provisioning: MemberProvisioning, person: PersonOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core_api.modules.organizations.provisioning._REMEMBERED", 3)

    for number in range(8):
        await person("ana", sub=str(new_id()), name=f"Ana {number}").seen("/api/v1/me")

    assert len(provisioning._written) == 3


async def test_earlier_claims_that_come_back_are_taken_over_again(person: PersonOf) -> None:
    await person("bruno").seen("/api/v1/me")
    await person("bruno", realm_access={"roles": ["viewer"]}).seen("/api/v1/me")

    me = await person("bruno").seen("/api/v1/me")

    assert me["roles"] == ["agent"]


@pytest.mark.committed
async def test_simultaneous_first_logins_make_one_member_and_one_organization(
    person: PersonOf, superuser: asyncpg.Connection
) -> None:
    names = ["ana", "bruno", "vera", "davi"] * 6

    answers = await asyncio.gather(*(person(name).get("/api/v1/me") for name in names))

    assert {answer.status_code for answer in answers} == {200}
    count = "SELECT count(*) FROM crm."
    assert await superuser.fetchval(f"{count}organizations") == 1
    assert await superuser.fetchval(f"{count}members") == 4
    provisioned = f"{count}audit_events WHERE action = 'member.provisioned'"
    assert await superuser.fetchval(provisioned) == 4


@pytest.mark.committed
async def test_emptied_database_heals_when_the_memory_ends(
    person: PersonOf, superuser: asyncpg.Connection, provisioning: MemberProvisioning
) -> None:
    await person("ana").seen("/api/v1/me")
    await superuser.execute("DELETE FROM crm.members; DELETE FROM crm.organizations")
    provisioning.forget()

    me: dict[str, Any] = await person("ana").seen("/api/v1/me")

    assert me["name"] == PEOPLE["ana"].name
