"""Legal holds: placed with a reason, an owner and a date, reviewed, lifted; their words sealed."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from core_api_factories import CLIENTS, Person, make_client
from core_api_records import Records
from erasure_factories import MARKERS, lift_hold, place_hold, rows_with

from chassis.data.columns import utc_now
from core_api.modules.audit.values import plain
from devstack.people import AURORA
from shared_schemas.ids import new_id

HOLDS = "/api/v1/legal-holds"


def in_days(days: int) -> str:
    return (utc_now() + timedelta(days=days)).date().isoformat()


async def made(person: Person, **changes: Any) -> dict[str, Any]:
    client = await make_client(person)
    given = {"reason": "Ação judicial", "review_on": in_days(30)} | changes
    return await person.made(f"{CLIENTS}/{client['id']}/legal-holds", given)


async def test_a_hold_says_who_answers_for_it_and_until_when(
    ana: Person, davi: Person, records: Records
) -> None:
    me = await davi.seen("/api/v1/me")
    hold = await made(ana, owner_id=me["id"])

    assert (hold["owner_id"], hold["is_standing"], hold["version"]) == (me["id"], True, 1)
    assert "reason" not in hold
    shown = await davi.seen(f"{HOLDS}/{hold['id']}")
    assert (shown["reason"], shown["lift_reason"]) == ("Ação judicial", None)
    (read,) = await records.audit("legal_hold.read")
    assert (str(read["actor_id"]), str(read["about"])) == (me["id"], hold["client_id"])
    assert [one["id"] for one in await davi.seen(HOLDS, standing=True)] == [hold["id"]]
    (noted,) = await records.audit("legal_hold.placed")
    assert str(noted["about"]) == hold["client_id"]
    assert "Ação judicial" not in str(plain(noted["values"]))


async def test_the_next_to_be_reviewed_comes_first(ana: Person) -> None:
    later, sooner = await made(ana, review_on=in_days(60)), await made(ana, review_on=in_days(5))

    first = await ana.get(HOLDS, params={"limit": 1})
    assert [one["id"] for one in first.json()["data"]] == [sooner["id"]]
    cursor = first.json()["meta"]["next_cursor"]
    assert [one["id"] for one in await ana.seen(HOLDS, cursor=cursor)] == [later["id"]]


async def test_a_hold_is_changed_and_lifted_once(ana: Person, records: Records) -> None:
    hold = await made(ana)
    path = f"{HOLDS}/{hold['id']}"

    changed = await ana.patch(
        path, {"review_on": in_days(90), "reason": "Inquérito"}, headers={"if-match": '"1"'}
    )
    assert changed.status_code == 200, changed.text
    assert changed.headers["etag"] == '"2"'
    assert (await ana.seen(path))["reason"] == "Inquérito"
    stale = await ana.patch(path, {"review_on": in_days(91)}, headers={"if-match": '"1"'})
    assert stale.status_code == 412
    lifted = await ana.made(f"{path}/lift", {"reason": "Processo encerrado"})
    assert (lifted["is_standing"], lifted["lifted_at"] is None) == (False, False)
    assert (await ana.seen(path))["lift_reason"] == "Processo encerrado"
    again = await ana.post(f"{path}/lift", {"reason": "De novo"})
    assert (again.status_code, again.json()["code"]) == (409, "LEGAL_HOLD_LIFTED")
    late = await ana.patch(path, {"review_on": in_days(92)})
    assert late.json()["code"] == "LEGAL_HOLD_LIFTED"
    assert await ana.seen(HOLDS, standing=True) == []
    assert len(await records.audit("legal_hold.lifted")) == 1


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({"review_on": "2020-01-01"}, "LEGAL_HOLD_REVIEW_PAST"),
        ({"review_on": "2999-01-01"}, "LEGAL_HOLD_REVIEW_PAST"),
        ({"reason": "  "}, "VALIDATION_ERROR"),
        ({"owner_id": str(new_id())}, "MEMBER_UNKNOWN"),
        ({"another": 1}, "VALIDATION_ERROR"),
    ],
)
async def test_bad_input_is_refused(ana: Person, given: dict[str, Any], code: str) -> None:
    client = await make_client(ana)
    body = {"reason": "Ação judicial", "review_on": in_days(30)} | given

    answer = await ana.post(f"{CLIENTS}/{client['id']}/legal-holds", body)

    assert answer.status_code in {404, 409, 422}
    assert answer.json()["code"] == code


async def test_holds_of_another_organization_do_not_exist(ana: Person, beto: Person) -> None:
    hold = await made(ana)
    theirs, nobodys = (
        await beto.get(f"{HOLDS}/{hold['id']}"),
        await beto.get(f"{HOLDS}/{new_id()}"),
    )

    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json()["message"] == nobodys.json()["message"]
    assert await beto.seen(HOLDS) == []
    lifting = await beto.post(f"{HOLDS}/{hold['id']}/lift", {"reason": "Não"})
    assert lifting.status_code == 404


async def test_who_may_only_read_tickets_neither_sees_nor_places_holds(
    ana: Person, vera: Person, bruno: Person
) -> None:
    hold = await made(ana)
    for person in (vera, bruno):
        assert (await person.get(f"{HOLDS}/{hold['id']}")).status_code == 403
        answer = await person.post(f"{CLIENTS}/{hold['client_id']}/legal-holds", {})
        assert answer.status_code == 403


@pytest.mark.committed
async def test_the_words_of_a_hold_are_sealed_wherever_they_are_kept(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    client = await make_client(ana)
    hold = await place_hold(ana, client["id"])
    await lift_hold(ana, hold["id"])

    assert await rows_with(superuser, MARKERS["hold"]) == {}
    assert await superuser.fetchval("SELECT count(*) FROM crm.legal_holds") == 1
    assert AURORA.id == await superuser.fetchval("SELECT organization_id FROM crm.legal_holds")
