"""Questions for the documents: searched, answered in their own words, or honestly not."""

import re
from typing import Final

from ai_svc.modules.agents import phrases
from ai_svc.modules.agents.builtin.recognising import content_words
from ai_svc.modules.agents.builtin.task import Sight, Step, Task, Use
from ai_svc.modules.agents.builtin.telling import marked, quoted, refused
from ai_svc.modules.agents.events import AgentName
from ai_svc.modules.agents.marks import NOTHING
from ai_svc.modules.memory.service import noted
from ai_svc.questions import MAX_QUESTION
from knowledge.lexical import fold

SEARCH: Final = "search_knowledge"
_HELLO: Final = re.compile(
    r"(?:oi+|ola|opa|bom dia|boa tarde|boa noite|e ai|tudo (?:bem|bom)|como vai|alo|hello|hi)"
    r"(?:[\s,!.?]+(?:tudo (?:bem|bom)|bom dia|boa tarde|boa noite|como vai(?: voce)?|pessoal|gente"
    r"|assistente))*[\s!.?]*"
)
_THANKS: Final = re.compile(
    r"(?:muito )?(?:obrigad[oa]|brigad[oa]|valeu|vlw|agradeco|grat[oa])(?: pel[ao] .{1,30}| mesmo"
    r"| demais)?[\s!.]*"
)
_ABILITIES: Final = re.compile(
    r"(?:o que|que) (?:voce|vc) (?:sabe|pode|consegue|faz)\b.{0,20}|ajuda|quem e voce[?]?"
    r"|como (?:voce|vc) (?:funciona|pode (?:me )?ajudar).{0,10}"
)
_SUM: Final = re.compile(
    r"(?:quanto (?:e|da|sao)|calcule|calcula|some|conta)?[\s:]*"
    r"([-+(]?[\d(][\d\s.,+\-*/×÷()^%]*[\d)])[\s?=]*"
)
_OPERATOR: Final = re.compile(r"[+*/×÷^]|\d\s*-\s*\d")
_TODAY: Final = re.compile(
    r"que (?:dia|data|horas?) (?:e|sao) (?:hoje|agora|isso)?.{0,6}|(?:data|dia|hora) de hoje[?]?"
    r"|que horas sao[?]?"
)
_FOLLOWS: Final = re.compile(r"(?:e|mas|ent[ãa]o|tamb[ée]m)\b", re.IGNORECASE)
_FEW: Final = 3


def small_talk(question: str) -> str | None:
    """The answer to what asks for nothing."""
    said = fold(question).strip()
    if _HELLO.fullmatch(said) or _ABILITIES.fullmatch(said.rstrip("?!. ")):
        return phrases.HELLO
    return phrases.WELCOME if _THANKS.fullmatch(said) else None


def searched_for(task: Task) -> str:
    """What to look for: a follow-up ("e para idosos?") means little without what was asked."""
    question = task.question.strip()
    short = content_words(question) < _FEW
    if task.before and (short or _FOLLOWS.match(question)):
        question = f"{task.before.strip()} {question}"
    return question[-MAX_QUESTION:]


def arithmetic(sight: Sight) -> Step | None:
    """A sum, or the date: by the tool that knows."""
    said = fold(sight.task.question).strip()
    found = _SUM.fullmatch(said)
    if found and _OPERATOR.search(found.group(1)) and "calculate" in sight.tools:
        result = sight.result("calculate")
        if result is None:
            return Use("calculate", {"expression": found.group(1)})
        return marked(result.told, "D") if result.ok else refused(result)
    if _TODAY.fullmatch(said) and "current_date" in sight.tools:
        result = sight.result("current_date")
        return Use("current_date", {}) if result is None else marked(result.told, "D")
    return None


def from_documents(sight: Sight) -> Step:
    """The answer by quotes, after a search; or that there is none."""
    result = sight.result(SEARCH)
    if result is None:
        if SEARCH not in sight.tools:
            return NOTHING
        return Use(SEARCH, {"query": searched_for(sight.task)})
    if sight.weighed is None or not sight.weighed.answerable:
        return NOTHING
    return quoted(sight.weighed, result.passages) or NOTHING


def knowledge_step(sight: Sight) -> Step:
    """What the agent for documents does next."""
    talk = small_talk(sight.task.question)
    if talk is not None:
        return talk
    return arithmetic(sight) or from_documents(sight)


def asks_to_remember(task: Task) -> bool:
    """Whether that is all it asks: the memory keeps it by itself, once the message is answered."""
    question = task.question.strip()
    return task.is_remembered and "\n" not in question and noted(question) is not None


def needs_nobody(task: Task) -> bool:
    """A greeting, a sum, the date, something to remember: no search and no model is needed."""
    if asks_to_remember(task):
        return True
    if task.agent not in (AgentName.KNOWLEDGE, AgentName.PRIVACY):
        return False
    if small_talk(task.question) is not None:
        return True
    tools = frozenset({"calculate", "current_date"})
    sight = Sight(task, (), None, tools)
    return task.agent is AgentName.KNOWLEDGE and arithmetic(sight) is not None
