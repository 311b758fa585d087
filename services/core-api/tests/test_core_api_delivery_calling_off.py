"""Calling off what a worker is sending just now: what is said of it is true at every moment."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest
from core_api_factories import Person
from core_api_mail import (
    ADDRESS,
    Line,
    MailWorker,
    lose_lease,
    make_due,
    make_message,
    message_again,
    say,
)
from core_api_records import Records
from erasure_factories import ERASURES, Planted, execute, go_on, rows_with, sweep
from fastapi import FastAPI
from mail_server import MailServer
from privacy_factories import REQUESTS, history
from worker_svc_factories import until

from chassis.data.database import Database
from core_api.modules.deliveries.service import Held, Mail
from core_api.modules.privacy.mailing import PrivacyMessageMails
from core_api.subject_stores import ERASED_NAME, Workshop
from core_api.workplace import Workplace

pytestmark = pytest.mark.committed

DELIVERIES = "/api/v1/deliveries"


async def settle(person: Person, message: dict[str, Any], delivery: str) -> httpx.Response:
    """A person says how far the message has come."""
    path = f"{REQUESTS}/{message['request_id']}/messages/{message['id']}"
    return await person.patch(path, {"delivery": delivery})


async def told(person: Person, message: dict[str, Any]) -> list[str]:
    """What was entered of the message, one after the other."""
    steps = await history(person, message["request_id"])
    return [step["details"]["delivery"] for step in steps if step["kind"] == "message_delivery"]


async def test_what_goes_out_all_the_same_is_shown_with_its_proof(
    ana: Person,
    davi: Person,
    app: FastAPI,
    database: Database,
    smtp: MailServer,
    records: Records,
) -> None:
    message, line = await make_message(ana), Line(app)
    async with MailWorker(database, smtp, line) as worker:
        sending = await line.holding(worker.work(await worker.claim()))
        answer = await settle(davi, message, "delivered")
        line.go_on.set()
        await sending

    under_way = answer.json()["data"]["mail"]
    assert (under_way["state"], under_way["sent_at"]) == ("sending", None)
    assert under_way["called_off_at"] is not None
    assert "ainda pode sair" in under_way["cause"]
    found = await message_again(davi, message)
    assert (found["delivery"], found["mail"]["state"]) == ("delivered", "sent")
    assert found["mail"]["message_id"] == smtp.received[0].message["Message-ID"]
    assert found["mail"]["sent_at"] is not None
    assert "também saiu" in found["mail"]["cause"]
    assert await told(davi, message) == ["delivered"]  # who says more is not overruled
    assert len(await records.audit("delivery.sent")) == 1
    (listed,) = await davi.seen(DELIVERIES, state="sent")
    assert listed["called_off_at"] == under_way["called_off_at"]


@pytest.mark.parametrize("said", ["450 4.2.0 not now", "550 5.1.1 nobody"])
async def test_what_does_not_go_out_is_not_tried_again(
    ana: Person,
    davi: Person,
    app: FastAPI,
    database: Database,
    smtp: MailServer,
    superuser: asyncpg.Connection,
    said: str,
) -> None:
    smtp.says["RCPT"] = [said]
    message, line = await make_message(ana), Line(app, reports="not-sent")
    async with MailWorker(database, smtp, line) as worker:
        sending = await line.holding(worker.work(await worker.claim()))
        assert (await settle(davi, message, "sent")).is_success
        line.go_on.set()
        await sending
        await make_due(superuser)
        assert await worker.drain() == 0

    found = await message_again(davi, message)
    assert (found["delivery"], found["mail"]["state"]) == ("sent", "withdrawn")
    assert "não será repetido" in found["mail"]["cause"]
    assert smtp.received == []
    assert await told(davi, message) == ["sent"]


async def test_what_nobody_has_begun_does_not_go_out(
    ana: Person, davi: Person, mail_worker: MailWorker, smtp: MailServer, records: Records
) -> None:
    message = await make_message(ana)
    claimed = await mail_worker.claim()

    assert (await settle(davi, message, "sent")).is_success
    await mail_worker.work(claimed)

    assert (await message_again(davi, message))["mail"]["state"] == "withdrawn"
    assert smtp.connections == 0
    assert len(await records.audit("delivery.withdrawn")) == 1


async def test_what_a_worker_died_over_is_not_tried_again(
    ana: Person,
    davi: Person,
    mail_worker: MailWorker,
    smtp: MailServer,
    superuser: asyncpg.Connection,
) -> None:
    message = await make_message(ana)
    await say(mail_worker, await mail_worker.claim(), "begin")
    await lose_lease(superuser)

    answer = await settle(davi, message, "sent")
    await mail_worker.drain()

    assert answer.json()["data"]["mail"]["state"] == "sending"  # nobody knows otherwise yet
    found = (await message_again(davi, message))["mail"]
    assert (found["state"], smtp.connections) == ("withdrawn", 0)
    assert "não foi confirmado" in found["cause"]


async def test_what_a_worker_put_back_is_withdrawn_before_anybody_claims_it(
    ana: Person, davi: Person, mail_worker: MailWorker, superuser: asyncpg.Connection
) -> None:
    message = await make_message(ana)
    job = await mail_worker.claim()
    assert (await settle(davi, message, "sent")).is_success

    await mail_worker.queue.fail(job, "JOB_ERROR", "Ocorreu um erro.", retry=True)

    found = (await message_again(davi, message))["mail"]
    assert (found["state"], found["next_attempt_at"]) == ("withdrawn", None)
    assert "não será repetido" in found["cause"]
    assert await davi.seen(DELIVERIES, state="waiting") == []
    assert len(await davi.seen(DELIVERIES, state="withdrawn")) == 1
    await make_due(superuser)
    assert await mail_worker.drain() == 1
    assert (await message_again(davi, message))["mail"]["state"] == "withdrawn"


async def test_who_thinks_again_has_it_tried_again(
    ana: Person,
    davi: Person,
    app: FastAPI,
    database: Database,
    smtp: MailServer,
    superuser: asyncpg.Connection,
) -> None:
    smtp.says["RCPT"] = ["450 4.2.0 not now"]
    message, line = await make_message(ana), Line(app, reports="not-sent")
    async with MailWorker(database, smtp, line) as worker:
        sending = await line.holding(worker.work(await worker.claim()))
        for delivery in ("failed", "pending"):
            assert (await settle(davi, message, delivery)).is_success
        line.go_on.set()
        await sending
        assert (await message_again(davi, message))["mail"]["state"] == "waiting"
        await make_due(superuser)
        await worker.drain()

    found = await message_again(davi, message)
    assert (found["delivery"], found["mail"]["state"]) == ("sent", "sent")
    assert (found["mail"]["called_off_at"], len(smtp.received)) == (None, 1)


async def test_called_off_by_another_organization_it_is_not(
    ana: Person, beto: Person, davi: Person, mail_worker: MailWorker
) -> None:
    message = await make_message(ana)
    await mail_worker.claim()

    foreign = await settle(beto, message, "sent")

    unknown = await settle(beto, message | {"request_id": message["id"]}, "sent")
    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert foreign.json()["code"] == unknown.json()["code"]
    assert (await message_again(davi, message))["mail"]["called_off_at"] is None


async def test_who_calls_it_off_while_it_begins_waits_and_sees_it_under_way(
    ana: Person,
    davi: Person,
    mail_worker: MailWorker,
    smtp: MailServer,
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, go_on_now, written = asyncio.Event(), asyncio.Event(), PrivacyMessageMails.mail

    async def slow(self: PrivacyMessageMails, tx: Any, held: Held) -> Mail:
        begun.set()
        await go_on_now.wait()
        return await written(self, tx, held)

    async def waits() -> bool:
        blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        return bool(await superuser.fetchval(blocked))

    monkeypatch.setattr(PrivacyMessageMails, "mail", slow)
    message = await make_message(ana)
    sending = asyncio.create_task(mail_worker.work(await mail_worker.claim()))
    await begun.wait()
    calling_off = asyncio.create_task(settle(davi, message, "delivered"))
    await until(waits)

    go_on_now.set()
    answer = (await calling_off).json()["data"]
    await sending

    assert answer["mail"]["state"] in {"sending", "sent"}  # never: withdrawn
    assert answer["mail"]["called_off_at"] is not None
    found = await message_again(davi, message)
    assert (found["delivery"], found["mail"]["state"]) == ("delivered", "sent")
    assert len(smtp.received) == 1


async def test_an_erasure_waits_for_what_was_called_off_under_way(
    ana: Person,
    davi: Person,
    app: FastAPI,
    database: Database,
    smtp: MailServer,
    workshop: Workshop,
    workplace: Workplace,
    superuser: asyncpg.Connection,
) -> None:
    message, line = await make_message(ana), Line(app)
    async with MailWorker(database, smtp, line) as worker:
        sending = await line.holding(worker.work(await worker.claim()))
        assert (await settle(davi, message, "delivered")).is_success
        erasure = await execute(davi, Planted(message["client_id"]))
        await sweep(workshop, workplace)

        parts = (await davi.seen(f"{ERASURES}/{erasure['id']}"))["parts"]
        assert "busy" in {part["problem"] for part in parts}
        assert await superuser.fetchval("SELECT name FROM crm.clients") == "Júlia Prado"
        line.go_on.set()
        await sending

    assert (await message_again(davi, message))["mail"]["state"] == "sent"
    await go_on(workshop, workplace, erasure["id"])
    parts = {
        part["service"]: part for part in (await davi.seen(f"{ERASURES}/{erasure['id']}"))["parts"]
    }
    assert parts["core-api"]["done_at"] is not None
    assert parts["core-api"]["erased"]["deliveries"] == 1
    assert await superuser.fetchval("SELECT count(*) FROM crm.deliveries") == 0
    assert await superuser.fetchval("SELECT name FROM crm.clients") == ERASED_NAME
    assert await rows_with(superuser, ADDRESS) == {}
