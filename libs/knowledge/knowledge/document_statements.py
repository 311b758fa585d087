"""The statements of a version on its way, built once: `job_parameters` says of which job."""

from typing import Any, Final, cast

import sqlalchemy as sa

from chassis.messaging import outbox
from chassis.messaging.claims import completion
from knowledge import usage
from knowledge.edit_writes import standing_edits
from knowledge.job_parameters import DOCUMENT, NUMBER, TENANT
from knowledge.models import (
    SCHEMA,
    TEXTS,
    Chunk,
    Document,
    DocumentStatus,
    DocumentVersion,
    IngestionJob,
)
from knowledge.quotas import characters_may_be_added

# Tables, not classes: nothing here needs the session to keep objects in step.
DOCUMENTS: Final = cast("sa.Table", Document.__table__)
VERSIONS: Final = cast("sa.Table", DocumentVersion.__table__)
_CHUNKS: Final = cast("sa.Table", Chunk.__table__)
_documents, _versions, _chunks = DOCUMENTS.c, VERSIONS.c, _CHUNKS.c

INSERT_CHUNKS: Final = sa.insert(_CHUNKS).values(
    lexv=sa.cast(sa.bindparam("lexv_text", type_=sa.Text()), _chunks.lexv.type),
    embedding=sa.cast(sa.bindparam("embedding_text", type_=sa.Text()), _chunks.embedding.type),
    # One text: the driver looks at each of a list's.
    terms=sa.func.array_to_tsvector(
        sa.func.string_to_array(sa.bindparam("stems", type_=sa.Text()), " ")
    ),
)
"""Takes rows of `preparation.chunk_rows`."""


def _given(column: sa.Column[Any]) -> sa.BindParameter[Any]:
    return sa.bindparam(f"new_{column.name}", type_=column.type)


def changing_version(changes: dict[str, Any]) -> sa.Update:
    """Of the job's version."""
    return sa.update(VERSIONS).where(*_OF_JOB).values(**changes)


def changing(changes: dict[str, Any]) -> sa.Update:
    """Of the job's document."""
    return (
        sa.update(DOCUMENTS)
        .where(_documents.organization_id == TENANT, _documents.id == DOCUMENT)
        .values(
            **changes,
            version=_documents.version + 1,
            updated_at=sa.func.clock_timestamp(),
        )
    )


def _beginning() -> sa.Select[Any]:
    processing = {
        "status": DocumentStatus.PROCESSING,
        "error_code": None,
        "error_message": None,
    }
    changed = changing(processing).returning(_documents.title, _documents.current_version)
    document = changed.cte("changed")
    is_text = _versions.source_type.in_(TEXTS)
    # What the document says now, if that was cut in the same way.
    now = VERSIONS.alias("now")
    is_now = sa.and_(
        now.c.organization_id == _versions.organization_id,
        now.c.document_id == _versions.document_id,
        now.c.number == document.c.current_version,
        now.c.number != _versions.number,
        now.c.chunking == _versions.chunking,
        sa.func.coalesce(_versions.language, now.c.language) == now.c.language,
        _versions.revises.is_(None),  # what is corrected comes from the same source
    )
    columns = (
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
        standing_edits().label("edits"),
    )
    joined = sa.join(document, VERSIONS, sa.and_(*_OF_JOB)).outerjoin(now, is_now)
    return sa.select(*columns).select_from(joined)


def _indexing() -> sa.Update:
    """Document, version and the former's chunks in one round trip."""
    version = {name: _given(_versions[name]) for name in WRITTEN}
    errors = {"error_code": None, "error_message": None}
    now = sa.func.clock_timestamp()
    written = changing_version({**version, **errors, "indexed_at": now}).returning(_versions.id)
    removed = (
        sa.delete(_CHUNKS)
        .where(_chunks.organization_id == TENANT, _chunks.document_id == DOCUMENT)
        .returning(_chunks.id)
        .cte("removed")
    )
    # Somebody may have named it otherwise meanwhile.
    is_named_so = _documents.title == sa.bindparam("found_title", type_=sa.Text())
    changes = {
        "status": DocumentStatus.INDEXED,
        "title": sa.case((is_named_so, _given(_documents.title)), else_=_documents.title),
        "source_type": _given(_documents.source_type),
        "current_version": NUMBER,
    }
    most = sa.bindparam("most_characters", type_=sa.BigInteger())
    former = sa.select(sa.func.count()).select_from(removed).scalar_subquery()
    return (
        changing(changes)
        .returning(
            characters_may_be_added(TENANT, most).label("added_at_once"),
            standing_edits().label("edits"),
            former.label("former"),
        )
        .add_cte(written.cte("written"))
    )


def _ending() -> sa.Insert:
    counted = usage.adding_from(
        organization_id=TENANT,
        bytes=sa.bindparam("more_bytes", type_=sa.BigInteger()),
        characters=sa.bindparam("more_characters", type_=sa.BigInteger()),
    )
    completed = completion(IngestionJob.__table__).cte("completed")
    done = sa.select(completed.c.id).scalar_subquery()
    return outbox.insertion(SCHEMA).add_cte(counted.cte("counted")).returning(done)


_OF_JOB: Final = (
    _versions.organization_id == TENANT,
    _versions.document_id == DOCUMENT,
    _versions.number == NUMBER,
)
FACTS: Final = ("mime_type", "charset", "storage_key", "content_sha256", "size_bytes")
WRITTEN: Final = (
    *FACTS,
    "counted_bytes",
    "content",
    "uncorrected",
    "character_count",
    "outline",
    "page_count",
    "unread_pages",
    "chunk_count",
    "language",
    "stages",
)
"""What is known of a version once it is indexed."""
BEGIN: Final = _beginning()
"""Marks the document as being worked on; a row of what the pipeline must know."""
INDEX: Final = _indexing()
"""Takes `new_…` of all that is `WRITTEN`, titles and the quota. No row: the document is gone."""
END: Final = _ending()
"""Publishes, counts and completes: takes `outbox.parameters`, `more_bytes`, `more_characters` and
`completing(job)`; gives what `note_completed` asks for."""
