"""Recording what was answered, giving it again, and forgetting it in time."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.answers import cache
from ai_svc.modules.answers.cache import Seen, scope_of, seen
from ai_svc.modules.answers.likeness import question_key
from ai_svc.modules.answers.metrics import CACHE
from ai_svc.modules.answers.models import Answer, AnswerSource
from ai_svc.modules.privacy.exceptions import ERASED_CLIENT, ClientErased
from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.web.error_handlers import driver_error
from knowledge.models import DocumentVersion
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id

__all__ = ["Recorded", "RecordedSource", "Seen", "keep", "prune", "recall", "record", "scope_of"]
__all__ += ["seen"]


@dataclass(frozen=True, slots=True)
class RecordedSource:
    """A citation that was checked: `quote` is the version's content[char_start:char_end)."""

    document_id: UUID
    version: int
    chunk_id: UUID
    title: str
    page: int | None
    heading: str | None
    quote: str
    char_start: int
    char_end: int
    similarity: float


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer as it was given."""

    id: UUID
    answer: str
    sources: Sequence[RecordedSource]
    abstained: bool
    confidence: float
    model: str
    prompt_version: str | None
    tokens_used: int
    cached: bool = False


async def record(
    session: AsyncSession, actor: Actor, question: str, answer: Recorded, client_id: UUID | None
) -> None:
    """Writes it down. Raises ClientErased, and IntegrityError when a document it quotes is gone by
    now."""
    session.add(
        Answer(
            id=answer.id,
            organization_id=actor.organization_id,
            asked_by=actor.user_id,
            question=question,
            client_id=client_id,
            answer=answer.answer,
            abstained=answer.abstained,
            confidence=answer.confidence,
            model=answer.model,
            prompt_version=answer.prompt_version,
            tokens_used=answer.tokens_used,
            cached=answer.cached,
        )
    )
    try:
        await session.flush()
    except IntegrityError as error:
        if getattr(driver_error(error), "constraint_name", None) == ERASED_CLIENT:
            raise ClientErased from error
        raise
    if answer.sources:
        await session.execute(sa.insert(AnswerSource), _rows(actor.organization_id, answer))


async def recall(
    session: AsyncSession, actor: Actor, question: str, scope: str, client_id: UUID | None
) -> Recorded | None:
    """The answer to the same question, if nothing changed since; recorded as asked once more."""
    key = question_key(question)
    answer_id = await cache.find(session, actor.organization_id, scope, key)
    given = await _given(session, actor.organization_id, answer_id) if answer_id else None
    CACHE.labels("hit" if given else "miss").inc()
    if given is None:
        return None
    again = replace(given, id=new_id(), tokens_used=0, cached=True)
    await record(session, actor, question, again, client_id)
    return again


async def keep(
    session: AsyncSession, actor: Actor, question: str, scope: str, answer: Recorded, seen: Seen
) -> None:
    """From now on `recall` may give it."""
    key = question_key(question)
    await cache.keep(session, actor.organization_id, scope, key, answer.id, seen)


async def prune(database: Database, keep_for: timedelta) -> dict[str, int]:
    """Answers past their time, entries that hold no more, and changes nobody can have missed."""
    now = utc_now()
    done = sa.func.ai.prune_answers(
        now - keep_for, now - cache.LIFETIME, now - 6 * cache.SLOWEST
    ).table_valued(
        sa.column("answers", sa.BigInteger),
        sa.column("cached", sa.BigInteger),
        sa.column("changes", sa.BigInteger),
    )
    (row,) = await database.worker_statement(sa.select(done))
    return {"answers": row.answers, "cached_answers": row.cached, "changes": row.changes}


async def sources_of(
    session: AsyncSession, organization_id: OrganizationId, answer_id: UUID
) -> list[RecordedSource]:
    """With their quotes, out of the versions they cite."""
    source, version = AnswerSource, DocumentVersion
    quote = sa.func.substr(
        version.content, source.char_start + 1, source.char_end - source.char_start
    )
    rows = await session.execute(
        sa.select(source, quote.label("quote"))
        .join(
            version,
            sa.and_(
                version.organization_id == source.organization_id,
                version.document_id == source.document_id,
                version.number == source.version_number,
            ),
        )
        .where(source.organization_id == organization_id, source.answer_id == answer_id)
        .order_by(source.position)
    )
    return [
        RecordedSource(
            document_id=row.document_id,
            version=row.version_number,
            chunk_id=row.chunk_id,
            title=row.title,
            page=row.page,
            heading=row.heading,
            quote=quoted,
            char_start=row.char_start,
            char_end=row.char_end,
            similarity=row.similarity,
        )
        for row, quoted in rows
    ]


async def _given(
    session: AsyncSession, organization_id: OrganizationId, answer_id: UUID
) -> Recorded | None:
    # The sources first: a deletion between the two statements has taken the answer's words by then.
    sources = await sources_of(session, organization_id, answer_id)
    row = await session.scalar(
        sa.select(Answer).where(Answer.organization_id == organization_id, Answer.id == answer_id)
    )
    if row is None or row.answer is None:
        return None
    return Recorded(
        id=row.id,
        answer=row.answer,
        sources=sources,
        abstained=row.abstained,
        confidence=row.confidence,
        model=row.model,
        prompt_version=row.prompt_version,
        tokens_used=row.tokens_used,
    )


def _rows(organization_id: OrganizationId, answer: Recorded) -> list[dict[str, object]]:
    return [
        {
            "organization_id": organization_id,
            "answer_id": answer.id,
            "position": position,
            "document_id": source.document_id,
            "version_number": source.version,
            "chunk_id": source.chunk_id,
            "title": source.title,
            "page": source.page,
            "heading": source.heading,
            "char_start": source.char_start,
            "char_end": source.char_end,
            "similarity": source.similarity,
        }
        for position, source in enumerate(answer.sources, start=1)
    ]
