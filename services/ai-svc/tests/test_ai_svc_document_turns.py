"""Changing one document at once: who comes second has all of its jobs, also the newest."""

import asyncio

import asyncpg
import pytest
import sqlalchemy as sa
from ai_svc_factories import Person
from fastapi import FastAPI

from ai_svc.modules.documents.repository import Documents
from ai_svc.workshop import Workshop
from devstack.people import PEOPLE
from devstack.testing import DatabaseUrls
from knowledge.access import reader_of
from knowledge.models import IngestionJob
from knowledge.submission import Source
from knowledge.versions import submit_version
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId
from shared_schemas.permissions import Role, permissions_of

pytestmark = pytest.mark.committed

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


async def test_who_waited_for_a_change_has_the_job_that_came_with_it(
    ana: Person, app: FastAPI, database_urls: DatabaseUrls
) -> None:
    """Else the worker takes that job and waits for the document, whose holder waits for the job."""
    workshop: Workshop = app.state.workshop
    document_id = await ana.index("O prazo é de dez dias.")
    tenant = OrganizationId(PEOPLE["ana"].organization.id)
    actor = Actor(
        organization_id=tenant,
        user_id=UserId(PEOPLE["ana"].sub),
        roles=frozenset({Role.ADMIN}),
        request_id="tests",
        permissions=permissions_of((Role.ADMIN,)),
    )
    superuser = await asyncpg.connect(database_urls.superuser)
    jobs = IngestionJob.__table__.c
    free = (
        sa.select(jobs.id).where(jobs.document_id == document_id).with_for_update(skip_locked=True)
    )

    async def second() -> list[object]:
        async with workshop.database.transaction(tenant) as session:
            documents = Documents(session, await reader_of(session, actor))
            await documents.get_for_change(document_id, None)
            async with workshop.database.transaction(tenant) as worker:
                return list((await worker.scalars(free)).all())

    try:
        async with workshop.database.transaction(tenant) as session:
            documents = Documents(session, await reader_of(session, actor))
            document = await documents.get_for_change(document_id, None)
            source = Source.text("O prazo é de vinte dias.")
            await submit_version(session, actor, workshop.queue, document, source)
            waiting = asyncio.create_task(second())
            while not waiting.done() and not await superuser.fetchval(WAITING):
                continue  # every look is a round trip: nothing spins
            assert not waiting.done()
        assert await waiting == []
    finally:
        await superuser.close()
