"""The register of international transfers, and what it tells of every change."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from core_api_accountability import transfer
from core_api_factories import Person, make_purpose, without_request_id
from core_api_records import Records

from chassis.data.columns import utc_now
from core_api.business_days import today

TRANSFERS = "/api/v1/international-transfers"
DEADLINES = "/api/v1/accountability/deadlines"


async def registered(person: Person, **changes: Any) -> dict[str, Any]:
    await make_purpose(person, code="atendimento", legal_basis="contract")
    return await person.made(TRANSFERS, transfer("atendimento", **changes))


async def moved(person: Person, transfer_id: str, move: str) -> Any:
    return await person.post(f"{TRANSFERS}/{transfer_id}/{move}", {"reason": "Conferido"})


async def test_data_goes_only_while_it_is_authorised_and_everybody_is_told(
    davi: Person, records: Records
) -> None:
    made = await registered(davi)
    allowed = [made["allowed"]]
    for move in ("authorise", "suspend", "authorise", "end"):
        answer = await moved(davi, made["id"], move)
        assert answer.status_code == 200, answer.text
        allowed.append(answer.json()["data"]["allowed"])

    assert allowed == [False, True, False, True, False]
    told = [event["payload"] for event in await records.events("transfer.changed")]
    assert [one["allowed"] for one in told] == allowed
    assert [one["version"] for one in told] == [1, 2, 3, 4, 5]
    assert told[0] == {
        "transfer_id": made["id"],
        "provider": "openai",
        "country": "US",
        "mechanism": "standard_clauses",
        "purpose_codes": ["atendimento"],
        "allowed": False,
        "valid_until": None,
        "version": 1,
    }
    assert len(await records.audit("transfer.authorised")) == 2
    refused = await moved(davi, made["id"], "authorise")
    assert refused.json()["code"] == "TRANSFER_MOVE_REFUSED"


async def test_it_is_authorised_only_with_a_proof_and_from_its_first_day(davi: Person) -> None:
    unproven = await registered(davi, mechanism_reference=None)
    tomorrow = (today(utc_now()) + timedelta(days=1)).isoformat()
    early = await davi.made(
        TRANSFERS, transfer("atendimento", provider="outro", valid_from=tomorrow)
    )

    answers = [await moved(davi, each["id"], "authorise") for each in (unproven, early)]

    codes = [answer.json()["code"] for answer in answers]
    assert codes == ["TRANSFER_MECHANISM_UNPROVEN", "TRANSFER_NOT_YET_VALID"]


async def test_one_that_ran_out_is_no_longer_allowed_and_was_warned_of(davi: Person) -> None:
    last = today(utc_now()) + timedelta(days=20)
    made = await registered(davi, valid_until=last.isoformat())
    await moved(davi, made["id"], "authorise")

    (due,) = await davi.seen(DEADLINES, subject_type="transfer")
    answer = await davi.patch(f"{TRANSFERS}/{made['id']}", {"valid_until": "2026-01-02"})

    assert (due["subject_id"], due["kind"], due["state"]) == (made["id"], "validity", "open")
    assert due["due_at"].startswith((last + timedelta(days=1)).isoformat())  # in UTC
    assert answer.json()["data"]["allowed"] is False


async def test_change_of_purposes_is_told_and_unknown_ones_are_refused(
    davi: Person, records: Records
) -> None:
    made = await registered(davi)
    await make_purpose(davi, code="pesquisa")
    path = f"{TRANSFERS}/{made['id']}"

    changed = await davi.patch(path, {"purpose_codes": ["pesquisa", "atendimento"]})
    unknown = await davi.patch(path, {"purpose_codes": ["inventada"]})
    stale = await davi.patch(path, {"how": "Lote"}, headers={"if-match": '"1"'})

    assert changed.status_code == 200
    assert unknown.json()["code"] == "PURPOSE_NOT_FOUND"
    assert stale.status_code == 412
    last = (await records.events("transfer.changed"))[-1]["payload"]
    assert last["purpose_codes"] == ["pesquisa", "atendimento"]


@pytest.mark.parametrize(
    "changes",
    [
        {"country": "BR"},
        {"country": "Brasil"},
        {"mechanism": "trust"},
        {"purpose_codes": []},
        {"provider": "Open AI"},
        {"valid_until": "2025-12-31"},
        {"valid_until": "9999-12-31"},
    ],
)
async def test_transfer_that_cannot_be_is_refused(davi: Person, changes: dict[str, Any]) -> None:
    await make_purpose(davi, code="atendimento")

    answer = await davi.post(TRANSFERS, transfer("atendimento", **changes))

    assert answer.status_code == 422, answer.text
    assert await davi.seen(TRANSFERS) == []


@pytest.mark.committed
async def test_of_many_for_one_provider_and_country_at_once_one_is_registered(
    davi: Person,
) -> None:
    await make_purpose(davi, code="atendimento")
    answers = await asyncio.gather(
        *(davi.post(TRANSFERS, transfer("atendimento")) for _ in range(4))
    )
    first = next(answer.json()["data"] for answer in answers if answer.status_code == 201)

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    await moved(davi, first["id"], "end")
    assert (await davi.post(TRANSFERS, transfer("atendimento"))).status_code == 201


async def test_another_organizations_entry_is_one_that_does_not_exist(
    davi: Person, beto: Person
) -> None:
    made = await registered(davi)
    unknown = f"{made['id'][:-4]}0000"

    for call in (
        lambda each: beto.get(f"{TRANSFERS}/{each}"),
        lambda each: moved(beto, each, "authorise"),
    ):
        foreign, nobody = await call(made["id"]), await call(unknown)
        assert foreign.status_code == 404
        assert without_request_id(foreign) == without_request_id(nobody)
    assert await beto.seen(TRANSFERS) == []


async def test_list_is_paged_by_provider_in_a_fixed_number_of_queries(
    davi: Person, statements: list[str]
) -> None:
    await make_purpose(davi, code="atendimento")
    for number in range(5):
        await davi.made(TRANSFERS, transfer("atendimento", provider=f"p{number}"))
    statements.clear()

    first = await davi.get(TRANSFERS, params={"limit": 3})
    cursor = first.json()["meta"]["next_cursor"]
    second = await davi.get(TRANSFERS, params={"limit": 3, "cursor": cursor})

    listed = [one["provider"] for page in (first, second) for one in page.json()["data"]]
    assert listed == ["p0", "p1", "p2", "p3", "p4"]
    assert len(statements) == 2
