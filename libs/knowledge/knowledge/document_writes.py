"""What the pipeline writes of a version, always in a transaction that holds its job's fence."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging import outbox
from chassis.messaging.job_queue import ClaimedJob, LeaseLost, completing, note_completed
from knowledge.document_statements import (
    BEGIN,
    DOCUMENTS,
    END,
    INDEX,
    VERSIONS,
    WRITTEN,
    changing,
    changing_version,
)
from knowledge.edit_writes import read_edits, settle_edits
from knowledge.failures import DocumentRefused
from knowledge.job_parameters import of_job
from knowledge.models import DocumentStatus, SourceType
from knowledge.originals import Original, SubmittedDocument
from knowledge.outline import Outline
from knowledge.preparation import PreparedDocument
from knowledge.quotas import Quota, check_characters
from knowledge.storage import fetched_prefix
from knowledge.versions import forget_newer
from shared_schemas.events import DocumentIndexed
from shared_schemas.ids import UserId


def fetched_by(job: ClaimedJob) -> str:
    """The prefix of what this attempt fetches."""
    return fetched_prefix(job.organization_id, job.payload["document_id"], job.id, job.lease_token)


async def begin(session: AsyncSession, job: ClaimedJob) -> SubmittedDocument:
    """Marks the document as being worked on, and reads the job's version. Raises LeaseLost when it
    is gone."""
    row = (await session.execute(BEGIN, of_job(job))).mappings().first()
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
    await session.execute(changing_version(_facts_of(original)), of_job(job))


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
        "uncorrected": prepared.uncorrected if document.source_type.is_text else None,
        "character_count": len(text.text),
        "outline": Outline.of(text).as_json(),
        "page_count": len(text.page_starts) or None,
        "unread_pages": text.unread_pages,
        "chunk_count": len(prepared.passages),
        "language": prepared.language,
        "stages": stages,
    }
    about_document = {
        "found_title": document.title,
        "new_title": prepared.title,
        "new_source_type": document.source_type,
        "most_characters": quota.characters_for_everybody,
    }
    parameters = of_job(job) | about_document | {f"new_{name}": version[name] for name in WRITTEN}
    row = (await session.execute(INDEX, parameters)).first()
    if row is None:
        raise LeaseLost
    await settle_edits(session, job, prepared, read_edits(row.edits))
    if not row.added_at_once and not document.was_indexed:
        await check_characters(session, job.organization_id, quota, len(text.text))
    return int(row.former)


async def write_ended(
    session: AsyncSession,
    job: ClaimedJob,
    document: SubmittedDocument,
    original: Original,
    prepared: PreparedDocument,
) -> None:
    """Publishes that the document is indexed, completes the job, and counts what the version has
    come to weigh beyond what was counted when it was submitted. The transaction's last statement.
    """
    event = DocumentIndexed.caused(
        organization_id=job.organization_id,
        correlation_id=job.payload["correlation_id"],
        actor_id=document.submitted_by,
        document_id=document.id,
        chunk_count=len(prepared.passages),
    )
    grown = 0 if document.was_indexed else 1
    parameters = {
        "job_tenant": job.organization_id,
        "more_bytes": grown * (original.size_bytes - document.counted_bytes),
        "more_characters": grown * len(prepared.text.text),
    }
    parameters |= outbox.parameters(session, event) | completing(job)
    note_completed(session, (await session.execute(END, parameters)).scalar())


async def write_unchanged(
    session: AsyncSession, job: ClaimedJob, document: SubmittedDocument
) -> None:
    """The version that says nothing new is gone, and the document is as it was."""
    await _change(
        session,
        job,
        {"status": DocumentStatus.INDEXED, "latest_version": DOCUMENTS.c.current_version},
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
    is_page = VERSIONS.c.source_type == SourceType.URL
    fetched = {"storage_key": sa.case((is_page, sa.null()), else_=VERSIONS.c.storage_key)}
    failed = changing_version({**_error(refusal), **fetched, "stages": stages}).returning(
        VERSIONS.c.submitted_by
    )
    changes = {"status": DocumentStatus.FAILED, **_error(refusal)}
    await _change(session, job, changes)
    return UserId((await session.execute(failed, of_job(job))).scalar_one())


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


async def _change(
    session: AsyncSession, job: ClaimedJob, changes: dict[str, Any], *returning: Any
) -> Any:
    """Raises LeaseLost when the document is gone."""
    statement = changing(changes).returning(*(returning or (DOCUMENTS.c.id,)))
    row = (await session.execute(statement, of_job(job))).first()
    if row is None:
        raise LeaseLost
    return row
