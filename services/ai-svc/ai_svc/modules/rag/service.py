"""Answering. Transactions are short and closed before any model is called."""

from collections.abc import Sequence

import structlog

from ai_svc.modules.rag.answering import (
    NOT_FOUND,
    AnswerFailed,
    Asked,
    Citation,
    Draft,
)
from ai_svc.modules.rag.citations import Place, places_of
from ai_svc.modules.rag.dependencies import Answerers
from ai_svc.modules.rag.metrics import ANSWERS, FALLBACKS
from ai_svc.modules.rag.schemas import AnswerRead, SourceRead
from ai_svc.searching import embedded, searched
from ai_svc.workshop import Workshop
from knowledge.lexical.query import understand
from knowledge.search import Passage, SearchFilters, SearchQuery, search
from shared_schemas.ids import OrganizationId

log = structlog.get_logger(__name__)

EVIDENCE = 6
"""Passages an answer is made from."""


async def ask(
    workshop: Workshop,
    answerers: Answerers,
    organization_id: OrganizationId,
    question: str,
    filters: SearchFilters,
) -> AnswerRead:
    """An answer whose every quote was found in its document, or an honest "not found"."""
    asked, passages = await _evidence(workshop, organization_id, question, filters)
    searched("ask", passages)
    if not passages:
        return _abstained(answerers.first.name, tokens_used=0)
    draft = await _draft(answerers, asked, passages)
    answer = await _checked(workshop, organization_id, draft)
    log.info(
        "question_answered",
        question_length=len(question),
        passages=len(passages),
        sources=len(answer.sources),
        abstained=answer.abstained,
        model=answer.model,
        tokens_used=answer.tokens_used,
    )
    return answer


async def _evidence(
    workshop: Workshop, organization_id: OrganizationId, question: str, filters: SearchFilters
) -> tuple[Asked, list[Passage]]:
    embedding = await embedded(workshop.embedder, question)
    query = SearchQuery(question, EVIDENCE, workshop.settings.answers.threshold, filters)
    async with workshop.database.transaction(organization_id, read_only=True) as session:
        passages = await search(
            session, organization_id, query, statistics=workshop.statistics, embedding=embedding
        )
        meaning = understand(question, await workshop.statistics.read(session, organization_id))
    return Asked(question, meaning), passages


async def _draft(answerers: Answerers, asked: Asked, passages: Sequence[Passage]) -> Draft:
    try:
        return await answerers.first.answer(asked, passages)
    except AnswerFailed as error:
        log.warning("model_fell_back", model=answerers.first.name, reason=str(error))
        FALLBACKS.inc()
        return await answerers.last.answer(asked, passages)


async def _checked(workshop: Workshop, organization_id: OrganizationId, draft: Draft) -> AnswerRead:
    async with workshop.database.transaction(organization_id, read_only=True) as session:
        places = await places_of(session, organization_id, draft.citations)
    # One false quote spoils the text that leans on it: nothing half-supported leaves.
    if not places or None in places:
        return _abstained(draft.model, draft.tokens_used)
    ANSWERS.labels(draft.model, "answered").inc()
    return AnswerRead(
        answer=draft.text,
        sources=[
            _source(citation, place)
            for citation, place in zip(draft.citations, places, strict=True)
            if place is not None
        ],
        abstained=False,
        model=draft.model,
        tokens_used=draft.tokens_used,
    )


def _abstained(model: str, tokens_used: int) -> AnswerRead:
    ANSWERS.labels(model, "abstained").inc()
    return AnswerRead(
        answer=NOT_FOUND, sources=[], abstained=True, model=model, tokens_used=tokens_used
    )


def _source(citation: Citation, place: Place) -> SourceRead:
    passage = citation.passage
    return SourceRead(
        document_id=passage.document_id,
        title=passage.title,
        page=place.page,
        heading=place.heading,
        quote=citation.quote,
        char_start=citation.char_start,
        char_end=citation.char_end,
        similarity=passage.similarity,
    )
