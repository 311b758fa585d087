"""Mails that meet what goes wrong: servers that refuse, stall or are away, workers that die."""

from typing import Any

import asyncpg
import pytest
from core_api_factories import Person
from core_api_mail import (
    ADDRESS,
    MailWorker,
    lose_lease,
    make_due,
    make_message,
    message_again,
)
from core_api_records import Records
from erasure_factories import ERASURES, Planted, execute, go_on, sweep
from fastapi import FastAPI
from mail_server import MailServer
from privacy_factories import REQUESTS

from chassis.data.database import Database
from core_api.subject_stores import ERASED_NAME, Workshop
from core_api.workplace import Workplace

pytestmark = pytest.mark.committed


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("CONNECT", "421 4.3.2 not now"),
        ("MAIL", "451 4.3.0 not now"),
        ("RCPT", "450 4.2.0 greylisted, julia.prado@example.com"),
        ("DATA", "452 4.3.1 full"),
    ],
)
async def test_not_now_is_tried_again_later(
    ana: Person,
    davi: Person,
    mail_worker: MailWorker,
    smtp: MailServer,
    superuser: asyncpg.Connection,
    verb: str,
    said: str,
) -> None:
    smtp.says[verb] = [said]
    message = await make_message(ana)

    assert await mail_worker.drain() == 1  # and not at once again

    waiting = (await message_again(davi, message))["mail"]
    assert (waiting["state"], waiting["attempts"]) == ("waiting", 1)
    assert "tentativa" in waiting["cause"]
    assert smtp.received == []
    await make_due(superuser)
    await mail_worker.drain()
    found = await message_again(davi, message)
    assert (found["delivery"], found["mail"]["state"]) == ("sent", "sent")
    assert found["mail"]["cause"] is None
    assert len(smtp.received) == 1


@pytest.mark.parametrize(
    ("verb", "said", "cause"),
    [
        ("RCPT", f"550 5.1.1 <{ADDRESS}> unknown", "recusou o endereço do destinatário"),
        ("DATA", f"554 5.7.1 no mail for {ADDRESS}", "recusou a mensagem"),
        ("MAIL", "553 5.7.1 not you", "não aceita o remetente configurado"),
    ],
)
async def test_a_refusal_is_final_and_does_not_repeat_what_the_server_said(
    ana: Person,
    davi: Person,
    mail_worker: MailWorker,
    smtp: MailServer,
    superuser: asyncpg.Connection,
    records: Records,
    capsys: pytest.CaptureFixture[str],
    verb: str,
    said: str,
    cause: str,
) -> None:
    smtp.says[verb] = [said]
    message = await make_message(ana)

    assert await mail_worker.drain() == 1

    found = await message_again(davi, message)
    assert (found["delivery"], found["mail"]["state"]) == ("failed", "failed")
    assert cause in found["mail"]["cause"]
    row: Any = await superuser.fetchrow("SELECT * FROM crm.deliveries")
    assert ADDRESS not in str(dict(row))
    assert ADDRESS not in "".join(capsys.readouterr())
    assert len(await records.audit("delivery.failed")) == 1


async def test_a_server_that_is_away_is_asked_again(
    ana: Person, davi: Person, app: FastAPI, database: Database, smtp: MailServer
) -> None:
    message = await make_message(ana)
    mail_worker = MailWorker.of(app, database, smtp, port=1)

    await mail_worker.drain()

    found = (await message_again(davi, message))["mail"]
    assert (found["state"], found["attempts"]) == ("waiting", 1)
    assert "não respondeu" in found["cause"]
    await mail_worker.close()


@pytest.mark.parametrize("verb", ["EHLO", "RCPT", "DATA"])
async def test_a_server_that_stalls_or_hangs_up_is_asked_again(
    ana: Person,
    davi: Person,
    app: FastAPI,
    database: Database,
    smtp: MailServer,
    superuser: asyncpg.Connection,
    verb: str,
) -> None:
    message = await make_message(ana)
    mail_worker = MailWorker.of(app, database, smtp, timeout=0.2)
    smtp.hangs_at = verb
    await mail_worker.drain()
    assert (await message_again(davi, message))["mail"]["state"] == "waiting"

    smtp.hangs_at, smtp.says["RCPT"] = None, []
    await make_due(superuser)
    await mail_worker.drain()

    assert (await message_again(davi, message))["mail"]["state"] == "sent"
    assert len(smtp.received) == 1
    await mail_worker.close()


async def test_two_workers_send_it_once(
    ana: Person, mail_worker: MailWorker, app: FastAPI, database: Database, smtp: MailServer
) -> None:
    for _ in range(3):
        await make_message(ana)
    other = MailWorker.of(app, database, smtp)

    first = await mail_worker.queue.claim("one", 10)
    assert await other.queue.claim("two", 10) == []
    for job in first:
        await mail_worker.work(job)
    assert await other.drain() == 0

    assert len({mail.message["Message-ID"] for mail in smtp.received}) == 3
    assert len(smtp.received) == 3
    await other.close()


async def test_who_lost_the_lease_says_nothing(
    ana: Person,
    davi: Person,
    mail_worker: MailWorker,
    smtp: MailServer,
    superuser: asyncpg.Connection,
) -> None:
    message = await make_message(ana)
    late = await mail_worker.claim()
    await lose_lease(superuser)

    await mail_worker.work(late)  # refused when it begins

    assert smtp.connections == 0
    await mail_worker.drain()
    assert (await message_again(davi, message))["mail"]["state"] == "sent"
    assert len(smtp.received) == 1


async def test_an_erasure_waits_for_the_mail_that_is_going_out_and_takes_the_rest(
    ana: Person,
    davi: Person,
    mail_worker: MailWorker,
    smtp: MailServer,
    workshop: Workshop,
    workplace: Workplace,
    superuser: asyncpg.Connection,
) -> None:
    message = await make_message(ana)
    path = f"{REQUESTS}/{message['request_id']}/messages"
    await ana.made(path, {"channel": "email", "body": "Outra mensagem."})
    going_out = await mail_worker.claim()
    erasure = await execute(davi, Planted(message["client_id"]))

    await sweep(workshop, workplace)

    parts = (await davi.seen(f"{ERASURES}/{erasure['id']}"))["parts"]
    assert "busy" in {part["problem"] for part in parts}
    assert await superuser.fetchval("SELECT name FROM crm.clients") == "Júlia Prado"
    await mail_worker.work(going_out)  # it begins only now, and is told that it is too late
    assert smtp.connections == 0
    await go_on(workshop, workplace, erasure["id"])
    assert await superuser.fetchval("SELECT count(*) FROM crm.deliveries") == 0
    assert await superuser.fetchval("SELECT name FROM crm.clients") == ERASED_NAME
