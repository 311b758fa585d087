"""Data protection: consents looked up, rights explained, requests of data subjects proposed."""

import re
from typing import Final

from ai_svc.modules.agents import phrases
from ai_svc.modules.agents.builtin import rights
from ai_svc.modules.agents.builtin.documents import from_documents, small_talk
from ai_svc.modules.agents.builtin.people import who
from ai_svc.modules.agents.builtin.recognising import person_named, refers_back
from ai_svc.modules.agents.builtin.task import Sight, Step, Use
from ai_svc.modules.agents.builtin.telling import decision_line, listed, refused
from ai_svc.modules.agents.marks import NOTHING
from knowledge.lexical import fold

CONSENT: Final = "check_consent"
REQUEST: Final = "open_privacy_request"
_ASKS_CONSENT: Final = re.compile(
    r"consent|autoriz|aceit|permiss|permit|liber\w+ (?:a gente|o uso|para)|podemos (?:ligar|usar)"
)
_OPENS: Final = re.compile(
    r"\b(?:abr(?:a|ir|e)|registr\w+|cri(?:e|ar)|solicit\w+|requer\w*|requisi\w+|pedido"
    r"|pedi(?:u|ram)|ped(?:e|ir)|quer(?:o|em|emos)?|exij\w+|bloquei\w*|corrij\w+|apag\w+|exclu\w+"
    r"|elimin\w+|anonimiz\w+)\b"
)
_QUESTION: Final = re.compile(r"^\W*(?:como|qual|quais|quando|o que|posso|existe|em quant|por que)")


def privacy_step(sight: Sight) -> Step:
    """What the agent for data protection does next."""
    task = sight.task
    if (talk := small_talk(task.question)) is not None:
        return talk
    said = fold(task.question)
    about_somebody = (
        task.client_id is not None
        or person_named(task.question) is not None
        or (task.before != "" and refers_back(task.question))
    )
    asks = _QUESTION.search(said) is not None
    kind = rights.kind_of(task.question)
    if about_somebody and kind is not None and not asks and _OPENS.search(said):
        return _request(sight, kind)
    if about_somebody and _ASKS_CONSENT.search(said):
        return _consent(sight)
    if about_somebody and kind is None and not asks and _OPENS.search(said):
        return rights.explanation("direitos do titular") or NOTHING
    return _explained(sight)


def _request(sight: Sight, kind: str) -> Step:
    done = sight.result(REQUEST)
    if done is not None:
        if not done.ok:
            return refused(done)
        return f"{phrases.PROPOSED} {rights.FREE}"
    if REQUEST not in sight.tools:
        return f"{rights.EXPLAINED[kind]} {phrases.FORBIDDEN}"
    found = who(sight, guess=False)
    if found.client_id is None:
        return found.step or phrases.WHICH_CLIENT
    wanted = {"client_id": str(found.client_id), "type": kind}
    return Use(REQUEST, {**wanted, "description": sight.task.question.strip()[:2000]})


def _consent(sight: Sight) -> Step:
    result = sight.result(CONSENT)
    if result is None:
        if CONSENT not in sight.tools:
            return phrases.FORBIDDEN
        found = who(sight, guess=False)
        if found.client_id is None:
            return found.step or phrases.WHICH_CLIENT
        return Use(CONSENT, {"client_id": str(found.client_id)})
    if not result.ok:
        return refused(result)
    if not result.data:
        return phrases.NO_DECISIONS
    return listed(phrases.DECISIONS, [decision_line(each) for each in result.data])


def _explained(sight: Sight) -> Step:
    """By the organization's own documents; else by what the law says."""
    step = from_documents(sight)
    if step == NOTHING:
        return rights.explanation(sight.task.question) or NOTHING
    return step
