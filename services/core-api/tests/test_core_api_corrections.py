"""Requests of correction change the client, tell who has copies, and prove it."""

from typing import Any

import pytest
from core_api_factories import CLIENTS, Person, make_client
from core_api_records import Records
from privacy_factories import REQUESTS, make_proven, make_request


async def asked(person: Person, client_id: str, **corrections: Any) -> dict[str, Any]:
    return await make_proven(
        person, client_id=client_id, type="correction", corrections=corrections
    )


async def test_correction_changes_the_client_and_tells_who_has_copies(
    ana: Person, davi: Person, records: Records
) -> None:
    client = await make_client(ana, name="Julia Prado", email="antigo@example.com")
    request = await asked(davi, client["id"], name="Júlia Prado Lima", email="novo@example.com")

    done = await davi.made(f"{REQUESTS}/{request['id']}/execute", {})

    assert (done["status"], done["receipt"]["changed"]) == ("completed", ["email", "name"])
    shown = await ana.seen(f"{CLIENTS}/{client['id']}")
    assert (shown["name"], shown["email"]) == ("Júlia Prado Lima", "novo@example.com")
    (updated,) = await records.events("client.updated")
    (told,) = await records.events("privacy.data_corrected")
    assert sorted(updated["payload"]["changed"]) == ["email", "name"]
    assert told["payload"] == {
        "client_id": client["id"],
        "privacy_request_id": request["id"],
        "changed": ["email", "name"],
    }
    (noted,) = await records.audit("client.updated")
    assert sorted(noted["changed"]) == ["email", "name"]
    for secret in ("Júlia Prado Lima", "novo@example.com"):
        assert secret not in str(done["receipt"])
        assert secret not in str(noted)


async def test_blocked_data_is_corrected_too(ana: Person, davi: Person) -> None:
    client = await make_client(ana)
    await davi.made(f"{CLIENTS}/{client['id']}/processing-blocks", {"reason": "Pedido"})
    request = await asked(davi, client["id"], name="Nome Certo")

    done = await davi.made(f"{REQUESTS}/{request['id']}/execute", {})

    assert done["status"] == "completed"
    assert (await ana.seen(f"{CLIENTS}/{client['id']}"))["name"] == "Nome Certo"


async def test_what_is_right_already_is_done_and_tells_nobody(
    ana: Person, davi: Person, records: Records
) -> None:
    client = await make_client(ana)
    request = await asked(davi, client["id"], name=client["name"])

    done = await davi.made(f"{REQUESTS}/{request['id']}/execute", {})

    assert (done["status"], done["receipt"]["changed"]) == ("completed", [])
    assert await records.events("privacy.data_corrected") == []


@pytest.mark.parametrize(
    ("corrections", "status", "code"),
    [
        ({}, 409, "CORRECTION_WITHOUT_VALUES"),
        ({"document": "529.982.247-26"}, 422, "VALIDATION_ERROR"),
        ({"email": "sem arroba"}, 422, "VALIDATION_ERROR"),
        ({"apelido": "Ju"}, 422, "VALIDATION_ERROR"),
        ({"name": None}, 422, "VALIDATION_ERROR"),
    ],
)
async def test_what_cannot_be_corrected_so_leaves_everything_as_it_was(
    ana: Person, davi: Person, corrections: dict[str, Any], status: int, code: str
) -> None:
    client = await make_client(ana)
    opened = await davi.post(
        REQUESTS,
        {
            "type": "correction",
            "channel": "email",
            "client_id": client["id"],
            "corrections": corrections,
        },
    )
    if opened.status_code != 201:  # refused when it is opened already
        assert (opened.status_code, opened.json()["code"]) == (status, code)
        return
    request_id = opened.json()["data"]["id"]
    await davi.made(
        f"{REQUESTS}/{request_id}/identity-checks",
        {"level": "strong", "method": "in_person", "passed": True},
    )

    answer = await davi.post(f"{REQUESTS}/{request_id}/execute", {})

    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert (await davi.seen(f"{REQUESTS}/{request_id}"))["status"] != "completed"
    assert (await ana.seen(f"{CLIENTS}/{client['id']}"))["version"] == client["version"]


async def test_blocking_and_opposition_are_executed_once_each(
    ana: Person, davi: Person, records: Records
) -> None:
    client = await make_client(ana)
    receipts = []
    for type_ in ("blocking", "opposition"):
        request = await make_proven(davi, client_id=client["id"], type=type_)
        done = await davi.made(f"{REQUESTS}/{request['id']}/execute", {})
        receipts.append((done["status"], set(done["receipt"])))

    assert receipts == [
        ("completed", {"block_id", "purpose_code", "blocked_at"}),
        ("completed", {"blocked_before"}),
    ]
    assert len(await records.events("processing.blocked")) == 1
    (listed,) = await ana.seen(f"{CLIENTS}/{client['id']}/processing-blocks")
    assert (listed["cause"], listed["reason"]) == ("blocking", None)


async def test_nothing_is_executed_before_it_is_known_who_asks(ana: Person, davi: Person) -> None:
    client = await make_client(ana)
    request = await make_request(
        davi, client_id=client["id"], type="correction", corrections={"name": "Outro"}
    )

    answer = await davi.post(f"{REQUESTS}/{request['id']}/execute", {})

    assert answer.status_code == 409
    assert (await ana.seen(f"{CLIENTS}/{client['id']}"))["name"] == client["name"]
