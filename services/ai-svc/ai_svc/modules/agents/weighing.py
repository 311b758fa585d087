"""Whether what a search found answers the question: the signals and the threshold of `rag`."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from ai_svc.modules.rag.abstention import learned
from ai_svc.modules.rag.evidence import Evidence, weigh
from ai_svc.workshop import Workshop
from knowledge.lexical.frequencies import find_frequencies
from knowledge.lexical.query import Question, understand, unknown_stems
from knowledge.search import Passage
from shared_schemas.actor import Actor


@dataclass(frozen=True, slots=True)
class Weighed:
    """What speaks for an answer, and whether it is enough."""

    evidence: Evidence
    confidence: float
    answerable: bool


async def weighed(
    workshop: Workshop, actor: Actor, question: str, passages: Sequence[Passage]
) -> Weighed:
    """`passages` are those of one search for the question, best first."""
    meaning = await _understood(workshop, actor, question)
    evidence = await asyncio.to_thread(weigh, question, meaning, passages)
    calibration = learned()
    given = workshop.settings.answers.threshold
    threshold = calibration.threshold if given is None else given
    confidence = calibration.confidence(evidence.signals)
    return Weighed(evidence, confidence, confidence >= threshold)


async def _understood(workshop: Workshop, actor: Actor, question: str) -> Question:
    """As the search itself has understood it."""
    tenant = actor.organization_id
    async with workshop.database.transaction(tenant, read_only=True) as session:
        statistics = known = await workshop.statistics.read(session, tenant)
        unknown = unknown_stems(question, statistics)
        if unknown and statistics.chunk_count:
            known = statistics.knowing(await find_frequencies(session, unknown))
    return understand(question, known)
