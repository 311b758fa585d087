"""What was sent and is not known yet: reports that are late, lost or held up."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import asyncpg
import httpx
import pytest
from core_api_factories import Person
from core_api_mail import Line, MailWorker, lose_lease, make_message, message_again, say
from core_api_records import Records
from fastapi import FastAPI
from mail_server import MailServer, Received

from chassis.data.database import Database
from chassis.messaging.backoff import Backoff
from worker_svc import delivering
from worker_svc.delivering import Delivering, deliver
from worker_svc.mail import Letter, Postman

pytestmark = pytest.mark.committed


@pytest.fixture
def line(app: FastAPI) -> Line:
    return Line(app)


@pytest.fixture
async def held(database: Database, smtp: MailServer, line: Line) -> AsyncIterator[MailWorker]:
    """A worker that speaks over the line."""
    async with MailWorker(database, smtp, line) as worker:
        yield worker


@dataclass(frozen=True)
class Late:
    """A mail that went out; the report of it is held up, and the lease was lost meanwhile."""

    message: dict[str, Any]
    mail: Received
    report: asyncio.Task[None]
    line: Line

    async def is_heard(self) -> None:
        """By core-api."""
        self.line.go_on.set()
        await self.report


@pytest.fixture
async def late(
    ana: Person, line: Line, held: MailWorker, smtp: MailServer, superuser: asyncpg.Connection
) -> Late:
    message = await make_message(ana)
    report = await line.holding(held.work(await held.claim()))
    await lose_lease(superuser)
    return Late(message, smtp.received[0], report, line)


async def test_who_dies_before_saying_so_sends_the_same_mail_again(
    ana: Person,
    davi: Person,
    mail_worker: MailWorker,
    smtp: MailServer,
    superuser: asyncpg.Connection,
) -> None:
    """A mail goes twice: who gets it can tell by its id."""
    message = await make_message(ana)
    job = await mail_worker.claim()

    class Killed(BaseException):
        pass

    class Mortal:
        async def send(self, letter: Letter) -> str:
            await mail_worker.postman.send(letter)
            raise Killed

    mortal = Delivering(mail_worker.core, cast("Postman", Mortal()))
    with pytest.raises(Killed):
        await deliver(mail_worker.queue, mortal, job)
    await lose_lease(superuser)
    await mail_worker.drain()

    first, second = (mail.message["Message-ID"] for mail in smtp.received)
    assert first == second == f"<{message['mail']['id']}@assist.example.org>"
    found = (await message_again(davi, message))["mail"]
    assert (found["state"], found["attempts"]) == ("sent", 2)


@pytest.mark.parametrize(
    ("status", "refuse", "lose"), [(503, 2, 0), (503, 0, 1), (401, 2, 0), (404, 1, 0)]
)
async def test_an_owner_that_does_not_hear_of_it_is_told_again(
    ana: Person,
    davi: Person,
    line: Line,
    held: MailWorker,
    smtp: MailServer,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    refuse: int,
    lose: int,
) -> None:
    at_once = Backoff(first=timedelta(microseconds=1), longest=timedelta(microseconds=1))
    monkeypatch.setattr(delivering, "_AGAIN", at_once)
    line.refuse, line.lose = refuse, lose
    line.away = httpx.Response(status, json={"code": "NOT_NOW"})
    message = await make_message(ana)

    await held.drain()

    found = (await message_again(davi, message))["mail"]
    assert (found["state"], found["attempts"]) == ("sent", 1)
    assert len(smtp.received) == 1


async def test_who_is_told_to_stop_still_says_what_was_sent(
    ana: Person, davi: Person, line: Line, held: MailWorker, smtp: MailServer
) -> None:
    message = await make_message(ana)
    working = await line.holding(held.work(await held.claim()))

    working.cancel()
    line.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await working

    assert await held.drain() == 0
    assert (await message_again(davi, message))["mail"]["state"] == "sent"
    assert len(smtp.received) == 1


async def test_who_is_told_to_stop_and_is_not_heard_does_not_give_back_what_went_out(
    ana: Person,
    davi: Person,
    line: Line,
    held: MailWorker,
    smtp: MailServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivering, "_LAST_WORDS", 0.0)
    message = await make_message(ana)
    working = await line.holding(held.work(await held.claim()))

    working.cancel()
    await working

    assert await held.drain() == 0
    found = (await message_again(davi, message))["mail"]
    assert (found["state"], found["attempts"], len(smtp.received)) == ("sending", 1, 1)


async def test_who_is_told_to_stop_under_way_does_not_say_that_nothing_was(
    ana: Person, davi: Person, mail_worker: MailWorker, smtp: MailServer
) -> None:
    """Nobody knows whether the server took it."""
    smtp.hangs_at = "RCPT"
    message = await make_message(ana)
    working = asyncio.create_task(mail_worker.work(await mail_worker.claim()))
    await smtp.hanging.wait()

    working.cancel()
    await working

    assert await mail_worker.drain() == 0
    assert (await message_again(davi, message))["mail"]["state"] == "sending"


async def test_what_a_worker_has_sent_it_only_reports_when_it_claims_it_again(
    ana: Person,
    davi: Person,
    line: Line,
    held: MailWorker,
    smtp: MailServer,
    superuser: asyncpg.Connection,
) -> None:
    message = await make_message(ana)
    first = await line.holding(held.work(await held.claim()))
    await lose_lease(superuser)
    second = await line.holding(held.work(await held.claim()))

    line.go_on.set()
    await asyncio.gather(first, second)

    found = (await message_again(davi, message))["mail"]
    assert (found["state"], found["attempts"]) == ("sent", 2)
    assert len(smtp.received) == 1
    assert held.delivering._unheard == {}
    assert "begin" not in line.asked_for[2:]


async def test_what_a_worker_is_sending_it_does_not_send_beside_it(
    ana: Person,
    davi: Person,
    mail_worker: MailWorker,
    smtp: MailServer,
    superuser: asyncpg.Connection,
) -> None:
    smtp.hangs_at = "DATA"
    message = await make_message(ana)
    sending = asyncio.create_task(mail_worker.work(await mail_worker.claim()))
    await smtp.hanging.wait()
    await lose_lease(superuser)

    await mail_worker.work(await mail_worker.claim())

    assert smtp.connections == 1
    assert (await message_again(davi, message))["mail"]["state"] == "sending"
    sending.cancel()  # as the heartbeat does that finds the lease lost
    await sending
    smtp.hangs_at = None
    await lose_lease(superuser)
    await mail_worker.drain()
    assert (await message_again(davi, message))["mail"]["state"] == "sent"
    assert len(smtp.received) == 1


async def test_a_worker_that_is_not_heard_reports_when_it_claims_it_again(
    ana: Person,
    davi: Person,
    line: Line,
    held: MailWorker,
    smtp: MailServer,
    superuser: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a heartbeat that finds the lease lost leaves it: the report cut off, the job let go."""
    monkeypatch.setattr(delivering, "_LAST_WORDS", 0.0)
    message = await make_message(ana)
    cut_off = await line.holding(held.work(await held.claim()))
    cut_off.cancel()
    await cut_off
    await lose_lease(superuser)
    line.go_on.set()

    assert await held.drain() == 1

    assert (await message_again(davi, message))["mail"]["state"] == "sent"
    assert len(smtp.received) == 1


async def test_a_report_counts_after_the_lease_too(
    davi: Person, held: MailWorker, records: Records, late: Late
) -> None:
    await late.is_heard()

    assert await held.drain() == 0
    found = await message_again(davi, late.message)
    assert (found["delivery"], found["mail"]["state"]) == ("sent", "sent")
    assert found["mail"]["message_id"] == late.mail.message["Message-ID"]
    assert len(await records.audit("delivery.sent")) == 1


async def test_who_takes_over_and_has_not_begun_is_told_that_it_went_out(
    davi: Person, mail_worker: MailWorker, smtp: MailServer, records: Records, late: Late
) -> None:
    taken_over = await mail_worker.claim()
    await late.is_heard()

    await mail_worker.work(taken_over)

    assert (await message_again(davi, late.message))["delivery"] == "sent"
    assert len(smtp.received) == 1
    assert len(await records.audit("delivery.sent")) == 1


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("sent", {"message_id": "<outra@example.org>", "sent_at": "2026-11-20T10:00:00Z"}),
        ("not-sent", {"code": "MAIL_REFUSED", "message": "Recusada.", "retry": False}),
        ("not-sent", {"code": "MAIL_SERVER_BUSY", "message": "Agora não.", "retry": True}),
    ],
)
async def test_who_is_sending_it_again_ends_it_with_the_first_proof(
    davi: Person, mail_worker: MailWorker, what: str, said: dict[str, Any], late: Late
) -> None:
    taken_over = await mail_worker.claim()
    assert (await say(mail_worker, taken_over, "begin")).json()["data"]["mail"] is not None
    await late.is_heard()
    under_way = (await message_again(davi, late.message))["mail"]

    answer = await say(mail_worker, taken_over, what, **said)

    first = late.mail.message["Message-ID"]
    # Its words are in a process as long as that has not ended: an erasure waits for it.
    assert (under_way["state"], under_way["message_id"]) == ("sending", first)
    found = await message_again(davi, late.message)
    assert answer.is_success
    assert (found["delivery"], found["mail"]["state"]) == ("sent", "sent")
    assert found["mail"]["message_id"] == first


async def test_what_went_out_is_not_what_failed(
    davi: Person,
    mail_worker: MailWorker,
    smtp: MailServer,
    superuser: asyncpg.Connection,
    late: Late,
) -> None:
    await superuser.execute("UPDATE crm.clients SET email = NULL")
    await mail_worker.drain()
    failed = await message_again(davi, late.message)
    await late.is_heard()

    assert (failed["delivery"], failed["mail"]["state"]) == ("failed", "undeliverable")
    found = await message_again(davi, late.message)
    assert (found["delivery"], found["mail"]["state"]) == ("sent", "sent")
    assert found["mail"]["cause"] is None
    assert len(smtp.received) == 1


async def test_what_was_queued_again_meanwhile_goes_on_and_the_first_keeps_its_proof(
    davi: Person, mail_worker: MailWorker, superuser: asyncpg.Connection, late: Late
) -> None:
    await superuser.execute("UPDATE crm.clients SET email = NULL")
    await mail_worker.drain()
    assert (await davi.post(f"/api/v1/deliveries/{late.message['mail']['id']}/retry")).is_success
    await late.is_heard()

    again, first = await davi.seen("/api/v1/deliveries", client_id=late.message["client_id"])
    assert (again["state"], again["message_id"]) == ("waiting", None)
    assert (first["state"], first["id"]) == ("undeliverable", late.message["mail"]["id"])
    assert first["message_id"] == late.mail.message["Message-ID"]


async def test_a_report_of_what_is_no_more_is_forgotten(
    held: MailWorker, superuser: asyncpg.Connection, late: Late
) -> None:
    await superuser.execute("DELETE FROM crm.deliveries")

    await late.is_heard()

    assert held.delivering._unheard == {}


async def test_what_is_remembered_has_a_bound(
    ana: Person, line: Line, held: MailWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "_REMEMBERED", 1)
    for _ in range(2):
        await make_message(ana)
    first, second = await held.queue.claim("test", 2)
    tasks = [await line.holding(held.work(job)) for job in (first, second)]

    assert list(held.delivering._unheard) == [second.id]

    line.go_on.set()
    await asyncio.gather(*tasks)


async def test_nobody_reports_what_they_were_never_given(
    ana: Person, beto: Person, davi: Person, mail_worker: MailWorker
) -> None:
    message = await make_message(ana)
    job = await mail_worker.claim()
    said = {"message_id": "<x@example.org>", "sent_at": "2026-11-20T10:00:00Z"}
    foreign = (await beto.seen("/api/v1/organization"))["id"]

    early = await say(mail_worker, job, "sent", lease_token=job.lease_token + 1, **said)
    elsewhere = await say(mail_worker, job, "sent", organization_id=foreign, **said)

    assert (early.status_code, early.json()["code"]) == (409, "LEASE_LOST")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (404, "DELIVERY_NOT_FOUND")
    assert (await message_again(davi, message))["mail"]["message_id"] is None
