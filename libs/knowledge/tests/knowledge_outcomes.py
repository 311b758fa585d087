"""What the way of a document led to, as tests of ingestion look at it."""

import json
from uuid import UUID

import asyncpg
from knowledge_factories import Knowledge

from devstack.testing import DatabaseUrls
from knowledge.models import Document, DocumentStatus, DocumentVersion


async def events_of(urls: DatabaseUrls, event_type: str) -> list[dict[str, object]]:
    """What lies in the outbox."""
    connection = await asyncpg.connect(urls.superuser)
    try:
        rows = await connection.fetch(
            "SELECT envelope FROM ai.outbox WHERE event_type = $1 ORDER BY position", event_type
        )
        return [json.loads(row["envelope"]) for row in rows]
    finally:
        await connection.close()


async def assert_indexed(
    knowledge: Knowledge, document_id: UUID, *words: str
) -> tuple[Document, DocumentVersion]:
    """Indexed, cited exactly, and with the words in one of the chunks."""
    document = await knowledge.document(document_id)
    chunks = await knowledge.chunks(document_id)
    assert (document.status, document.error_message) == (DocumentStatus.INDEXED, None)
    assert document.current_version is not None
    version = await knowledge.version(document_id, document.current_version)
    assert version.content is not None
    assert len(chunks) == version.chunk_count
    for chunk in chunks:
        assert chunk.version_number == version.number
        assert version.content[chunk.char_start : chunk.char_end] == chunk.content
    for word in words:
        assert any(word in chunk.content for chunk in chunks), word
    return document, version
