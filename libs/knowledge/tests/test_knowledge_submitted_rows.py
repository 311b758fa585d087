"""A submitted document is in the session as it is in the table, and can be worked with at once."""

import pytest
import sqlalchemy as sa
from knowledge_factories import Knowledge, make_actor

from knowledge import submission
from knowledge.models import Document, DocumentStatus
from knowledge.submission import Source

pytestmark = pytest.mark.committed

COLUMNS = dict(sa.inspect(Document).columns.items())


async def test_what_submit_returns_is_what_was_written(knowledge: Knowledge) -> None:
    actor = make_actor()
    async with knowledge.ingestion.database.transaction(actor.organization_id) as session:
        document = await submission.submit(session, actor, Source.text("# Férias\nTrinta dias."))
        row = (await session.execute(sa.select(*COLUMNS.values()))).mappings().one()
        assert {key: getattr(document, key) for key in COLUMNS} == {
            key: row[column.key] for key, column in COLUMNS.items()
        }
        # Of a JSON column None could also have become JSON's null.
        assert await session.scalar(sa.select(Document.outline.is_(sa.null())))


async def test_a_submitted_document_can_be_cancelled_in_the_same_transaction(
    knowledge: Knowledge,
) -> None:
    actor = make_actor()
    async with knowledge.ingestion.database.transaction(actor.organization_id) as session:
        document = await submission.submit(session, actor, Source.text("Trinta dias de férias."))
        await submission.cancel(session, knowledge.ingestion.queue, document)
    stored = await knowledge.document(document.id)
    assert (stored.status, stored.version) == (DocumentStatus.CANCELLED, 2)
