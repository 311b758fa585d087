"""A person planted in everything the assistant keeps, and core-api asking to have them erased."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
from access_factories import AURORA, SERVICE, CoreApi
from ai_svc_factories import DOCUMENTS, Person
from ai_svc_uploading import begun, send
from fastapi import FastAPI
from memory_factories import Chat, make_chat, make_proposal
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.chat.event_store import key_of
from ai_svc.modules.memory import service as memory
from ai_svc.modules.memory.correcting import correct
from ai_svc.modules.memory.models import FactSource
from ai_svc.modules.privacy import following
from ai_svc.modules.privacy.erasing import Eraser
from ai_svc.modules.privacy.work import ERASURES
from ai_svc.modules.triage.service import await_triage
from ai_svc.workshop import Workshop
from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from chassis.messaging.backoff import Backoff
from chassis.messaging.job_queue import ClaimedJob, JobQueue
from shared_schemas.events import PrivacyErasureRequested, TicketCreated
from shared_schemas.ids import OrganizationId, new_id
from shared_schemas.privacy import KnownValues

WORD = "quixabeirense"
TEXT = f"Helena mora na rua {WORD}, número 40. Ela paga R$ 120,00 por mês."
LATER = f"Helena mora na rua {WORD}, número 41. Ela paga R$ 130,00 por mês."
QUESTION = "Em que rua Helena mora?"
ANSWERED = """
SELECT envelope FROM ai.outbox WHERE event_type = 'privacy.erasure_completed' ORDER BY position
"""
STATE = "SELECT state, error_code, attempts FROM ai.erasures ORDER BY created_at"
FREE = """
UPDATE ai.erasures SET lease_expires_at = now() - interval '1 second' WHERE state = 'processing'
"""
DUE = "UPDATE ai.erasures SET run_at = now() WHERE state = 'pending'"


class Killed(BaseException):
    """As `kill -9`: nobody catches it."""


class Mortal(JobQueue):
    """A queue whose worker is killed in its n-th transaction: before the commit, or after."""

    def __init__(self, database: Database, *, at: int, before_commit: bool) -> None:
        super().__init__(database, ERASURES, backoff=Backoff(timedelta(0), timedelta(0)))
        self._left = at
        self._before_commit = before_commit

    @asynccontextmanager
    async def fenced(self, job: ClaimedJob) -> AsyncIterator[AsyncSession]:
        async with super().fenced(job) as session:
            yield session
            self._left -= 1
            if self._before_commit and self._left == 0:
                raise Killed
        if self._left == 0:
            raise Killed


class Asking:
    """core-api's side of an erasure, for one organization."""

    def __init__(
        self, app: FastAPI, superuser: asyncpg.Connection, organization_id: OrganizationId = AURORA
    ) -> None:
        self.workshop: Workshop = app.state.workshop
        self.redis: Redis = app.state.resources.redis
        self.superuser = superuser
        self.known = KnownValues()
        self.organization_id = organization_id

    async def request(
        self,
        client_id: UUID,
        *merged: UUID,
        request_id: UUID | None = None,
        mode: str = "erasure",
        again: int = 1,
    ) -> UUID:
        """Asks for the client's erasure; the event may come several times."""
        request_id = request_id or new_id()
        event = PrivacyErasureRequested.caused(
            organization_id=self.organization_id,
            correlation_id="req-erasure",
            privacy_request_id=request_id,
            client_id=client_id,
            client_ids=(client_id, *merged) if merged else (),
            mode=mode,
        )
        for _ in range(again):
            async with self.workshop.database.transaction(self.organization_id) as session:
                await following.begin_erasure(session, event)
            if again > 1:
                await self.eraser().drain_once("tests")
        return request_id

    def eraser(
        self,
        storage: ObjectStorage | None = None,
        queue: JobQueue | None = None,
        redis: Redis | None = None,
    ) -> Eraser:
        """What works off erasures in the background."""
        workshop = self.workshop
        return Eraser(
            workshop.database,
            storage or workshop.storage,
            redis or self.redis,
            queue=queue,
            known_of=self._known_of,
        )

    async def _known_of(self, _tenant: OrganizationId, _privacy_request_id: UUID) -> KnownValues:
        return self.known

    async def erase(self, client_id: UUID, *merged: UUID, **asked: Any) -> dict[str, Any]:
        """From the request to the answer."""
        request_id = await self.request(client_id, *merged, **asked)
        await self.eraser().drain_once("tests")
        return next(
            answer
            for answer in reversed(await self.answers())
            if answer["privacy_request_id"] == str(request_id)
        )

    async def answers(self) -> list[dict[str, Any]]:
        """What was answered to core-api, in order."""
        rows = await self.superuser.fetch(ANSWERED)
        return [json.loads(row["envelope"])["payload"] for row in rows]

    async def states(self) -> list[tuple[Any, ...]]:
        """(state, error code, attempts) of every erasure."""
        return [tuple(row) for row in await self.superuser.fetch(STATE)]


def about(client_id: UUID) -> dict[str, str]:
    """The fields of a document about a client."""
    return {
        "visibility": "client",
        "client_id": str(client_id),
        "purpose_code": SERVICE,
        "legal_basis": "contract",
    }


async def plant(person: Person, core_api: CoreApi, client_id: UUID) -> list[UUID]:
    """Three documents with all that can be derived, answers, an upload, a batch, a ticket, and what
    was said, proposed and remembered; returns the documents."""
    await core_api.purposes()
    await core_api.granted(client_id)
    await core_api.merged(new_id(), client_id)
    named = {"client_id": str(client_id)}
    in_vain = await person.ask(f"Quem é {WORD}?", filters=named)
    assert in_vain["abstained"], in_vain
    await _declared_for_all(person, client_id)
    sent = await person.post(
        DOCUMENTS,
        files={"file": (f"{WORD}.txt", TEXT.encode())},
        data={"title": f"Sobre {WORD}", "tags": WORD, "external_id": f"id-{WORD}"}
        | about(client_id),
        headers={"idempotency-key": f"chave-{WORD}"},
    )
    assert sent.status_code == 202, sent.text
    first = UUID(sent.json()["data"]["id"])
    await person.ingestion.drain_once("tests")
    path = f"{DOCUMENTS}/{first}"
    await person.post(f"{path}/versions", params=named, json={"text": LATER})
    await person.ingestion.drain_once("tests")
    await _edited(person, path, named)
    second = await person.index(
        f"Contrato {WORD} de Helena.", f"Contrato {WORD}", **about(client_id)
    )
    third = await person.index(f"Laudo {WORD} de Helena.", f"Laudo {WORD}", **about(client_id))
    await _asked(person, named)
    await _in_parts(person, client_id)
    await _in_batch(person, client_id)
    await _opened_a_ticket(core_api, client_id)
    await talked(core_api.app, client_id)
    return [first, second, third]


async def _declared_for_all(person: Person, client_id: UUID) -> None:
    """A document that turned out not to be about the client: only a kept reply says it was."""
    sent = await person.post(
        DOCUMENTS,
        json={"text": f"Horário da portaria, {client_id.hex[-6:]}.", **about(client_id)},
        headers={"idempotency-key": f"portaria-{client_id}"},
    )
    changed = await person.call(
        "PATCH",
        f"{DOCUMENTS}/{sent.json()['data']['id']}",
        params={"client_id": str(client_id)},
        json={"visibility": "organization"},
    )
    assert changed.status_code == 200, changed.text


async def _edited(person: Person, path: str, named: dict[str, str]) -> None:
    (chunk, *_) = (await person.get(f"{path}/chunks", params=named)).json()["data"]
    corrected = await person.call(
        "PATCH",
        f"{path}/chunks/{chunk['id']}",
        params=named,
        json={"text": chunk["content"].replace("41", "42")},
    )
    assert corrected.status_code == 202, corrected.text
    await person.ingestion.drain_once("tests")


async def _asked(person: Person, named: dict[str, str]) -> None:
    answers = [await person.ask(QUESTION, filters=named) for _ in range(2)]
    assert all(WORD in answer["answer"] for answer in answers), answers
    rated = await person.post(
        f"/api/v1/rag/answers/{answers[0]['id']}/feedback",
        json={"rating": "down", "comment": f"{WORD}?", "corrected_answer": f"Rua {WORD}, 43."},
        headers={"idempotency-key": "nota"},
    )
    assert rated.status_code == 201, rated.text


async def _in_parts(person: Person, client_id: UUID) -> None:
    content = f"Ficha {WORD} de Helena.".encode()
    location = await begun(person, len(content), filename=f"{WORD}.txt", **about(client_id))
    part = await send(person, location, 0, content[:-3])
    assert part.status_code == 204, part.text


async def _in_batch(person: Person, client_id: UUID) -> None:
    items = [{"title": f"Vazio {WORD}", "text": " ", **about(client_id)}]
    sent = await person.post(
        f"{DOCUMENTS}/batch", json={"items": items}, headers={"idempotency-key": "lote"}
    )
    assert sent.json()["data"]["refused"] == 1, sent.text


async def _opened_a_ticket(core_api: CoreApi, client_id: UUID) -> None:
    event = TicketCreated.caused(
        organization_id=core_api.organization_id,
        correlation_id="req-1",
        ticket_id=new_id(),
        client_id=client_id,
    )
    async with core_api.database.transaction(core_api.organization_id) as session:
        await await_triage(session, event)


async def talked(app: FastAPI, client_id: UUID) -> Chat:
    """A conversation that came to the person, one about them as a whole, a proposal, a memory; what
    is at hand of all that; returns the first."""
    chat = await make_chat(app, title=f"Onde mora {WORD}")
    greeting = await chat.say("Bom dia.")
    asked = await chat.say(f"Onde mora {WORD}?")  # nobody knew by then who that is
    run_id = new_id()
    said = await chat.reply(asked, f"Na rua {WORD}, 40.", client_id, run_id=run_id)
    await chat.reply(asked, f"Rua {WORD}, 41.", run_id=new_id())
    await chat.judged(said, f"Não é {WORD}.")
    for each in (greeting, asked, said):
        await chat.remember(each, "")
    await chat.desk.redis.xadd(
        key_of(chat.actor.organization_id, run_id), {"event": f"Na rua {WORD}"}
    )
    about = await make_chat(app, client_id=client_id, title=f"Sobre {WORD}")
    await about.remember(await about.say(f"Resuma o caso de {WORD}."), "")
    await make_proposal(chat, f"Abrir chamado de {WORD}", client_id)
    await _told(chat, client_id)
    return chat


async def _told(chat: Chat, client_id: UUID) -> None:
    fact_id = await memory.remember_fact(
        chat.desk,
        actor=chat.actor,
        text=f"Helena mora na rua {WORD}, 40.",
        source=FactSource.SAID,
        client_ids=[client_id],
    )
    assert fact_id is not None
    kept = chat.desk.workshop.settings.memory.keep_for
    async with chat.desk.database.transaction(chat.actor.organization_id) as session:
        text = f"Helena mora na rua {WORD}, 41."
        await correct(session, chat.actor, fact_id, text, expected=None, keep_for=kept)
