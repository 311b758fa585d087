"""What else goes out as mails: notices to recipients and of incidents, links to preferences."""

import re
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from core_api_accountability import OFFICER, PROFILE, hear_block, incident, organization_of
from core_api_factories import CLIENTS, Person, make_client, make_purpose
from core_api_mail import ADDRESS, Line, MailWorker, lose_lease
from erasure_factories import Planted, execute, go_on, sweep
from fastapi import FastAPI
from mail_server import MailServer

from chassis.data.database import Database
from core_api.mail_sources import mail_sources
from core_api.modules.deliveries.erasing import DELIVERY_STORES
from core_api.modules.deliveries.models import DeliveryKind
from core_api.settings import CoreApiSettings
from core_api.subject_stores import ERASED_NAME, StoreBusy, Subject, Workshop
from core_api.workplace import Workplace
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId

pytestmark = pytest.mark.committed

NOTICES = "/api/v1/recipient-notices"
INCIDENTS = "/api/v1/incidents"
PRINTER = {"name": "Gráfica Boa Vista", "role": "operator", "what_for": "Imprimir cartas"}
TO_SUBJECTS = {
    "audience": "subjects",
    "channel": "email",
    "protocol": "Envio pelo sistema",
    "text": "Uma planilha com o seu telefone foi enviada a quem não devia.",
}


def test_every_kind_has_who_writes_it(settings: CoreApiSettings) -> None:
    assert [source.kind for source in mail_sources(settings)] == list(DeliveryKind)


async def noticed(ana: Person, database: Database, **recipient: str) -> dict[str, Any]:
    """A notice to a recipient that a client was blocked."""
    await make_purpose(ana, code="cartas", legal_basis="contract", recipients=[PRINTER | recipient])
    client = await make_client(ana, name="Júlia Prado", external_id="C-7")
    await ana.made(f"{CLIENTS}/{client['id']}/processing-blocks", {"reason": "A pedido."})
    await hear_block(database, await organization_of(ana), client["id"], "cartas")
    (notice,) = await ana.seen(NOTICES, client_id=client["id"])
    return dict(notice)


async def test_a_recipient_is_told_where_the_registry_says(
    ana: Person, davi: Person, database: Database, mail_worker: MailWorker, smtp: MailServer
) -> None:
    notice = await noticed(ana, database, email="dados@grafica.example")
    assert notice["mail"]["state"] == "waiting"
    letter = (await davi.seen(f"{NOTICES}/{notice['id']}"))["letter"]

    await mail_worker.drain()

    (mail,) = smtp.received
    assert mail.recipients == ["dados@grafica.example"]
    assert mail.text.strip() == letter.strip()  # also about somebody who is blocked
    found = await davi.seen(f"{NOTICES}/{notice['id']}")
    assert (found["state"], found["channel"], found["settled_by"]) == ("sent", "email", None)
    assert found["proof"] == f"Message-ID {found['mail']['message_id']}"
    assert found["sent_at"] == found["mail"]["sent_at"]


async def test_a_recipient_without_an_address_is_left_to_a_person(
    ana: Person, davi: Person, database: Database, mail_worker: MailWorker, smtp: MailServer
) -> None:
    notice = await noticed(ana, database)

    assert await mail_worker.drain() == 0  # that was seen at once

    found = await davi.seen(f"{NOTICES}/{notice['id']}")
    assert (found["state"], found["mail"]["state"]) == ("pending", "undeliverable")
    assert "destinatário" in found["mail"]["cause"]
    assert smtp.connections == 0


async def test_a_recipient_that_was_told_otherwise_gets_no_mail(
    ana: Person, davi: Person, database: Database, mail_worker: MailWorker, smtp: MailServer
) -> None:
    notice = await noticed(ana, database, email="dados@grafica.example")

    told = await davi.made(f"{NOTICES}/{notice['id']}/sent", {"channel": "letter"})

    assert told["mail"]["state"] == "withdrawn"
    await mail_worker.drain()
    assert smtp.connections == 0


async def test_a_recipient_told_otherwise_under_way_keeps_that_proof(
    ana: Person, davi: Person, app: FastAPI, database: Database, smtp: MailServer
) -> None:
    notice, line = await noticed(ana, database, email="dados@grafica.example"), Line(app)
    async with MailWorker(database, smtp, line) as worker:
        sending = await line.holding(worker.work(await worker.claim()))
        told = await davi.made(f"{NOTICES}/{notice['id']}/sent", {"channel": "letter"})
        line.go_on.set()
        await sending

    assert (told["mail"]["state"], told["mail"]["cause"] is None) == ("sending", False)
    found = await davi.seen(f"{NOTICES}/{notice['id']}")
    assert (found["state"], found["channel"], found["sent_at"]) == (
        "sent",
        "letter",
        told["sent_at"],
    )
    assert found["mail"]["state"] == "sent"
    assert found["mail"]["message_id"] == smtp.received[0].message["Message-ID"]


async def affected(davi: Person, ana: Person) -> tuple[str, str, list[str]]:
    """Two people affected, one without an address; the incident's path, its notice to them."""
    await davi.call("PUT", "/api/v1/controller-profile", json=PROFILE)
    await davi.made("/api/v1/privacy-officers", OFFICER)
    ids = [
        (await make_client(ana, name="Júlia Prado", email=ADDRESS))["id"],
        (await make_client(ana, name="Caio Lima"))["id"],
    ]
    path = f"{INCIDENTS}/{(await davi.made(INCIDENTS, incident()))['id']}"
    await davi.made(f"{path}/scope", {"everybody": True})
    notice = await davi.made(f"{path}/notices", TO_SUBJECTS)
    return path, f"{path}/notices/{notice['id']}/send", ids


async def test_who_was_affected_is_told_one_by_one_and_once(
    ana: Person, davi: Person, mail_worker: MailWorker, smtp: MailServer
) -> None:
    path, send, (julia, caio) = await affected(davi, ana)

    first = await davi.post(send)
    again = await davi.post(send)
    await mail_worker.drain()

    assert (first.status_code, first.json()["data"]) == (202, {"queued": 2})
    assert again.json()["data"] == {"queued": 0}
    (mail,) = smtp.received
    assert mail.recipients == [ADDRESS]
    assert mail.text.startswith(TO_SUBJECTS["text"])
    assert "Prefeitura Municipal de Aurora" in mail.text
    subjects = {each["client_id"]: each for each in await davi.seen(f"{path}/subjects")}
    assert subjects[julia]["proof"] == f"Message-ID {subjects[julia]['mail']['message_id']}"
    assert (subjects[julia]["channel"], subjects[julia]["told_by"]) == ("email", None)
    assert subjects[caio]["told_at"] is None
    assert subjects[caio]["mail"]["state"] == "undeliverable"
    assert (await davi.post(send)).json()["data"] == {"queued": 1}  # who is left may be found now


async def test_who_was_told_by_a_person_gets_no_mail(
    ana: Person, davi: Person, mail_worker: MailWorker, smtp: MailServer
) -> None:
    path, send, (julia, _) = await affected(davi, ana)
    await davi.post(send)

    told = {"client_ids": [julia], "channel": "phone", "proof": "Ligação 7"}
    assert (await davi.post(f"{path}/subjects/told", told)).is_success
    await mail_worker.drain()

    assert smtp.connections == 0
    subjects = {each["client_id"]: each for each in await davi.seen(f"{path}/subjects")}
    assert subjects[julia]["proof"] == "Ligação 7"
    assert subjects[julia]["mail"]["state"] == "withdrawn"


async def test_who_was_told_by_a_person_under_way_keeps_that_proof(
    ana: Person, davi: Person, app: FastAPI, database: Database, smtp: MailServer
) -> None:
    path, send, (julia, caio) = await affected(davi, ana)
    await davi.post(send)
    line = Line(app)
    async with MailWorker(database, smtp, line) as worker:
        jobs = await worker.queue.claim("test", 10)
        (julias,) = [job for job in jobs if str(job.id) == await mail_to(davi, path, julia)]
        sending = await line.holding(worker.work(julias))
        told = {"client_ids": [julia], "channel": "phone", "proof": "Ligação 7"}
        assert (await davi.post(f"{path}/subjects/told", told)).is_success
        line.go_on.set()
        await sending

    subjects = {each["client_id"]: each for each in await davi.seen(f"{path}/subjects")}
    assert subjects[julia]["proof"] == "Ligação 7"
    assert subjects[julia]["mail"]["state"] == "sent"
    assert subjects[julia]["mail"]["called_off_at"] is not None
    assert subjects[caio]["mail"]["called_off_at"] is None


async def mail_to(davi: Person, path: str, client_id: str) -> str:
    """Which delivery goes to one of those affected."""
    subjects = {each["client_id"]: each for each in await davi.seen(f"{path}/subjects")}
    return str(subjects[client_id]["mail"]["id"])


async def test_only_a_notice_to_subjects_by_mail_is_sent(ana: Person, davi: Person) -> None:
    path, send, _ = await affected(davi, ana)
    letter = await davi.made(f"{path}/notices", TO_SUBJECTS | {"channel": "letter"})

    refused = await davi.post(f"{path}/notices/{letter['id']}/send")
    unknown = await davi.post(f"{path}/notices/{letter['id'][:-4]}0000/send")

    assert refused.status_code == 422
    assert refused.json()["code"] == "INCIDENT_NOTICE_MISDIRECTED"
    assert unknown.json()["code"] == "INCIDENT_NOTICE_NOT_FOUND"
    assert (await ana.post(send)).status_code in {202, 403}


async def test_a_link_to_preferences_is_sent_and_opens_them(
    ana: Person, mail_worker: MailWorker, smtp: MailServer
) -> None:
    client = await make_client(ana, email=ADDRESS)
    made = await ana.made(f"{CLIENTS}/{client['id']}/preferences-links", {"send": True})
    assert made["mail"]["state"] == "waiting"

    await mail_worker.drain()

    (mail,) = smtp.received
    found = re.search(r"https://assist\.example\.org/preferencias/(\S+)", mail.text)
    assert found is not None
    assert found[1] == made["token"]
    assert (await ana.http.get(made["url"])).status_code == 200


async def test_a_link_that_is_over_is_not_sent(
    ana: Person, mail_worker: MailWorker, smtp: MailServer, superuser: asyncpg.Connection
) -> None:
    client = await make_client(ana, email=ADDRESS)
    await ana.made(f"{CLIENTS}/{client['id']}/preferences-links", {"send": True})
    await superuser.execute("UPDATE crm.preferences_links SET used_at = now()")

    await mail_worker.drain()

    assert smtp.connections == 0
    (listed,) = await ana.seen("/api/v1/deliveries", kind="preferences_link")
    assert listed["state"] == "withdrawn"


async def test_a_link_is_sent_only_when_asked_for(ana: Person, mail_worker: MailWorker) -> None:
    client = await make_client(ana, email=ADDRESS)

    made = await ana.made(f"{CLIENTS}/{client['id']}/preferences-links", {})

    assert made["mail"] is None
    assert await mail_worker.drain() == 0


async def test_an_erasure_lets_letters_to_recipients_out_first(
    ana: Person,
    davi: Person,
    database: Database,
    mail_worker: MailWorker,
    smtp: MailServer,
    workshop: Workshop,
    workplace: Workplace,
    superuser: asyncpg.Connection,
) -> None:
    notice = await noticed(ana, database, email="dados@grafica.example")
    erasure = await execute(davi, Planted(notice["client_id"]))

    await sweep(workshop, workplace)
    assert await superuser.fetchval("SELECT name FROM crm.clients") == "Júlia Prado"
    await mail_worker.drain()
    await go_on(workshop, workplace, erasure["id"])

    assert "Pessoa: Júlia Prado, código C-7" in smtp.received[0].text
    assert await superuser.fetchval("SELECT name FROM crm.clients") == ERASED_NAME
    # What proves that they were told stays.
    found = await davi.seen(f"{NOTICES}/{notice['id']}")
    assert found["mail"]["state"] == "sent"


async def test_an_erasure_waits_for_a_letter_that_is_going_out(
    ana: Person,
    davi: Person,
    app: FastAPI,
    database: Database,
    smtp: MailServer,
    workshop: Workshop,
    workplace: Workplace,
    superuser: asyncpg.Connection,
) -> None:
    notice, line = await noticed(ana, database, email="dados@grafica.example"), Line(app)
    async with MailWorker(database, smtp, line) as worker:
        sending = await line.holding(worker.work(await worker.claim()))
        erasure = await execute(davi, Planted(notice["client_id"]))
        await go_on(workshop, workplace, erasure["id"])
        assert await superuser.fetchval("SELECT name FROM crm.clients") == "Júlia Prado"
        line.go_on.set()
        await sending

    await go_on(workshop, workplace, erasure["id"])

    assert await superuser.fetchval("SELECT name FROM crm.clients") == ERASED_NAME


async def test_an_erasure_ends_when_no_letter_is_in_a_process(
    ana: Person,
    davi: Person,
    database: Database,
    mail_worker: MailWorker,
    workshop: Workshop,
    workplace: Workplace,
    superuser: asyncpg.Connection,
) -> None:
    """One that is tried again while the rest is being erased may have been read with the name."""
    notice = await noticed(ana, database, email="dados@grafica.example")
    erasure = await execute(davi, Planted(notice["client_id"]))
    await superuser.execute("UPDATE crm.deliveries SET created_at = now() - interval '61 seconds'")
    store = next(store for store in DELIVERY_STORES if store.name == "deliveries_to_recipients")
    await mail_worker.claim()
    subject = Subject(
        organization_id=OrganizationId(AURORA.id), client_ids=(UUID(notice["client_id"]),)
    )

    with pytest.raises(StoreBusy):
        await store.prove(workshop, subject)

    await lose_lease(superuser)
    assert await store.prove(workshop, subject) == 0
    await go_on(workshop, workplace, erasure["id"])
    assert await superuser.fetchval("SELECT name FROM crm.clients") == ERASED_NAME


async def test_an_erasure_does_not_wait_for_a_mail_server_that_is_not_there(
    ana: Person,
    davi: Person,
    database: Database,
    workshop: Workshop,
    workplace: Workplace,
    superuser: asyncpg.Connection,
) -> None:
    notice = await noticed(ana, database, email="dados@grafica.example")
    erasure = await execute(davi, Planted(notice["client_id"]))
    await superuser.execute("UPDATE crm.deliveries SET created_at = now() - interval '61 seconds'")

    await go_on(workshop, workplace, erasure["id"])

    assert await superuser.fetchval("SELECT name FROM crm.clients") == ERASED_NAME


async def test_what_failed_is_sent_again_once_the_cause_is_seen_to(
    ana: Person, davi: Person, beto: Person, mail_worker: MailWorker, smtp: MailServer
) -> None:
    client = await make_client(ana)
    made = await ana.made(f"{CLIENTS}/{client['id']}/preferences-links", {"send": True})
    path = f"/api/v1/deliveries/{made['mail']['id']}/retry"
    early = await davi.post(path)
    await mail_worker.drain()
    corrected = {"emails": [{"address": ADDRESS}]}
    assert (await ana.patch(f"{CLIENTS}/{client['id']}", corrected)).is_success

    again = await davi.post(path)
    twice = await davi.post(path)
    foreign = await beto.post(path)
    await mail_worker.drain()

    assert [early.status_code, again.status_code, twice.status_code] == [409, 202, 409]
    assert foreign.status_code == 404
    assert len(smtp.received) == 1
    listed = await davi.seen("/api/v1/deliveries", client_id=client["id"])
    assert [each["state"] for each in listed] == ["sent", "undeliverable"]
    assert again.json()["data"]["id"] == listed[0]["id"]
