"""Answering: by a model the organization asks, else by the built-in one, else not at all."""

from dataclasses import replace

import structlog

from ai_svc.modules.answers.service import Recorded
from ai_svc.modules.rag.answering import KEPT_HERE, AnswerFailed, Draft, MustStayHere
from ai_svc.modules.rag.asking import Asking, Found
from ai_svc.modules.rag.metrics import ANSWERS, FALLBACKS, KEPT

log = structlog.get_logger(__name__)


async def ask(asking: Asking) -> Recorded:
    """An answer whose every quote was found in its version, or an honest "not found"."""
    answer = await asking.recalled()
    if answer is None:
        found = await asking.find()
        answer = await settled(asking, found, await _draft(asking, found))
    tell(asking, answer)
    return answer


async def settled(asking: Asking, found: Found, draft: Draft) -> Recorded:
    """The draft, verified and written down; else the built-in model's over what is there now.

    One false quote spoils the text that leans on it: nothing half-supported leaves.
    """
    answer = await asking.verified(found, draft)
    if answer is None:
        log.warning("answer_not_borne_out", model=draft.model)
        found = await asking.find()
        answer = await asking.verified(found, await built_in(asking, found))
    if answer is None:
        answer = await asking.verified(found, nothing(asking.answerers.last.name))
    if answer is None:
        raise RuntimeError("an answer that quotes nothing cannot be untrue")
    return answer


async def built_in(asking: Asking, found: Found) -> Draft:
    """By the model that is always there."""
    model = asking.answerers.last
    return await model.answer(found.evidence) if found.answerable else nothing(model.name)


def nothing(model: str) -> Draft:
    """No answer."""
    return Draft("", (), model)


async def instead(asking: Asking, found: Found, failure: AnswerFailed) -> Draft:
    """By the built-in model, which says so where the evidence may not leave."""
    draft = await built_in(asking, found)
    if isinstance(failure, MustStayHere):
        log.info("evidence_kept_here", model=asking.answerers.first.name)
        KEPT.inc()
        return replace(draft, text=f"{draft.text}\n\n{KEPT_HERE}") if draft.citations else draft
    log.warning("model_fell_back", model=asking.answerers.first.name, reason=str(failure))
    FALLBACKS.inc()
    return draft


def tell(asking: Asking, answer: Recorded) -> None:
    """Counts and logs an answer, without a word of it."""
    ANSWERS.labels(answer.model, "abstained" if answer.abstained else "answered").inc()
    log.info(
        "question_answered",
        question_length=len(asking.question),
        sources=len(answer.sources),
        abstained=answer.abstained,
        confidence=round(answer.confidence, 2),
        cached=answer.cached,
        model=answer.model,
        tokens_used=answer.tokens_used,
    )


async def _draft(asking: Asking, found: Found) -> Draft:
    first = asking.answerers.first
    if not found.answerable:
        return nothing(first.name)
    try:
        return await first.answer(found.evidence)
    except AnswerFailed as failure:
        return await instead(asking, found, failure)
