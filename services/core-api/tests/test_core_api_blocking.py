"""Blocked data is kept, shown as blocked, and not worked with; opposition; lifting."""

import asyncio
from typing import Any

import pytest
from core_api_factories import (
    CLIENTS,
    TICKETS,
    Person,
    make_client,
    make_consent,
    make_purpose,
    make_ticket,
    without_request_id,
)
from core_api_records import Records

from core_api.modules.blocking.executor import BlockingExecutor
from core_api.privacy_executors import EXECUTORS
from shared_schemas.ids import new_id

LIFTED = {"reason": "O titular mudou de ideia"}


def blocks_of(client_id: str) -> str:
    return f"{CLIENTS}/{client_id}/processing-blocks"


async def block(person: Person, client_id: str, **given: Any) -> dict[str, Any]:
    return await person.made(blocks_of(client_id), {"reason": "Pedido por telefone", **given})


async def allowed(person: Person, client_id: str, code: str) -> bool:
    read = await person.seen(f"{CLIENTS}/{client_id}/legal-basis/{code}")
    return bool(read["allowed"])


async def test_whole_block_stops_every_use_and_every_change_and_shows(
    ana: Person, davi: Person, records: Records
) -> None:
    await make_purpose(ana)
    await make_purpose(ana, code="contrato", legal_basis="contract")
    client = await make_client(ana)
    ticket = await make_ticket(ana, client["id"])
    note = await ana.made(f"{CLIENTS}/{client['id']}/notes", {"body": "Prefere cartas."})
    await make_consent(ana, client["id"])

    made = await block(davi, client["id"])

    assert [await allowed(ana, client["id"], code) for code in ("novidades", "contrato")] == [
        False,
        False,
    ]
    path, said = f"{CLIENTS}/{client['id']}", f"{TICKETS}/{ticket['id']}/messages"
    refused = [
        await ana.patch(path, {"name": "Outro Nome"}),
        await ana.post(f"{path}/notes", {"body": "x"}),
        await ana.patch(f"{path}/notes/{note['id']}", {"body": "x"}),
        await ana.post(TICKETS, {"client_id": client["id"], "subject": "x", "description": "x"}),
        await ana.post(said, {"kind": "reply", "body": "x"}),
        await ana.post(said, {"kind": "note", "body": "x"}),
    ]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [
        (409, "CLIENT_BLOCKED")
    ] * len(refused)
    heard = await ana.post(said, {"kind": "client", "body": "E o meu pedido?"})
    assert heard.status_code == 201, "what the client says is heard all the same"
    shown = await ana.seen(path)
    assert (shown["processing_blocked"], shown["name"]) == ("wholly", client["name"])
    (listed,) = await ana.seen(blocks_of(client["id"]))
    assert listed == made
    assert (made["purpose_code"], made["cause"], made["reason"]) == (
        None,
        "blocking",
        "Pedido por telefone",
    )
    (event,) = await records.events("processing.blocked")
    assert event["payload"] == {
        "block_id": made["id"],
        "client_id": client["id"],
        "purpose_code": None,
    }
    (noted,) = await records.audit("processing_block.set")
    assert "Pedido por telefone" not in str(noted)


async def test_block_of_one_purpose_leaves_the_others(ana: Person, davi: Person) -> None:
    for code in ("pesquisa", "contrato"):
        await make_purpose(ana, code=code, legal_basis="contract")
    client = await make_client(ana)
    await block(davi, client["id"], purpose_code="pesquisa", cause="opposition")

    uses = {code: await allowed(ana, client["id"], code) for code in ("pesquisa", "contrato")}
    renamed = await ana.patch(f"{CLIENTS}/{client['id']}", {"name": "Outro Nome"})

    assert uses == {"pesquisa": False, "contrato": True}
    assert renamed.status_code == 200
    assert (await ana.seen(f"{CLIENTS}/{client['id']}"))["processing_blocked"] == "partly"


async def test_lifting_ends_it_once_with_a_reason(
    ana: Person, davi: Person, records: Records
) -> None:
    client = await make_client(ana)
    made = await block(davi, client["id"])
    path = f"/api/v1/processing-blocks/{made['id']}/lift"
    without = await davi.post(path, {})

    lifted = await davi.made(path, LIFTED)
    again = await davi.post(path, LIFTED)

    assert without.status_code == 422
    assert (again.status_code, again.json()["code"]) == (409, "PROCESSING_BLOCK_LIFTED")
    assert lifted["lifted_at"] is not None
    assert (lifted["reason"], lifted["lift_reason"]) == ("Pedido por telefone", LIFTED["reason"])
    assert (await ana.seen(f"{CLIENTS}/{client['id']}"))["processing_blocked"] is None
    renamed = await ana.patch(f"{CLIENTS}/{client['id']}", {"name": "Outro Nome"})
    assert renamed.status_code == 200
    (event,) = await records.events("processing.unblocked")
    assert event["payload"]["block_id"] == made["id"]
    await block(davi, client["id"])  # and may be set again


async def test_block_holds_for_who_the_client_was_merged_into(ana: Person, davi: Person) -> None:
    survivor, other = [await make_client(ana) for _ in range(2)]
    await block(davi, other["id"])
    await ana.made(f"{CLIENTS}/{survivor['id']}/merge", {"other_id": other["id"]})

    shown = await ana.seen(f"{CLIENTS}/{survivor['id']}")
    refused = await ana.patch(f"{CLIENTS}/{survivor['id']}", {"name": "Outro Nome"})
    note = await ana.post(f"{CLIENTS}/{survivor['id']}/notes", {"body": "x"})

    assert shown["processing_blocked"] == "wholly"
    assert refused.json()["code"] == note.json()["code"] == "CLIENT_BLOCKED"
    assert len(await ana.seen(blocks_of(survivor["id"]))) == 1


async def test_what_cannot_be_blocked_is_refused(ana: Person, davi: Person) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    path, given = blocks_of(client["id"]), {"reason": "Pedido"}
    await block(davi, client["id"])
    answers = {
        "twice": await davi.post(path, given),
        "unknown": await davi.post(path, {**given, "purpose_code": "nenhuma"}),
        "consent": await davi.post(
            path, {**given, "purpose_code": "novidades", "cause": "opposition"}
        ),
        "no client": await davi.post(blocks_of(str(new_id())), given),
    }

    assert {
        name: (answer.status_code, answer.json()["code"]) for name, answer in answers.items()
    } == {
        "twice": (409, "PROCESSING_BLOCK_STANDS"),
        "unknown": (404, "PURPOSE_NOT_FOUND"),
        "consent": (409, "OPPOSITION_NEEDS_OTHER_BASIS"),
        "no client": (404, "CLIENT_NOT_FOUND"),
    }


async def test_another_organization_sees_and_lifts_nothing(
    ana: Person, davi: Person, beto: Person
) -> None:
    client = await make_client(ana)
    made = await block(davi, client["id"])

    foreign = await beto.post(f"/api/v1/processing-blocks/{made['id']}/lift", LIFTED)
    unknown = await beto.post(f"/api/v1/processing-blocks/{new_id()}/lift", LIFTED)
    listed = await beto.get(blocks_of(client["id"]))

    assert (foreign.status_code, listed.status_code) == (404, 404)
    assert without_request_id(foreign) == without_request_id(unknown)


@pytest.mark.committed
async def test_of_many_at_once_one_block_stands(
    ana: Person, davi: Person, records: Records
) -> None:
    client = await make_client(ana)
    answers = await asyncio.gather(
        *(davi.post(blocks_of(client["id"]), {"reason": "Pedido"}) for _ in range(6))
    )

    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    assert len(await records.events("processing.blocked")) == 1


def test_every_right_that_is_executed_here_has_its_executor() -> None:
    types = [type_.value for executor in EXECUTORS for type_ in executor.types]

    assert {"blocking", "opposition", "correction", "anonymization"} <= set(types)
    assert len(types) == len(set(types))
    assert {"blocking", "opposition"} == {type_.value for type_ in BlockingExecutor().types}
