"""Messages of privacy requests as mails: what goes out, what does not, and what is told of it."""

from typing import Any

import asyncpg
import pytest
from core_api_accountability import OFFICER, PROFILE
from core_api_factories import CLIENTS, Person, without_request_id
from core_api_mail import ADDRESS, MailWorker, make_due, make_message, message_again
from core_api_records import Records
from mail_server import MailServer
from privacy_factories import REQUESTS, history, identify

from devstack.people import AURORA
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed

DELIVERIES = "/api/v1/deliveries"


async def rows(superuser: asyncpg.Connection) -> list[dict[str, Any]]:
    return [dict(row) for row in await superuser.fetch("SELECT * FROM crm.deliveries")]


async def test_a_message_goes_out_and_the_proof_is_shown(
    davi: Person, ana: Person, mail_worker: MailWorker, smtp: MailServer, records: Records
) -> None:
    message = await make_message(ana)
    assert message["mail"]["state"] == "waiting"

    await mail_worker.drain()

    (mail,) = smtp.received
    sent = mail.message
    message_id = f"<{message['mail']['id']}@assist.example.org>"
    assert (mail.sender, mail.recipients) == ("lgpd@assist.example.org", [ADDRESS])
    assert sent["Message-ID"] == message_id
    assert sent["Subject"] == "Seu pedido sobre dados pessoais: acesso aos dados"
    assert sent["Auto-Submitted"] == "auto-generated"
    assert "Olá, Júlia Prado.\n\nSeu pedido foi aceito.\nOs arquivos seguem" in mail.text
    assert message["request_id"] in mail.text
    found = await message_again(davi, message)
    assert found["delivery"] == "sent"
    assert found["mail"]["state"] == "sent"
    assert found["mail"]["message_id"] == message_id
    assert found["mail"]["sent_at"] == found["delivery_at"]
    assert [step["details"]["delivery"] for step in await history(davi, message["request_id"])
            if step["kind"] == "message_delivery"] == ["sent"]  # fmt: skip
    (noted,) = await records.audit("delivery.sent")
    assert noted["subject_id"] == message["mail"]["id"]
    assert noted["actor_id"] is None
    assert noted["related"]["privacy_message_id"] == message["id"]


async def test_the_organization_and_its_officer_sign(
    ana: Person, davi: Person, mail_worker: MailWorker, smtp: MailServer
) -> None:
    assert (await davi.call("PUT", "/api/v1/controller-profile", json=PROFILE)).is_success
    await davi.made("/api/v1/privacy-officers", OFFICER)
    await make_message(ana)

    await mail_worker.drain()

    (mail,) = smtp.received
    assert "Prefeitura Municipal de Aurora" in str(mail.message["From"])
    assert "lgpd@assist.example.org" in str(mail.message["From"])
    assert str(mail.message["Reply-To"]) == OFFICER["email"]
    assert "Encarregado pelo tratamento de dados pessoais: Davi Exemplo, " in mail.text


@pytest.mark.parametrize(
    ("written", "replied"),
    [("dpo@aurora.example,", None), ("dpo@ação.org.br", "dpo@xn--ao-siap.org.br")],
)
async def test_an_officer_whose_address_is_no_good_stops_no_mail(
    ana: Person,
    davi: Person,
    mail_worker: MailWorker,
    smtp: MailServer,
    superuser: asyncpg.Connection,
    written: str,
    replied: str | None,
) -> None:
    await davi.made("/api/v1/privacy-officers", OFFICER)
    await superuser.execute("UPDATE crm.privacy_officers SET email = $1", written)
    await make_message(ana)

    await mail_worker.drain()

    (mail,) = smtp.received
    assert mail.message["Reply-To"] == replied


async def test_the_row_holds_neither_address_nor_words(
    ana: Person, mail_worker: MailWorker, superuser: asyncpg.Connection
) -> None:
    await make_message(ana, body="Palavra-marcada-7731.")

    before = str(await rows(superuser))
    await mail_worker.drain()

    for text in (before, str(await rows(superuser))):
        assert "delivery" in text or "privacy_message" in text
        assert not any(word in text for word in (ADDRESS, "Júlia", "marcada-7731"))


@pytest.mark.parametrize(
    "given", [{"channel": "phone"}, {"channel": "email", "direction": "from_subject"}]
)
async def test_only_what_goes_to_the_subject_by_mail_is_sent(
    ana: Person, mail_worker: MailWorker, smtp: MailServer, given: dict[str, str]
) -> None:
    message = await make_message(ana, **given)

    assert message["mail"] is None
    assert await mail_worker.drain() == 0
    assert smtp.received == []


async def test_a_line_break_in_a_name_does_not_become_a_header(
    ana: Person, mail_worker: MailWorker, smtp: MailServer, superuser: asyncpg.Connection
) -> None:
    bad = "Prefeitura\r\nBcc: todos@example.com"
    await make_message(ana, body="Olá.\r\n.\r\nBcc: todos@example.com")
    await superuser.execute(
        "UPDATE crm.organizations SET name = $1 WHERE organization_id = $2", bad, AURORA.id
    )
    await superuser.execute("UPDATE crm.clients SET name = $1", "Júlia\r\nBcc: x@example.com")

    await mail_worker.drain()

    (mail,) = smtp.received
    assert mail.message["Bcc"] is None
    assert mail.recipients == [ADDRESS]
    assert "Prefeitura Bcc: todos" in str(mail.message["From"])
    assert "Olá.\n.\nBcc: todos@example.com\n" in mail.text


@pytest.mark.parametrize(
    ("email", "code"),
    [(None, "NO_ADDRESS"), ("julia@example.com>\r\nRCPT TO:<eve@example.com", "BAD_ADDRESS")],
)
async def test_without_a_usable_address_a_person_is_told_at_once(
    ana: Person,
    davi: Person,
    mail_worker: MailWorker,
    smtp: MailServer,
    superuser: asyncpg.Connection,
    email: str | None,
    code: str,
) -> None:
    message = await make_message(ana)
    await superuser.execute("UPDATE crm.clients SET email = $1", email)

    assert await mail_worker.drain() == 1

    found = await message_again(davi, message)
    assert (found["delivery"], found["mail"]["state"]) == ("failed", "undeliverable")
    assert "endereço de e-mail" in found["mail"]["cause"]
    assert (await rows(superuser))[0]["error_code"] == code
    assert smtp.connections == 0
    assert await davi.seen(DELIVERIES, state="failed") == []
    (listed,) = await davi.seen(DELIVERIES, state="undeliverable")
    assert (listed["owner_id"], listed["kind"]) == (message["id"], "privacy_message")


async def test_who_was_blocked_meanwhile_gets_nothing(
    ana: Person, davi: Person, mail_worker: MailWorker, smtp: MailServer
) -> None:
    message = await make_message(ana)
    block = {"reason": "A pedido do titular."}
    await davi.made(f"{CLIENTS}/{message['client_id']}/processing-blocks", block)

    await mail_worker.drain()

    found = await message_again(davi, message)
    assert (found["mail"]["state"], smtp.connections) == ("failed", 0)
    assert "bloqueado" in found["mail"]["cause"]


async def test_who_is_being_erased_gets_nothing_any_more(
    ana: Person, davi: Person, mail_worker: MailWorker, smtp: MailServer, records: Records
) -> None:
    message = await make_message(ana)
    asked = {"client_id": message["client_id"], "type": "erasure", "channel": "email"}
    request = await davi.made(REQUESTS, asked)
    await identify(davi, request["id"])
    executed = await davi.post(f"{REQUESTS}/{request['id']}/execute")
    assert executed.is_success, executed.text

    await mail_worker.drain()

    found = await message_again(davi, message)
    assert (found["delivery"], found["mail"]["state"]) == ("pending", "withdrawn")
    assert smtp.connections == 0
    assert len(await records.audit("delivery.withdrawn")) == 1


async def test_a_person_who_sends_it_by_other_means_calls_it_off(
    ana: Person, davi: Person, mail_worker: MailWorker, smtp: MailServer
) -> None:
    message = await make_message(ana)
    path = f"{REQUESTS}/{message['request_id']}/messages/{message['id']}"

    answer = await davi.patch(path, {"delivery": "sent"})

    assert answer.json()["data"]["mail"]["state"] == "withdrawn"
    assert await mail_worker.drain() == 0
    assert smtp.connections == 0


async def test_one_that_failed_is_tried_again_when_a_person_says_so(
    ana: Person, davi: Person, mail_worker: MailWorker, smtp: MailServer
) -> None:
    smtp.says["RCPT"] = ["550 5.1.1 nobody of that name"]
    message = await make_message(ana)
    await mail_worker.drain()
    assert (await message_again(davi, message))["delivery"] == "failed"

    path = f"{REQUESTS}/{message['request_id']}/messages/{message['id']}"
    assert (await davi.patch(path, {"delivery": "pending"})).is_success
    await mail_worker.drain()

    found = await message_again(davi, message)
    assert (found["delivery"], found["mail"]["state"]) == ("sent", "sent")
    assert len(smtp.received) == 1


async def test_one_that_came_back_is_sent_again_when_a_person_says_so(
    ana: Person, davi: Person, mail_worker: MailWorker, smtp: MailServer
) -> None:
    message = await make_message(ana)
    await mail_worker.drain()
    path = f"{REQUESTS}/{message['request_id']}/messages/{message['id']}"

    assert (await davi.patch(path, {"delivery": "failed"})).is_success
    bounced = (await message_again(davi, message))["mail"]
    assert (await davi.patch(path, {"delivery": "pending"})).is_success
    await mail_worker.drain()

    assert (bounced["state"], "voltou" in bounced["cause"]) == ("failed", True)
    assert (await message_again(davi, message))["delivery"] == "sent"
    first, second = smtp.received
    assert first.message["Message-ID"] != second.message["Message-ID"]


async def test_what_waited_for_days_is_for_a_person(
    ana: Person,
    davi: Person,
    mail_worker: MailWorker,
    smtp: MailServer,
    superuser: asyncpg.Connection,
) -> None:
    message = await make_message(ana)
    await superuser.execute("UPDATE crm.deliveries SET created_at = now() - interval '121 hours'")
    await make_due(superuser)

    await mail_worker.drain()

    found = await message_again(davi, message)
    assert (found["mail"]["state"], smtp.connections) == ("failed", 0)
    assert "cinco dias" in found["mail"]["cause"]


async def test_another_organization_sees_and_holds_nothing(
    ana: Person, beto: Person, mail_worker: MailWorker, smtp: MailServer
) -> None:
    message = await make_message(ana)
    job = await mail_worker.claim()

    assert await beto.seen(DELIVERIES) == []
    foreign = {"organization_id": (await beto.seen("/api/v1/organization"))["id"]}
    answers = [
        await mail_worker.core.request(
            "POST",
            f"/internal/v1/deliveries/{delivery_id}/begin",
            request_id="test",
            json=foreign | {"lease_token": job.lease_token},
        )
        for delivery_id in (message["mail"]["id"], new_id())
    ]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert without_request_id(answers[0]) == without_request_id(answers[1])
    await mail_worker.work(job)
    assert len(smtp.received) == 1
