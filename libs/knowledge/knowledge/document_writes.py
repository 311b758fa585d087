"""What the pipeline writes of a document, always in a transaction that holds its job's fence."""

from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging.job_queue import ClaimedJob, LeaseLost
from knowledge.failures import DocumentRefused
from knowledge.models import Chunk, Document, DocumentStatus, SourceType
from knowledge.originals import Original, SubmittedDocument
from knowledge.outline import Outline
from knowledge.preparation import PreparedDocument
from knowledge.storage import fetched_prefix
from shared_schemas.ids import UserId

# Tables, not classes: nothing here needs the session to keep objects in step.
_DOCUMENTS: Final = cast("sa.Table", Document.__table__)
_CHUNKS: Final = cast("sa.Table", Chunk.__table__)
_documents, _chunks = _DOCUMENTS.c, _CHUNKS.c

INSERT_CHUNKS: Final = sa.insert(_CHUNKS).values(
    lexv=sa.cast(sa.bindparam("lexv_text", type_=sa.Text()), _chunks.lexv.type),
    embedding=sa.cast(sa.bindparam("embedding_text", type_=sa.Text()), _chunks.embedding.type),
    terms=sa.func.array_to_tsvector(sa.bindparam("stems", type_=ARRAY(sa.Text()))),
)
"""Takes rows of `preparation.chunk_rows`."""


def fetched_by(job: ClaimedJob) -> str:
    """The prefix of what this attempt fetches."""
    return fetched_prefix(job.organization_id, job.payload["document_id"], job.id, job.lease_token)


async def begin(session: AsyncSession, job: ClaimedJob) -> SubmittedDocument:
    """Marks the document as being worked on, and reads it. Raises LeaseLost when it is gone."""
    is_text = _documents.source_type == SourceType.TEXT
    row = await _change(
        session,
        job,
        {"status": DocumentStatus.PROCESSING, "error_code": None, "error_message": None},
        _documents.title,
        _documents.source_type,
        _documents.source_uri,
        _documents.storage_key,
        _documents.mime_type,
        _documents.content_sha256,
        _documents.size_bytes,
        _documents.chunking,
        _documents.language,
        _documents.submitted_by,
        sa.case((is_text, _documents.content)).label("text"),
    )
    return SubmittedDocument(
        id=job.payload["document_id"],
        organization_id=job.organization_id,
        fetched_prefix=fetched_by(job),
        **row,
    )


async def write_indexed(
    session: AsyncSession, job: ClaimedJob, original: Original, prepared: PreparedDocument
) -> int:
    """The document as indexed, its former chunks gone; returns how many those were."""
    text = prepared.text
    await _change(
        session,
        job,
        {
            "status": DocumentStatus.INDEXED,
            "title": prepared.title,
            "content": text.text,
            "outline": Outline.of(text).as_json(),
            "page_count": len(text.page_starts) or None,
            "chunk_count": len(prepared.passages),
            "language": prepared.language,
            "mime_type": original.form.value,
            "storage_key": original.storage_key,
            "content_sha256": original.sha256,
            "size_bytes": original.size_bytes,
            "indexed_at": sa.func.clock_timestamp(),
        },
    )
    former = await session.execute(
        sa.delete(_CHUNKS)
        .where(_chunks.organization_id == job.organization_id)
        .where(_chunks.document_id == job.payload["document_id"])
        .returning(_chunks.id)
    )
    return len(former.all())


async def write_waiting(
    session: AsyncSession, job: ClaimedJob, refusal: DocumentRefused | None = None
) -> None:
    """The document as waiting for another attempt, with what ended the last one."""
    await _change(session, job, {"status": DocumentStatus.PENDING, **_error(refusal)})


async def write_failed(session: AsyncSession, job: ClaimedJob, refusal: DocumentRefused) -> UserId:
    """The document as failed; returns who had submitted it."""
    changes = {"status": DocumentStatus.FAILED, **_error(refusal)}
    row = await _change(session, job, changes, _documents.submitted_by)
    return UserId(row["submitted_by"])


def _error(refusal: DocumentRefused | None) -> dict[str, str | None]:
    if refusal is None:
        return {"error_code": None, "error_message": None}
    return {"error_code": str(refusal.code), "error_message": str(refusal)}


async def _change(
    session: AsyncSession,
    job: ClaimedJob,
    changes: dict[str, Any],
    *returning: sa.ColumnElement[Any],
) -> sa.RowMapping:
    changed = await session.execute(
        sa.update(_DOCUMENTS)
        .where(_documents.organization_id == job.organization_id)
        .where(_documents.id == job.payload["document_id"])
        .values(
            **changes,
            version=_documents.version + 1,
            updated_at=sa.func.clock_timestamp(),
        )
        .returning(*(returning or (_documents.id,)))
    )
    row = changed.mappings().first()
    if row is None:
        raise LeaseLost
    return row
