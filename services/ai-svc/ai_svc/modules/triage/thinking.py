"""Triage by a language model: it chooses by number from what there is; what it writes is checked.

A model is one more opinion, and reads words of somebody who may want to talk it into something.
Where it disagrees with the words, or they are silent, it is not believed enough to act on.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final
from uuid import UUID

import structlog
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import UsageLimits

from ai_svc.marking import cleaned, marked
from ai_svc.modules.prompts.service import Prompt, prompt_for
from ai_svc.modules.providers.service import Brain, Call, Use
from ai_svc.modules.rag.evidence import Evidence
from ai_svc.modules.rag.quotes import Citation, locate
from ai_svc.modules.triage.drafting import Draft, passages_of, verified
from ai_svc.modules.triage.proposing import Judgement
from ai_svc.modules.triage.sorting import Pick
from ai_svc.modules.triage.urgency import Urgency
from ai_svc.workshop import Workshop
from knowledge.search import Passage
from shared_schemas.actor import Actor
from shared_schemas.triage import Choice, Priority, TicketText, TicketToTriage

_log = structlog.get_logger(__name__)

PROMPT: Final = "triage_ticket"
_SECONDS: Final = 45.0
_REQUESTS: Final = 2
_PASSAGES: Final = 6
_MOST: Final = 0.97
_ALONE: Final = 0.75
"""As sure as a model can make us where the words say nothing."""
_AGAINST: Final = 0.5
"""… and where they say something else."""
_MARK: Final = re.compile(r"\[(\d{1,2})\]")
_ADDRESS: Final = re.compile(r"(?:https?://|www\.)\S+|(?<!\S)\S+@\S+\.\S+", re.IGNORECASE)
_FIGURE: Final = re.compile(r"\d+(?:[.,:/]\d+)*")

Sure = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Quoted(_Strict):
    """A passage by its number, and what is copied from it."""

    passage: int
    quote: Annotated[str, StringConstraints(max_length=1_000)]


class Said(_Strict):
    """What the model is to say; anything else is no answer."""

    category: int | None = Field(description="Número da lista de categorias, ou null")
    category_confidence: Sure
    priority: Priority
    priority_confidence: Sure
    team: int | None = Field(description="Número da lista de equipes, ou null")
    team_confidence: Sure
    reply: Annotated[str, StringConstraints(max_length=4_000)] | None
    citations: Annotated[list[Quoted], Field(max_length=10)] = []
    reasons: Annotated[
        list[Annotated[str, StringConstraints(max_length=300)]], Field(max_length=4)
    ] = []


@dataclass(frozen=True, slots=True)
class Thought:
    """What thinking takes."""

    workshop: Workshop
    brain: Brain
    actor: Actor
    decision_id: UUID


@dataclass(frozen=True, slots=True)
class _Carried:
    client_ids: tuple[UUID, ...]
    document_ids: tuple[UUID, ...]


class NobodyElse(Exception):
    """No model outside may or can be asked: words alone decide."""


async def think(
    thought: Thought,
    given: TicketToTriage,
    ticket: TicketText,
    by_words: Judgement,
    evidence: Sequence[Evidence],
) -> Judgement | None:
    """The model's judgement, tempered by the words'; None where there is none to be had."""
    tenant = thought.actor.organization_id
    if not await thought.brain.has_provider(tenant):
        return None
    prompt = await prompt_for(thought.workshop.database, tenant, PROMPT)
    passages = passages_of(evidence)[:_PASSAGES]
    try:
        said, model = await _asked(thought, prompt, given, ticket, passages)
    except Exception as error:  # noqa: BLE001 - whatever it was, the words still have their say
        _log.info("triage_by_words", reason=type(error).__name__)
        return None
    judgement = _tempered(given, by_words, said)
    return replace(
        judgement,
        draft=await _draft(thought, ticket, said, passages),
        model=model,
        prompt_version=prompt.label,
    )


async def _asked(
    thought: Thought,
    prompt: Prompt,
    given: TicketToTriage,
    ticket: TicketText,
    passages: Sequence[Passage],
) -> tuple[Said, str]:
    rendered = prompt.render(
        ticket=marked("chamado", f"{ticket.subject}\n\n{ticket.description}"),
        categories=_numbered(given.categories),
        teams=_numbered(given.teams),
        passages="\n\n".join(
            marked("trecho", f"{passage.title}\n{passage.content}", number)
            for number, passage in enumerate(passages, start=1)
        )
        or "(nenhum)",
    )
    call = Call(
        organization_id=thought.actor.organization_id,
        user_id=None,
        request_id=thought.actor.request_id,
        use=Use.TRIAGE,
        carried=_Carried((ticket.client_id,), tuple({passage.document_id for passage in passages})),
        run_id=thought.decision_id,
    )
    model = await thought.brain.model(call, FunctionModel(_nobody_else))
    agent = Agent(model, output_type=Said, instructions=rendered.system, retries=1)
    settings = ModelSettings(request_timeout=_SECONDS)
    if prompt.hints.max_output_tokens is not None:
        settings["max_tokens"] = prompt.hints.max_output_tokens
    limits = UsageLimits(request_limit=_REQUESTS)
    result = await agent.run(rendered.user, model_settings=settings, usage_limits=limits)
    return result.output, model.answered[-1].model


def _nobody_else(_messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
    raise NobodyElse


def _numbered(choices: Sequence[Choice]) -> str:
    lines = [f"{number}. {each.name}" for number, each in enumerate(choices, start=1)]
    return marked("lista", "\n".join(lines)) if lines else "(nenhuma)"


def _tempered(given: TicketToTriage, words: Judgement, said: Said) -> Judgement:
    """The model's choice, as sure as both together make it."""
    return Judgement(
        category=_pick(given.categories, said.category, said.category_confidence, words.category),
        urgency=_urgency(said, words.urgency),
        team=_pick(given.teams, said.team, said.team_confidence, words.team),
        duplicates=words.duplicates,
        reasons=tuple(_line(reason) for reason in said.reasons if _line(reason)),
        criteria=(*words.criteria, "language-model"),
    )


def _pick(
    choices: Sequence[Choice], number: int | None, sure: float, words: Pick | None
) -> Pick | None:
    """A number that is on no list is nothing; then the words decide."""
    if number is None or not 1 <= number <= len(choices):
        return words
    choice = choices[number - 1]
    if words is None:
        return Pick(choice.id, choice.name, min(sure, _ALONE), ("language-model",))
    if words.id == choice.id:
        return replace(words, confidence=min(_MOST, max(sure, words.confidence)))
    return Pick(choice.id, choice.name, min(sure, _AGAINST), ("language-model",))


def _urgency(said: Said, words: Urgency) -> Urgency:
    if said.priority == words.priority:
        sure = max(said.priority_confidence, words.confidence)
        return words._replace(confidence=min(_MOST, sure))
    most = _AGAINST if words.words else _ALONE
    return Urgency(said.priority, min(said.priority_confidence, most), ())


async def _draft(
    thought: Thought, ticket: TicketText, said: Said, passages: Sequence[Passage]
) -> Draft | None:
    """The reply, when all of it is borne out: each quote, each figure and each address."""
    if said.reply is None:
        return None
    text = cleaned(said.reply).strip()
    citations = [found for each in said.citations if (found := _located(each, passages))]
    marks = {int(number) for number in _MARK.findall(text)}
    if len(citations) < len(said.citations) or not marks:
        return None
    if not marks <= set(range(1, len(citations) + 1)):
        return None
    told = "\n".join(citation.quote for citation in citations)
    if not _borne_out(text, told, f"{ticket.subject}\n{ticket.description}"):
        _log.warning("triage_draft_not_borne_out", length=len(text))
        return None
    return await verified(thought.workshop, thought.actor, text, citations)


def _located(each: Quoted, passages: Sequence[Passage]) -> Citation | None:
    if not 1 <= each.passage <= len(passages):
        return None
    passage = passages[each.passage - 1]
    span = locate(each.quote, passage.content)
    if span is None:
        return None
    return Citation(passage, passage.char_start + span[0], passage.char_start + span[1])


def _borne_out(text: str, quotes: str, ticket: str) -> bool:
    """Addresses only out of quotes: a ticket's own would send somebody there in our name."""
    if any(address.strip(".,;)") not in quotes for address in _ADDRESS.findall(text)):
        return False
    figures = set(_FIGURE.findall(_MARK.sub("", text)))
    return figures <= {*_FIGURE.findall(quotes), *_FIGURE.findall(ticket)}


def _line(reason: str) -> str:
    return " ".join(_ADDRESS.sub("…", cleaned(reason)).split())
