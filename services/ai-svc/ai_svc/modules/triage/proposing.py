"""From a ticket to a proposal: by words first, then, where the organization has one and the data
may go there, by a language model."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from ai_svc.modules.triage.drafting import Draft
from ai_svc.modules.triage.duplicates import duplicates_of
from ai_svc.modules.triage.sorting import Pick, category_of, team_of
from ai_svc.modules.triage.urgency import Urgency, urgency_of
from ai_svc.modules.triage.words import said
from shared_schemas.ids import OrganizationId
from shared_schemas.triage import (
    Priority,
    SortedTicket,
    TicketToTriage,
    TriageDuplicate,
    TriageProposal,
)

BUILT_IN: Final = "builtin-triage-1"
_PRIORITIES: Final[dict[Priority, str]] = {
    "low": "baixa",
    "normal": "normal",
    "high": "alta",
    "urgent": "urgente",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is proposed, and by whom; texts beside ids."""

    category: Pick | None
    urgency: Urgency
    team: Pick | None
    duplicates: tuple[TriageDuplicate, ...]
    draft: Draft | None = None
    reasons: tuple[str, ...] = ()
    criteria: tuple[str, ...] = ()
    model: str = BUILT_IN
    prompt_version: str | None = None


async def judged(given: TicketToTriage, history: Sequence[SortedTicket]) -> Judgement:
    """By words alone. `history`: earlier tickets whose clients' data may be used."""
    return await asyncio.to_thread(_judged, given, history)


def _judged(given: TicketToTriage, history: Sequence[SortedTicket]) -> Judgement:
    ticket = given.ticket
    if ticket is None:
        raise ValueError("there is no ticket to judge")
    category = category_of(given, history)
    urgency = urgency_of(said(f"{ticket.subject}\n{ticket.description}"))
    judgement = Judgement(
        category=category,
        urgency=urgency,
        team=team_of(given, category, given.routed),
        duplicates=tuple(duplicates_of(ticket, given.recent)),
    )
    return replace(judgement, reasons=_reasons(judgement), criteria=_criteria(judgement))


def proposal_of(
    organization_id: OrganizationId, decision_id: UUID, given: TicketToTriage, judged: Judgement
) -> TriageProposal:
    """As core-api takes it."""
    if given.ticket is None:
        raise ValueError("there is no ticket to propose for")
    draft, criteria = judged.draft, judged.criteria
    if draft is not None:
        criteria = (*criteria, "documents")
    return TriageProposal(
        organization_id=organization_id,
        decision_id=decision_id,
        ticket_id=given.ticket.id,
        inputs=_inputs(given),
        criteria=tuple(dict.fromkeys(criteria)),
        model=judged.model,
        prompt_version=judged.prompt_version,
        category_id=None if judged.category is None else judged.category.id,
        category_confidence=None if judged.category is None else _share(judged.category.confidence),
        priority=judged.urgency.priority,
        priority_confidence=_share(judged.urgency.confidence),
        team_id=None if judged.team is None else judged.team.id,
        team_confidence=None if judged.team is None else _share(judged.team.confidence),
        draft=None if draft is None else draft.text,
        citations=() if draft is None else draft.citations,
        duplicates=judged.duplicates,
        reasons=judged.reasons,
    )


def _inputs(given: TicketToTriage) -> tuple[str, ...]:
    """What was read: also what is not the ticket's own."""
    history = ("history",) if given.history or given.recent else ()
    return ("subject", "description", *history)


def _criteria(judged: Judgement) -> tuple[str, ...]:
    found = [
        *(judged.category.criteria if judged.category else ()),
        *(judged.team.criteria if judged.team else ()),
    ]
    if judged.urgency.words:
        found.append("calm-words" if judged.urgency.priority == "low" else "urgency-words")
    if judged.duplicates:
        found.append("client-tickets")
    return tuple(dict.fromkeys(found))


def _reasons(judged: Judgement) -> tuple[str, ...]:
    """For people who decide."""
    reasons = []
    if judged.category is not None:
        reasons.append(_why(f"Categoria “{judged.category.name}”", judged.category))
    if judged.urgency.words:
        name = _PRIORITIES[judged.urgency.priority]
        reasons.append(f"Prioridade {name}: {_listed(judged.urgency.words)}.")
    if judged.team is not None:
        reasons.append(_why(f"Equipe “{judged.team.name}”", judged.team))
    if judged.duplicates:
        numbers = ", ".join(f"nº {each.number}" for each in judged.duplicates)
        reasons.append(f"Parecido com outros chamados da mesma pessoa: {numbers}.")
    return tuple(reasons)


def _why(what: str, pick: Pick) -> str:
    because = []
    if pick.words:
        because.append(f"o chamado fala em {_listed(pick.words)}")
    if "earlier-tickets" in pick.criteria:
        because.append("chamados anteriores parecidos ficaram nela")
    if "category-teams" in pick.criteria:
        because.append("costuma atender esta categoria")
    if "team-words" in pick.criteria and not pick.words:
        because.append("o nome combina com o assunto")
    return f"{what}: {'; '.join(because)}." if because else f"{what}."


def _listed(words: Sequence[str]) -> str:
    return ", ".join(f"“{word}”" for word in words)


def _share(confidence: float) -> float:
    return round(min(1.0, max(0.0, confidence)), 3)
