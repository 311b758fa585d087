"""The way of a document: from submission to chunks, event and progress."""

import pytest
from knowledge_factories import Knowledge
from knowledge_files import PARAGRAPH, make_docx, make_pdf

pytestmark = pytest.mark.committed


async def test_a_text_becomes_chunks_that_are_its_content(knowledge: Knowledge) -> None:
    text = "\n\n".join(f"{number}. {PARAGRAPH}" for number in range(60))
    document_id = await knowledge.submit_text(text)

    assert await knowledge.work() == 1

    document = await knowledge.document(document_id)
    chunks = await knowledge.chunks(document_id)
    assert document.content is not None
    assert document.status == "indexed"
    assert document.chunk_count == len(chunks) > 1
    assert [c.content for c in chunks] == [document.content[c.char_start : c.char_end] for c in chunks]
