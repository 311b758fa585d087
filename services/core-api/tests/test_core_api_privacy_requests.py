"""Requests of data subjects from coming in to being closed: what each step asks for and leaves."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from core_api_factories import CLIENTS, Person, make_client, make_consent, make_purpose
from core_api_records import Records
from privacy_factories import (
    REQUESTS,
    history,
    identify,
    kinds,
    make_proven,
    make_request,
)

from shared_schemas.ids import new_id

SECRET = "Moro na Rua das Acácias 77 e me chamo Júlia Prado"


async def test_request_comes_in_and_leaves_its_traces(ana: Person, records: Records) -> None:
    client = await make_client(ana)
    answer = await ana.post(
        REQUESTS,
        {"client_id": client["id"], "type": "access", "channel": "email", "description": SECRET},
    )

    assert answer.status_code == 201, answer.text
    request = answer.json()["data"]
    assert answer.headers["location"] == f"{REQUESTS}/{request['id']}"
    assert (request["type"], request["form"]) == ("access", "complete")
    assert (request["status"], request["receipt"]) == ("identity_pending", None)
    assert (request["identity_required"], request["identity_level"]) == ("strong", "none")
    read = await ana.seen(f"{REQUESTS}/{request['id']}")
    assert read["description"] == SECRET
    (event,) = await records.events("privacy.request_opened")
    assert event["payload"] == {
        "privacy_request_id": request["id"],
        "client_id": client["id"],
        "type": "access",
    }
    (noted,) = await records.audit("privacy_request.opened")
    assert (noted["subject_id"], str(noted["about"])) == (request["id"], client["id"])
    (entry,) = await ana.seen(f"{CLIENTS}/{client['id']}/timeline", kind="privacy_request")
    assert (entry["title"], entry["summary"]) == ("Pedido do titular aberto", "acesso aos dados")
    assert entry["detail"]["privacy_request_id"] == request["id"]


@pytest.mark.committed
async def test_words_are_nowhere_to_be_read_without_the_subjects_key(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    """Neither in a table, nor in the answers that are kept for repeating."""
    client = await make_client(ana)
    given = {"client_id": client["id"], "type": "correction", "description": SECRET}
    key = {"idempotency-key": "um-pedido"}
    corrections = {"name": "Júlia Acácias Prado"}
    answer = await ana.post(REQUESTS, given | {"corrections": corrections}, headers=key)
    path = f"{REQUESTS}/{answer.json()['data']['id']}"
    representative = {"kind": "attorney", "name": "Acácias Advogado", "proof": SECRET}
    assert (await ana.call("PUT", f"{path}/representative", json=representative)).is_success
    message = {"channel": "email", "body": SECRET}
    await ana.post(f"{path}/messages", message, headers={"idempotency-key": "uma-mensagem"})
    check = {"level": "basic", "method": "phone_call", "passed": True, "notes": SECRET}
    await ana.post(f"{path}/identity-checks", check, headers={"idempotency-key": "um-cheque"})

    tables = await superuser.fetch(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'crm'"
        " AND table_type = 'BASE TABLE'"
    )
    for (table,) in tables:
        rows = await superuser.fetch(f"SELECT t::text FROM crm.{table} AS t")
        assert not [row for row in rows if "Acácias" in row[0]], table
        kept = "encode(body, 'escape')" if table == "idempotency_keys" else None
        for row in await superuser.fetch(f"SELECT {kept} FROM crm.{table}") if kept else ():
            assert "Ac" not in row[0]
    read = await ana.seen(path)
    assert (read["description"], read["corrections"]) == (SECRET, corrections)
    assert read["representative"]["name"] == "Acácias Advogado"
    (said,) = await ana.seen(f"{path}/messages")
    assert said["body"] == SECRET
    checked = next(step for step in await history(ana, read["id"]) if step["text"])
    assert (checked["kind"], checked["text"]) == ("identity_checked", SECRET)


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "forgetting"},
        {"type": "erasure", "form": "simplified"},
        {"type": "erasure", "purpose_code": "novidades"},
        {"type": "erasure", "corrections": {"name": "Júlia"}},
        {"channel": "preferences_link"},
        {"description": " "},
        {"received_at": "2031-01-01T00:00:00Z"},
        {"received_at": "2026-01-01T00:00:00"},
        {"surprise": 1},
    ],
)
async def test_request_that_makes_no_sense_is_refused(ana: Person, changes: dict[str, Any]) -> None:
    client = await make_client(ana)

    answer = await ana.post(REQUESTS, {"client_id": client["id"], "type": "access"} | changes)

    assert answer.status_code == 422, answer.text
    assert await ana.seen(REQUESTS) == []


async def test_letter_counts_from_the_day_it_came_in(ana: Person) -> None:
    received = datetime.now(UTC) - timedelta(days=16)

    request = await make_request(ana, channel="letter", received_at=received.isoformat())

    assert datetime.fromisoformat(request["due_at"]) == received + timedelta(days=15)
    assert request["overdue"] is True


async def test_purpose_must_exist(ana: Person, beto: Person) -> None:
    await make_purpose(beto)
    client = await make_client(ana)
    given = {"client_id": client["id"], "type": "opposition", "purpose_code": "novidades"}

    refused = await ana.post(REQUESTS, given)

    assert (refused.status_code, refused.json()["code"]) == (404, "PURPOSE_NOT_FOUND")


async def test_who_was_deleted_still_has_rights(ana: Person) -> None:
    client = await make_client(ana)
    await ana.delete(f"{CLIENTS}/{client['id']}")

    request = await make_request(ana, client_id=client["id"], type="erasure")

    assert request["status"] == "identity_pending"
    listed = await ana.seen(REQUESTS, client_id=client["id"])
    assert [one["id"] for one in listed] == [request["id"]]


async def test_identity_is_checked_and_recorded(ana: Person, davi: Person) -> None:
    request = await make_request(ana)
    weak = await identify(davi, request["id"], level="basic", method="phone_call")
    failed = await identify(davi, request["id"], passed=False, notes="A foto não confere.")
    passed = await identify(davi, request["id"], method="document_with_photo")

    assert [one["status"] for one in (weak, failed, passed)] == [
        "identity_pending",
        "identity_pending",
        "in_progress",
    ]
    assert (failed["identity_level"], passed["identity_level"]) == ("none", "strong")
    assert (failed["identity_method"], failed["identity_checked_at"]) == (None, None)
    assert passed["identity_method"] == "document_with_photo"
    me = await davi.seen("/api/v1/me")
    assert passed["identity_checked_by"] == me["id"]
    checks = [step for step in await history(ana, request["id"]) if step["actor_id"] == me["id"]]
    assert [step["details"]["passed"] for step in checks] == [True, False, True]
    assert [step["text"] for step in checks] == [None, "A foto não confere.", None]


async def test_who_turns_out_to_be_somebody_else_gets_nothing(ana: Person) -> None:
    request = await make_proven(ana, type="erasure")
    path = f"{REQUESTS}/{request['id']}"

    weaker = await identify(ana, request["id"], level="basic", method="phone_call")
    failed = await identify(ana, request["id"], passed=False, notes="O documento é falso.")
    refused = await ana.post(f"{path}/execute")

    assert (weaker["identity_level"], weaker["identity_method"]) == ("strong", "in_person")
    assert (failed["status"], failed["identity_level"]) == ("identity_pending", "none")
    assert (refused.status_code, refused.json()["code"]) == (409, "PRIVACY_IDENTITY_NOT_PROVEN")
    again = await identify(ana, request["id"])
    assert (again["status"], again["identity_level"]) == ("in_progress", "strong")


async def test_method_cannot_prove_more_than_it_can(ana: Person) -> None:
    request = await make_request(ana)
    path = f"{REQUESTS}/{request['id']}"
    check = {"level": "strong", "method": "phone_call", "passed": True}

    refused = await ana.post(f"{path}/identity-checks", check)

    assert (refused.status_code, refused.json()["code"]) == (422, "PRIVACY_METHOD_TOO_WEAK")
    assert (await ana.seen(path))["version"] == request["version"]
    by_link = check | {"level": "basic", "method": "preferences_link"}
    assert (await ana.post(f"{path}/identity-checks", by_link)).status_code == 422


async def test_nothing_is_executed_for_who_is_not_proven(ana: Person) -> None:
    await make_purpose(ana)
    client = await make_client(ana)
    await make_consent(ana, client["id"])
    request = await make_request(ana, client_id=client["id"], type="revocation")
    path = f"{REQUESTS}/{request['id']}"

    refused = await ana.post(f"{path}/execute")

    assert (refused.status_code, refused.json()["code"]) == (409, "PRIVACY_IDENTITY_NOT_PROVEN")
    (consent,) = await ana.seen(f"{CLIENTS}/{client['id']}/consents")
    assert consent["status"] == "granted"
    assert await kinds(ana, request["id"]) == ["opened"]


async def test_representative_is_proven_before_anything_runs(ana: Person) -> None:
    request = await make_proven(ana, type="revocation")
    path = f"{REQUESTS}/{request['id']}"
    given = {"kind": "lawyer", "name": "Marcos Prado", "proof": "Procuração de 02/11/2026."}
    named = await ana.call("PUT", f"{path}/representative", json=given)
    assert named.json()["data"]["status"] == "identity_pending", named.text

    refused = await ana.post(f"{path}/execute")
    await identify(ana, request["id"])
    still = await ana.post(f"{path}/execute")
    await identify(ana, request["id"], representative_proven=True)
    done = await ana.post(f"{path}/execute")

    assert {refused.json()["code"], still.json()["code"]} == {"PRIVACY_REPRESENTATION_NOT_PROVEN"}
    assert done.json()["data"]["status"] == "completed", done.text
    other = await ana.call(
        "PUT", f"{path}/representative", json=given | {"proof_attachment_id": str(new_id())}
    )
    assert other.status_code == 409


async def test_proof_of_a_representative_is_a_file_of_the_subject(ana: Person) -> None:
    request = await make_request(ana)
    given = {"kind": "heir", "name": "Marcos Prado", "proof": "Certidão de óbito."}

    refused = await ana.call(
        "PUT",
        f"{REQUESTS}/{request['id']}/representative",
        json=given | {"proof_attachment_id": str(new_id())},
    )

    assert refused.status_code == 422, refused.text
    assert refused.json()["details"][0]["field"] == "body.proof_attachment_id"


@pytest.mark.committed
async def test_clock_stands_while_the_subject_is_asked(
    ana: Person, superuser: asyncpg.Connection
) -> None:
    request = await make_proven(ana, type="erasure")
    path = f"{REQUESTS}/{request['id']}"
    asked = await ana.made(f"{path}/clarify", {"text": "Qual endereço?", "channel": "email"})
    await superuser.execute(
        "UPDATE crm.privacy_requests SET paused_at = paused_at - interval '20 days',"
        " received_at = received_at - interval '20 days', due_at = due_at - interval '20 days'"
    )
    waiting = await ana.seen(path)
    assert (asked["status"], waiting["overdue"]) == ("waiting_for_subject", False)
    assert [one["id"] for one in await ana.seen(REQUESTS, overdue="true")] == []

    resumed = await ana.made(f"{path}/resume", {"text": "O da Rua A.", "channel": "email"})

    before, after = (datetime.fromisoformat(one["due_at"]) for one in (waiting, resumed))
    assert timedelta(days=20) <= after - before < timedelta(days=20, minutes=5)
    assert (resumed["status"], resumed["paused_at"]) == ("in_progress", None)
    said = [(one["direction"], one["body"]) for one in await ana.seen(f"{path}/messages")]
    assert said == [("to_subject", "Qual endereço?"), ("from_subject", "O da Rua A.")]


async def test_deadline_is_extended_once_with_its_reason(ana: Person) -> None:
    request = await make_proven(ana, type="erasure")
    path = f"{REQUESTS}/{request['id']}"
    given = {"days": 10, "reason": "Há arquivo em papel."}
    tell = {"text": "Precisamos de mais dez dias.", "channel": "email"}

    too_long = await ana.post(f"{path}/extend", given | {"days": 16})
    extended = await ana.made(f"{path}/extend", given | {"tell": tell})
    again = await ana.post(f"{path}/extend", given)

    assert (too_long.status_code, too_long.json()["code"]) == (422, "PRIVACY_EXTENSION_TOO_LONG")
    assert (again.status_code, again.json()["code"]) == (409, "PRIVACY_REQUEST_ALREADY_EXTENDED")
    before, after = (datetime.fromisoformat(one["due_at"]) for one in (request, extended))
    assert (after - before, extended["extended_days"]) == (timedelta(days=10), 10)
    (step,) = [one for one in await history(ana, request["id"]) if one["kind"] == "extended"]
    assert step["text"] == "Há arquivo em papel."
    (message,) = await ana.seen(f"{path}/messages")
    assert (message["body"], message["delivery"]) == (tell["text"], "pending")


async def test_deadline_of_the_law_is_not_extended(ana: Person) -> None:
    request = await make_proven(ana)

    refused = await ana.post(
        f"{REQUESTS}/{request['id']}/extend", {"days": 1, "reason": "Muito trabalho."}
    )

    assert (refused.status_code, refused.json()["code"]) == (409, "PRIVACY_REQUEST_NOT_EXTENSIBLE")


async def test_what_is_late_is_not_made_timely_by_an_extension(ana: Person) -> None:
    received = (datetime.now(UTC) - timedelta(days=40)).isoformat()
    request = await make_proven(ana, type="correction", channel="letter", received_at=received)
    path = f"{REQUESTS}/{request['id']}"

    refused = await ana.post(f"{path}/extend", {"days": 15, "reason": "Muito trabalho."})

    assert (refused.status_code, refused.json()["code"]) == (409, "PRIVACY_EXTENSION_TOO_LATE")
    assert "já venceu" in refused.json()["message"]
    late = await ana.seen(path)
    assert (late["overdue"], late["due_at"]) == (True, request["due_at"])


async def test_refusal_says_ground_and_reason(ana: Person, records: Records) -> None:
    request = await make_proven(ana, type="erasure")
    path = f"{REQUESTS}/{request['id']}"
    given = {"ground": "legal_obligation", "text": "Notas fiscais ficam.", "channel": "letter"}

    unknown = await ana.post(f"{path}/refuse", given | {"ground": "too_much_work"})
    wordless = await ana.post(f"{path}/refuse", given | {"text": ""})
    refused = await ana.made(f"{path}/refuse", given)

    assert (unknown.status_code, wordless.status_code) == (422, 422)
    assert (refused["status"], refused["refusal_ground"]) == ("refused", "legal_obligation")
    assert refused["closed_at"] is not None
    (message,) = await ana.seen(f"{path}/messages")
    assert message["body"].splitlines()[0] == "Notas fiscais ficam."
    assert message["body"].endswith("legal ou regulatória (LGPD, art. 16, I).")
    (event,) = await records.events("privacy.request_closed")
    assert event["payload"]["outcome"] == "refused"
    (noted,) = await records.audit("privacy_request.refused")
    assert noted["values"]["ground"]["to"] == "legal_obligation"
    assert "Notas" not in str(noted)


@pytest.mark.parametrize(
    ("move", "given"),
    [
        ("identity-checks", {"level": "strong", "method": "in_person", "passed": True}),
        ("clarify", {"text": "O quê?", "channel": "email"}),
        ("resume", None),
        ("extend", {"days": 1, "reason": "Papel."}),
        ("refuse", {"ground": "research", "text": "Pesquisa.", "channel": "email"}),
        ("cancel", {"reason": "Outra vez."}),
        ("execute", None),
    ],
)
async def test_what_is_closed_stays_as_it_is(
    ana: Person, move: str, given: dict[str, Any] | None
) -> None:
    request = await make_proven(ana, type="erasure")
    path = f"{REQUESTS}/{request['id']}"
    closed = await ana.made(f"{path}/cancel", {"reason": "O titular desistiu."})

    refused = await ana.post(f"{path}/{move}", given)

    assert refused.status_code == 409, refused.text
    assert refused.json()["code"] == "PRIVACY_REQUEST_MOVE_REFUSED"
    assert "cancelado" in refused.json()["message"]
    assert (await ana.seen(path))["version"] == closed["version"]


async def test_changes_are_based_on_what_was_seen(ana: Person) -> None:
    request = await make_proven(ana, type="erasure")
    path = f"{REQUESTS}/{request['id']}"
    stale = {"if-match": '"1"'}

    refused = await ana.post(f"{path}/cancel", {"reason": "Desistiu."}, headers=stale)

    assert refused.status_code == 412
    current = {"if-match": (await ana.get(path)).headers["etag"]}
    assert (await ana.post(f"{path}/cancel", {"reason": "Desistiu."}, headers=current)).is_success


async def test_delivery_of_a_message_is_followed(ana: Person) -> None:
    request = await make_request(ana)
    path = f"{REQUESTS}/{request['id']}/messages"
    message = await ana.made(path, {"channel": "email", "body": "Recebemos o pedido."})

    sent = await ana.patch(f"{path}/{message['id']}", {"delivery": "sent"})
    failed = await ana.patch(f"{path}/{message['id']}", {"delivery": "failed"})
    nothing = await ana.patch(f"{path}/{new_id()}", {"delivery": "sent"})

    assert message["delivery"] == "pending"
    states = [one.json()["data"]["delivery"] for one in (sent, failed)]
    assert states == ["sent", "failed"]
    assert nothing.json()["code"] == "PRIVACY_MESSAGE_NOT_FOUND"
    told = [step for step in await history(ana, request["id"]) if "delivery" in step["details"]]
    assert [step["details"]["delivery"] for step in told] == ["sent", "failed"]


async def test_reading_words_is_noted(ana: Person, davi: Person, records: Records) -> None:
    request = await make_request(ana, description=SECRET)
    wordless = await make_request(ana)
    for one in (request, wordless):
        await davi.seen(f"{REQUESTS}/{one['id']}")
        await history(davi, one["id"])
    await davi.seen(REQUESTS)

    (noted,) = await records.audit("privacy_request.read")

    assert noted["subject_id"] == request["id"]
    assert str(noted["about"]) == request["client_id"]
