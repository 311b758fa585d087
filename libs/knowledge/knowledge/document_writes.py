"""What the pipeline writes of a version, always in a transaction that holds its job's fence."""

from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging.job_queue import ClaimedJob, LeaseLost
from knowledge import usage
from knowledge.edit_writes import read_edits, settle_edits, standing_edits
from knowledge.failures import DocumentRefused
from knowledge.models import Chunk, Document, DocumentStatus, DocumentVersion, SourceType
from knowledge.originals import Original, SubmittedDocument
from knowledge.outline import Outline
from knowledge.preparation import PreparedDocument
from knowledge.quotas import Quota, characters_may_be_added, check_characters
from knowledge.storage import fetched_prefix
from knowledge.versions import forget_newer
from shared_schemas.ids import UserId

# Tables, not classes: nothing here needs the session to keep objects in step.
_DOCUMENTS: Final = cast("sa.Table", Document.__table__)
_VERSIONS: Final = cast("sa.Table", DocumentVersion.__table__)
_CHUNKS: Final = cast("sa.Table", Chunk.__table__)
_documents, _versions, _chunks = _DOCUMENTS.c, _VERSIONS.c, _CHUNKS.c

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
    """Marks the document as being worked on, and reads the job's version. Raises LeaseLost when it
    is gone."""
    changed = _changing(
        job, {"status": DocumentStatus.PROCESSING, "error_code": None, "error_message": None}
    ).returning(_documents.title, _documents.current_version)
    document = changed.cte("changed")
    is_text = _versions.source_type.in_([SourceType.TEXT, SourceType.CURATED])
    # What the document says now, if that was cut in the same way.
    now = _VERSIONS.alias("now")
    is_now = sa.and_(
        now.c.organization_id == _versions.organization_id,
        now.c.document_id == _versions.document_id,
        now.c.number == document.c.current_version,
        now.c.number != _versions.number,
        now.c.chunking == _versions.chunking,
        _versions.revises.is_(None),  # what is corrected comes from the same source
    )
    statement = sa.select(
        document.c.title,
        _versions.chunking,
        _versions.number,
        _versions.source_type,
        _versions.source_uri,
        _versions.storage_key,
        _versions.mime_type,
        _versions.charset,
        _versions.content_sha256,
        _versions.size_bytes,
        _versions.language,
        _versions.submitted_by,
        _versions.counted_bytes,
        _versions.indexed_at.is_not(None).label("was_indexed"),
        now.c.content_sha256.label("current_sha256"),
        sa.case((is_text, sa.func.coalesce(_versions.uncorrected, _versions.content))).label(
            "text"
        ),
        standing_edits(job).label("edits"),
    )
    joined = sa.join(document, _VERSIONS, sa.and_(*_of_job(job))).outerjoin(now, is_now)
    row = (await session.execute(statement.select_from(joined))).mappings().first()
    if row is None:
        raise LeaseLost
    return SubmittedDocument(
        id=job.payload["document_id"],
        organization_id=job.organization_id,
        fetched_prefix=fetched_by(job),
        **{**row, "edits": read_edits(row["edits"])},
    )


async def write_fetched(session: AsyncSession, job: ClaimedJob, original: Original) -> None:
    """Where the bytes of a page are: another attempt need not fetch them again."""
    await session.execute(_changing_version(job, _facts_of(original)))


async def write_indexed(
    session: AsyncSession,
    job: ClaimedJob,
    document: SubmittedDocument,
    original: Original,
    prepared: PreparedDocument,
    stages: dict[str, float],
    quota: Quota,
) -> int:
    """The version as the document's current one, the chunks of the former gone; returns how many
    those were. Raises QuotaExceeded, and EditsChanged when people edited meanwhile."""
    text = prepared.text
    version = {
        **_facts_of(original),
        "counted_bytes": original.size_bytes,
        "content": text.text,
        "uncorrected": prepared.uncorrected if document.source_type is SourceType.TEXT else None,
        "character_count": len(text.text),
        "outline": Outline.of(text).as_json(),
        "page_count": len(text.page_starts) or None,
        "chunk_count": len(prepared.passages),
        "language": prepared.language,
        "stages": stages,
        "error_code": None,
        "error_message": None,
        "indexed_at": sa.func.clock_timestamp(),
    }
    changes = {
        "status": DocumentStatus.INDEXED,
        # Somebody may have named it otherwise meanwhile.
        "title": sa.case(
            (_documents.title == document.title, prepared.title), else_=_documents.title
        ),
        "source_type": document.source_type,
        "current_version": document.number,
    }
    written = _changing_version(job, version).returning(_versions.id).cte("written")
    tenant = sa.literal(job.organization_id, sa.Uuid())
    may_add = characters_may_be_added(tenant, quota)
    added_at_once, edits = await _change(
        session, job, changes, may_add, standing_edits(job), adding=written
    )
    await settle_edits(session, job, prepared, read_edits(edits))
    if not added_at_once and not document.was_indexed:
        await check_characters(session, job.organization_id, quota, len(text.text))
    former = await session.execute(
        sa.delete(_CHUNKS)
        .where(_chunks.organization_id == job.organization_id)
        .where(_chunks.document_id == job.payload["document_id"])
        .returning(_chunks.id)
    )
    return len(former.all())


async def write_usage(
    session: AsyncSession,
    job: ClaimedJob,
    document: SubmittedDocument,
    original: Original,
    prepared: PreparedDocument,
) -> None:
    """What the version has come to weigh beyond what was counted when it was submitted."""
    if document.was_indexed:
        return
    await usage.count(
        session,
        job.organization_id,
        bytes=original.size_bytes - document.counted_bytes,
        characters=len(prepared.text.text),
    )


async def write_unchanged(
    session: AsyncSession, job: ClaimedJob, document: SubmittedDocument
) -> None:
    """The version that says nothing new is gone, and the document is as it was."""
    await _change(
        session,
        job,
        {"status": DocumentStatus.INDEXED, "latest_version": _documents.current_version},
    )
    await forget_newer(session, job.organization_id, document.id)


async def write_waiting(
    session: AsyncSession, job: ClaimedJob, refusal: DocumentRefused | None = None
) -> None:
    """The document as waiting for another attempt, with what ended the last one."""
    await _change(session, job, {"status": DocumentStatus.PENDING, **_error(refusal)})


async def write_failed(
    session: AsyncSession, job: ClaimedJob, refusal: DocumentRefused, stages: dict[str, float]
) -> UserId:
    """The document's newest version as failed; returns who had submitted it. The version that was
    searched before is searched on. What was fetched is dropped: the page may be better next time.
    """
    is_page = _versions.source_type == SourceType.URL
    fetched = {"storage_key": sa.case((is_page, sa.null()), else_=_versions.storage_key)}
    failed = _changing_version(job, {**_error(refusal), **fetched, "stages": stages}).returning(
        _versions.submitted_by
    )
    changes = {"status": DocumentStatus.FAILED, **_error(refusal)}
    await _change(session, job, changes)
    return UserId((await session.execute(failed)).scalar_one())


def _facts_of(original: Original) -> dict[str, Any]:
    return {
        "mime_type": original.form.value,
        "charset": original.charset,
        "storage_key": original.storage_key,
        "content_sha256": original.sha256,
        "size_bytes": original.size_bytes,
    }


def _error(refusal: DocumentRefused | None) -> dict[str, str | None]:
    if refusal is None:
        return {"error_code": None, "error_message": None}
    return {"error_code": str(refusal.code), "error_message": str(refusal)}


def _of_job(job: ClaimedJob) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        _versions.organization_id == job.organization_id,
        _versions.document_id == job.payload["document_id"],
        _versions.number == job.payload["version_number"],
    )


def _changing_version(job: ClaimedJob, changes: dict[str, Any]) -> sa.Update:
    return sa.update(_VERSIONS).where(*_of_job(job)).values(**changes)


def _changing(job: ClaimedJob, changes: dict[str, Any]) -> sa.Update:
    return (
        sa.update(_DOCUMENTS)
        .where(_documents.organization_id == job.organization_id)
        .where(_documents.id == job.payload["document_id"])
        .values(
            **changes,
            version=_documents.version + 1,
            updated_at=sa.func.clock_timestamp(),
        )
    )


async def _change(
    session: AsyncSession,
    job: ClaimedJob,
    changes: dict[str, Any],
    *returning: Any,
    adding: sa.CTE | None = None,
) -> Any:
    """Raises LeaseLost when the document is gone. `adding` is written in the same statement."""
    statement = _changing(job, changes).returning(*(returning or (_documents.id,)))
    if adding is not None:
        statement = statement.add_cte(adding)
    row = (await session.execute(statement)).first()
    if row is None:
        raise LeaseLost
    return row
