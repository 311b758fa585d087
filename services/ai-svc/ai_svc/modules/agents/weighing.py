"""Whether what a search found answers the question: the signals and the threshold of `rag`."""

from dataclasses import dataclass

from ai_svc.modules.rag.abstention import learned
from ai_svc.modules.rag.evidence import Evidence, gather
from ai_svc.workshop import Workshop
from knowledge.search import Found


@dataclass(frozen=True, slots=True)
class Weighed:
    """What speaks for an answer, and whether it is enough."""

    evidence: Evidence
    confidence: float
    answerable: bool


async def weighed(workshop: Workshop, question: str, found: Found) -> Weighed:
    """As `/rag/ask` would judge it."""
    evidence = await gather(question, found.question, found.passages)
    calibration = learned()
    given = workshop.settings.answers.threshold
    threshold = calibration.threshold if given is None else given
    confidence = calibration.confidence(evidence.signals)
    return Weighed(evidence, confidence, confidence >= threshold)
