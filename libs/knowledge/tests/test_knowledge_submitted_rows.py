"""A submitted document is returned as it is in the table, and can be worked with at once."""

import pytest
import sqlalchemy as sa
from knowledge_factories import Knowledge, make_actor

from knowledge import submission
from knowledge.models import Document, DocumentStatus, DocumentVersion
from knowledge.submission import Source

pytestmark = pytest.mark.committed

TABLES = (Document, DocumentVersion)


async def test_what_submit_returns_is_what_was_written(knowledge: Knowledge) -> None:
    actor = make_actor()
    async with knowledge.ingestion.database.transaction(actor.organization_id) as session:
        submitted = await submission.submit(session, actor, Source.text("# Férias\nTrinta dias."))
        for table, returned in zip(TABLES, (submitted.document, submitted.version), strict=True):
            columns = dict(sa.inspect(table).columns.items())
            row = (await session.execute(sa.select(*columns.values()))).mappings().one()
            assert {key: getattr(returned, key) for key in columns} == {
                key: row[column.key] for key, column in columns.items()
            }
        # Of a JSON column None could also have become JSON's null.
        assert await session.scalar(sa.select(DocumentVersion.outline.is_(sa.null())))


async def test_a_submitted_document_can_be_cancelled_in_the_same_transaction(
    knowledge: Knowledge,
) -> None:
    actor = make_actor()
    async with knowledge.ingestion.database.transaction(actor.organization_id) as session:
        text = Source.text("Trinta dias de férias.")
        submitted = await submission.submit(session, actor, text)
        document = await session.get_one(Document, submitted.document.id)
        await submission.cancel(session, knowledge.ingestion.queue, document)
    stored = await knowledge.document(document.id)
    assert (stored.status, stored.version) == (DocumentStatus.CANCELLED, 2)
