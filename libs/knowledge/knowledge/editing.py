"""Editing passages: each edit is remembered, and every version to come is made with it.

A correction is a patch of the normalised text, so it makes a new version, and quotes of it are as
exact as any. Switching off needs none: the chunks are marked at once. The document is locked with
its jobs, as for any change of it: what the worker is indexing meanwhile, it does again.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from chassis.data.columns import utc_now
from chassis.messaging.job_queue import JobQueue
from chassis.web.errors import Conflict, InvalidInput
from knowledge.chunk_edit_tables import ChunkEdit, EditKind
from knowledge.chunk_edits import Edit, apply, digest, is_off, occurrences, patch_between
from knowledge.models import Chunk, Document, DocumentStatus, DocumentVersion
from knowledge.parsing.normalising import NormalisedText, clean
from knowledge.quotas import Quota
from knowledge.submission import stop
from knowledge.submission_rows import Rows, empty_version, write
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

_UNDERWAY: Final = (DocumentStatus.PENDING, DocumentStatus.PROCESSING)


class NewVersionUnderway(Conflict):
    """What was submitted after the text that is being corrected would be lost."""

    code = "NEW_VERSION_UNDERWAY"
    message = "Há uma nova versão deste documento em processamento. Espere-a para corrigir o texto."


class EditAlreadyUndone(Conflict):
    """Somebody undid it before."""

    code = "EDIT_ALREADY_UNDONE"
    message = "Esta edição já foi desfeita."


async def correct(
    session: AsyncSession,
    actor: Actor,
    queue: JobQueue,
    document: Document,
    chunk: Chunk,
    text: str,
    quota: Quota,
) -> None:
    """Makes a chunk of the locked document read as `text`, in a version that is now on its way.
    Raises InvalidInput, NewVersionUnderway, QuotaExceeded."""
    current = await _current(session, document)
    corrected = clean(text).strip()
    if not corrected:
        raise InvalidInput.on("body.text", "Informe o texto. Para esconder o trecho, desative-o.")
    patch = patch_between(current.content or "", chunk.char_start, chunk.char_end, corrected)
    if patch is None:
        raise InvalidInput.on("body.text", "O texto é igual ao que o trecho já diz.")
    session.add(
        ChunkEdit(
            organization_id=document.organization_id,
            document_id=document.id,
            kind=EditKind.CORRECTION,
            original=patch.original,
            original_sha256=digest(patch.original),
            replacement=patch.replacement,
            char_start=patch.char_start,
            version_number=current.number,
            created_by=actor.user_id,
        )
    )
    await session.flush()
    await _revise(session, actor, queue, document, current, quota)


async def switch(
    session: AsyncSession, actor: Actor, document: Document, chunk: Chunk, *, enabled: bool
) -> None:
    """Whether a chunk of the locked document is found. Switched on again is every stretch that
    was switched off and has something of the chunk."""
    current = await _current(session, document)
    content = current.content or ""
    if enabled:
        for edit in await _switched_off(session, document):
            places = occurrences(content, edit.original)
            if any(start < chunk.char_end and chunk.char_start < end for start, end in places):
                _mark_undone(edit, actor)
        await session.flush()
    else:
        await session.execute(
            insert(ChunkEdit)
            .values(
                id=new_id(),
                organization_id=document.organization_id,
                document_id=document.id,
                kind=EditKind.SWITCH_OFF,
                original=chunk.content,
                original_sha256=digest(chunk.content),
                char_start=chunk.char_start,
                version_number=current.number,
                found_in=current.number,
                created_by=actor.user_id,
            )
            .on_conflict_do_nothing()
        )
    await _mark_chunks(session, document, content)


async def undo(
    session: AsyncSession,
    actor: Actor,
    queue: JobQueue,
    document: Document,
    edit: ChunkEdit,
    quota: Quota,
) -> None:
    """As if it had not been made; later ones stand as far as they still meet what they changed.
    Raises EditAlreadyUndone, NewVersionUnderway, QuotaExceeded."""
    if edit.undone_at is not None:
        raise EditAlreadyUndone
    current = await _current(session, document)
    _mark_undone(edit, actor)
    await session.flush()
    if edit.kind is EditKind.SWITCH_OFF:
        await _mark_chunks(session, document, current.content or "")
    elif edit.found_in == current.number or document.status in _UNDERWAY:
        await _revise(session, actor, queue, document, current, quota)


def _mark_undone(edit: ChunkEdit, actor: Actor) -> None:
    edit.undone_at = utc_now()
    edit.undone_by = actor.user_id


async def _current(session: AsyncSession, document: Document) -> DocumentVersion:
    found = await session.execute(
        sa.select(DocumentVersion)
        .where(
            DocumentVersion.organization_id == document.organization_id,
            DocumentVersion.document_id == document.id,
            DocumentVersion.number == document.current_version,
        )
        .options(undefer(DocumentVersion.content), undefer(DocumentVersion.uncorrected))
    )
    return found.scalar_one()


async def _switched_off(session: AsyncSession, document: Document) -> Sequence[ChunkEdit]:
    found = await session.scalars(
        sa.select(ChunkEdit).where(
            ChunkEdit.organization_id == document.organization_id,
            ChunkEdit.document_id == document.id,
            ChunkEdit.kind == EditKind.SWITCH_OFF,
            ChunkEdit.undone_at.is_(None),
        )
    )
    return found.all()


async def _mark_chunks(session: AsyncSession, document: Document, content: str) -> None:
    """Which chunks are found, by what is switched off now."""
    edits = [
        Edit(each.id, each.kind, each.original, None, each.char_start)
        for each in await _switched_off(session, document)
    ]
    off = apply(NormalisedText(content), edits).off
    mine = (Chunk.organization_id == document.organization_id, Chunk.document_id == document.id)
    chunks = await session.execute(
        sa.select(Chunk.id, Chunk.char_start, Chunk.char_end, Chunk.enabled).where(*mine)
    )
    changed: dict[bool, list[UUID]] = {True: [], False: []}
    for chunk in chunks:
        enabled = not is_off(chunk.char_start, chunk.char_end, off)
        if enabled != chunk.enabled:
            changed[enabled].append(chunk.id)
    for enabled, ids in changed.items():
        if ids:
            await session.execute(
                sa.update(Chunk)
                .where(*mine, Chunk.id.in_(ids))
                .values(enabled=enabled)
                .execution_options(synchronize_session=False)
            )
    document.version += 1


async def _revise(
    session: AsyncSession,
    actor: Actor,
    queue: JobQueue,
    document: Document,
    current: DocumentVersion,
    quota: Quota,
) -> None:
    """Another version from the current one's source; an earlier revision makes way for it."""
    if document.status in _UNDERWAY and not await _is_revision(session, document):
        raise NewVersionUnderway
    await stop(session, queue, document)
    # Read again: the worker may have written between the caller's read and the job's lock.
    await session.refresh(document)
    document.latest_version += 1
    document.status = DocumentStatus.PENDING
    document.error_code = document.error_message = None
    document.version += 1
    await session.flush()
    copied = (
        "source_type source_uri mime_type charset storage_key content_sha256 size_bytes chunking"
    )
    is_text = current.source_type.is_text
    version = {
        **empty_version(),
        **{name: getattr(current, name) for name in copied.split()},
        "id": new_id(),
        "organization_id": document.organization_id,
        "document_id": document.id,
        "number": document.latest_version,
        "revises": current.revises or current.number,
        "content": (current.uncorrected or current.content) if is_text else None,
        "counted_bytes": current.size_bytes or 0,
        "language": current.language,
        "submitted_by": actor.user_id,
    }
    await write(session, actor, Rows(None, version), quota)


async def _is_revision(session: AsyncSession, document: Document) -> bool:
    revises = await session.scalar(
        sa.select(DocumentVersion.revises).where(
            DocumentVersion.organization_id == document.organization_id,
            DocumentVersion.document_id == document.id,
            DocumentVersion.number == document.latest_version,
        )
    )
    return revises is not None
