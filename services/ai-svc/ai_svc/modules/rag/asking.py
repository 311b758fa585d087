"""One question on its way: looked up, searched for, verified, written down.

Each step has a transaction of its own; none is open while a model writes.
"""

import re
from dataclasses import asdict, dataclass
from typing import Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.answers import service as answers
from ai_svc.modules.answers.service import Recorded, RecordedSource, Seen
from ai_svc.modules.rag.abstention import Calibration
from ai_svc.modules.rag.answerers import Answerers
from ai_svc.modules.rag.answering import NOT_FOUND, Draft
from ai_svc.modules.rag.citations import Place, places_of
from ai_svc.modules.rag.evidence import Evidence, gather
from ai_svc.modules.rag.quotes import Citation
from ai_svc.searching import searched
from ai_svc.workshop import Workshop
from knowledge.access import Reader, access_key, reader_of
from knowledge.search import SearchFilters, SearchQuery
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

EVIDENCE: Final = 6
"""Passages an answer is made from."""
_MARK: Final = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class Found:
    """What was found, by whom it may be read, and as of when."""

    evidence: Evidence
    confidence: float
    answerable: bool
    scope: str
    seen: Seen


@dataclass(frozen=True, slots=True)
class Asking:
    """A question of an actor."""

    workshop: Workshop
    answerers: Answerers
    calibration: Calibration
    actor: Actor
    question: str
    filters: SearchFilters

    @property
    def client_id(self) -> UUID | None:
        """Whom it is about."""
        return self.filters.client_id

    async def recalled(self) -> Recorded | None:
        """The answer given before, if nothing has changed since."""
        try:
            async with self.workshop.database.transaction(self.actor.organization_id) as session:
                scope = self._scope(await reader_of(session, self.actor))
                return await answers.recall(
                    session, self.actor, self.question, scope, self.client_id
                )
        except IntegrityError:
            return None  # a document it quotes was deleted this very moment

    async def find(self) -> Found:
        """Passages and how well they speak for an answer."""
        organization_id = self.actor.organization_id
        async with self.workshop.database.transaction(organization_id, read_only=True) as session:
            seen = await answers.seen(session, organization_id, self.client_id)
        # After the snapshot was taken: what is found is this old or younger.
        looked = await self.workshop.searcher.find(
            self.actor, SearchQuery(self.question, EVIDENCE, 0.0, self.filters)
        )
        passages, meaning, reader = looked.passages, looked.question, looked.reader
        searched("ask", passages)
        evidence = await gather(self.question, meaning, passages)
        confidence = self.calibration.confidence(evidence.signals)
        answerable = confidence >= self.threshold
        return Found(evidence, confidence, answerable, self._scope(reader), seen)

    async def verified(self, found: Found, draft: Draft) -> Recorded | None:
        """The draft as it leaves, written down; None when a quote of it is not true (any more)."""
        try:
            async with self.workshop.database.transaction(self.actor.organization_id) as session:
                return await self._settle(session, found, draft)
        except IntegrityError:
            return None  # a document it quotes was deleted this very moment

    @property
    def threshold(self) -> float:
        """The least confidence of an answer."""
        given = self.workshop.settings.answers.threshold
        return self.calibration.threshold if given is None else given

    async def _settle(self, session: AsyncSession, found: Found, draft: Draft) -> Recorded | None:
        reader = await reader_of(session, self.actor)
        places = await places_of(session, reader, draft.citations, client_id=self.client_id)
        sources = [
            _source(citation, place)
            for citation, place in zip(draft.citations, places, strict=True)
            if place is not None
        ]
        if len(sources) < len(draft.citations):
            return None
        answer = Recorded(
            id=new_id(),
            answer=draft.text if sources else NOT_FOUND,
            sources=sources,
            abstained=not sources,
            confidence=found.confidence,
            model=draft.model,
            prompt_version=draft.prompt_version,
            tokens_used=draft.tokens_used,
        )
        await answers.record(session, self.actor, self.question, answer, self.client_id)
        # What another model said while the best one was down is not what will be said then.
        if draft.model == self.answerers.first.name:
            await answers.keep(session, self.actor, self.question, found.scope, answer, found.seen)
        return answer

    def _scope(self, reader: Reader) -> str:
        searcher = self.workshop.searcher
        reranker = searcher.reranker.name if searcher.reranker else None
        return answers.scope_of(
            access=access_key(reader, self.client_id),
            filters=asdict(self.filters),
            model=self.answerers.first.version,
            calibration=self.calibration.version,
            threshold=self.threshold,
            embedder=self.workshop.embedder.model,
            searching=(searcher.weight, searcher.fusion, searcher.rerank_depth, reranker),
        )


def _source(citation: Citation, place: Place) -> RecordedSource:
    passage = citation.passage
    return RecordedSource(
        document_id=passage.document_id,
        version=passage.version,
        chunk_id=passage.chunk_id,
        title=passage.title,
        page=place.page,
        heading=place.heading,
        quote=citation.quote,
        char_start=citation.char_start,
        char_end=citation.char_end,
        similarity=passage.similarity,
    )
