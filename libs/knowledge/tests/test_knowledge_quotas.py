"""What an organization may keep: counted with every change, never passed, however many come."""

import asyncio
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from knowledge_factories import Knowledge, make_actor
from knowledge_files import PARAGRAPH

from knowledge import deletion, quotas, submission, versions
from knowledge.models import Document, DocumentStatus
from knowledge.quotas import Quota, QuotaExceeded
from knowledge.submission import Source
from knowledge.usage import KnowledgeUsage

pytestmark = pytest.mark.committed


async def usage(knowledge: Knowledge, person: str = "ana") -> tuple[int, int, int]:
    """Documents, bytes, characters."""
    organization_id = make_actor(person).organization_id
    async with knowledge.ingestion.database.transaction(organization_id) as session:
        names = ("documents", "bytes", "characters")
        sums = [sa.func.sum(getattr(KnowledgeUsage, name)) for name in names]
        row = (await session.execute(sa.select(*sums))).one()
        return tuple(int(value or 0) for value in row)  # type: ignore[return-value]  # three


async def submit(knowledge: Knowledge, quota: Quota, text: str = PARAGRAPH) -> UUID:
    actor = make_actor()
    async with knowledge.ingestion.database.transaction(actor.organization_id) as session:
        submitted = await submission.submit(
            session, actor, Source.text(text), quota=quota, allow_duplicate=True
        )
    return submitted.document.id


async def delete(knowledge: Knowledge, document_id: UUID) -> None:
    organization_id = make_actor().organization_id
    async with knowledge.ingestion.database.transaction(organization_id) as session:
        document = await session.get_one(Document, document_id)
        await deletion.delete(session, document)


async def test_everything_that_changes_it_is_counted(knowledge: Knowledge) -> None:
    first, second = "Um texto.", "Outro texto, mais longo."
    document_id = await knowledge.submit_text(first)
    await knowledge.work()
    assert await usage(knowledge) == (1, len(first), len(first))

    actor, ingestion = make_actor(), knowledge.ingestion
    async with ingestion.database.transaction(actor.organization_id) as session:
        document = await session.get_one(Document, document_id)
        await versions.submit_version(
            session, actor, ingestion.queue, document, Source.text(second)
        )
    await knowledge.work()
    both = len(first) + len(second)
    assert await usage(knowledge) == (1, both, both)

    await delete(knowledge, document_id)
    assert await usage(knowledge) == (0, 0, 0)


async def test_what_is_there_may_be_corrected_when_there_are_too_many(knowledge: Knowledge) -> None:
    await knowledge.submit_text("Um texto.")
    document_id = await knowledge.submit_text("Outro texto.")
    actor, ingestion = make_actor(), knowledge.ingestion
    async with ingestion.database.transaction(actor.organization_id) as session:
        document = await session.get_one(Document, document_id)
        source, lowered = Source.text("O texto corrigido."), Quota(documents=1)
        await versions.submit_version(
            session, actor, ingestion.queue, document, source, quota=lowered
        )
        assert document.latest_version == 2


@pytest.mark.parametrize("count", [1, 7])
async def test_the_limit_of_documents_holds_to_the_last_one(
    knowledge: Knowledge, count: int
) -> None:
    """Thirty at once, for room for a few."""
    results = await asyncio.gather(
        *(submit(knowledge, Quota(documents=count)) for _ in range(30)), return_exceptions=True
    )

    refused = [result for result in results if isinstance(result, QuotaExceeded)]
    assert len(refused) == 30 - count
    assert (await usage(knowledge))[0] == count
    assert str(refused[0]).startswith(f"A organização atingiu o limite de {count} documentos")
    assert refused[0].code == "QUOTA_EXCEEDED"


async def test_the_limit_holds_where_those_without_and_with_room_for_all_meet(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first ones need not wait, the last ones take turns: together they are as many as may."""
    monkeypatch.setattr(quotas, "AT_ONCE", 10)
    quota = Quota(documents=25)

    results = await asyncio.gather(
        *(submit(knowledge, quota) for _ in range(40)), return_exceptions=True
    )

    assert sum(isinstance(result, UUID) for result in results) == 25
    assert (await usage(knowledge))[0] == 25


async def test_what_was_deleted_makes_room(knowledge: Knowledge) -> None:
    quota = Quota(documents=1)
    document_id = await submit(knowledge, quota)
    with pytest.raises(QuotaExceeded):
        await submit(knowledge, quota)

    await delete(knowledge, document_id)

    await submit(knowledge, quota)


async def test_bytes_are_limited_also_by_new_versions(knowledge: Knowledge) -> None:
    quota = Quota(bytes=len(PARAGRAPH.encode()) + 10)
    document_id = await submit(knowledge, quota)
    actor, ingestion = make_actor(), knowledge.ingestion

    async def another_version() -> None:
        async with ingestion.database.transaction(actor.organization_id) as session:
            document = await session.get_one(Document, document_id)
            await versions.submit_version(
                session, actor, ingestion.queue, document, Source.text(PARAGRAPH * 2), quota=quota
            )

    with pytest.raises(QuotaExceeded, match="MB em arquivos"):
        await submit(knowledge, quota)
    with pytest.raises(QuotaExceeded):
        await another_version()

    assert (await knowledge.document(document_id)).latest_version == 1


async def test_characters_are_limited_when_they_are_known(knowledge: Knowledge) -> None:
    limited = replace(knowledge.ingestion, quota=Quota(characters=len(PARAGRAPH) + 10))
    ids = [await knowledge.submit_text(f"{PARAGRAPH}{n}") for n in range(4)]

    await limited.drain_once("tests")

    documents = [await knowledge.document(document_id) for document_id in ids]
    assert sorted(document.status for document in documents) == sorted(
        [DocumentStatus.INDEXED, *[DocumentStatus.FAILED] * 3]
    )
    failed = next(found for found in documents if found.status is DocumentStatus.FAILED)
    assert failed.error_code == "QUOTA_EXCEEDED"
    assert "caracteres" in (failed.error_message or "")
    assert (await usage(knowledge))[2] == len(PARAGRAPH) + 1


async def test_one_organization_s_limit_is_its_own(knowledge: Knowledge) -> None:
    await submit(knowledge, Quota(documents=1))
    beto = make_actor("beto")

    async with knowledge.ingestion.database.transaction(beto.organization_id) as session:
        await submission.submit(session, beto, Source.text("x"), quota=Quota(documents=1))

    assert (await usage(knowledge, "beto"))[0] == 1


async def test_an_organization_with_one_document_does_not_wait_for_one_with_a_hundred(
    knowledge: Knowledge,
) -> None:
    """Its document is among the first two that a worker takes."""
    for number in range(100):
        await knowledge.submit_text(f"Texto {number}.", person="ana")
    await knowledge.submit_text("O único.", person="beto")

    claimed: list[Any] = await knowledge.ingestion.queue.claim("tests", 2)

    assert {job.organization_id for job in claimed} == {
        make_actor("ana").organization_id,
        make_actor("beto").organization_id,
    }
