"""Which category a ticket is about, and who takes care of it: by names, and by what people did.

A category is the words of its name and of the earlier tickets people put there; a ticket belongs
to the one it is most alike. How sure that is depends on how alike, and on how far behind the
second one is. Nothing is learned that is not asked for with the ticket: no state, no training.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from ai_svc.modules.triage.words import (
    Rarity,
    Weights,
    likeness,
    said,
    stems_of,
    words_by_stem,
)
from shared_schemas.triage import Choice, Routed, SortedTicket, TicketToTriage

_NEIGHBOURS: Final = 5
_LIKE_NAME: Final = 1.0
_LIKE_OTHERS: Final = 1.0
_LEAST: Final = 0.08
"""Of likeness, below which nothing is said."""
_ENOUGH: Final = 0.3
"""Of likeness, from which on only the second one matters."""
_FEW: Final = 2
_TEAM_SHARE: Final = 0.6


@dataclass(frozen=True, slots=True)
class Pick:
    """One of the choices, how sure, and what weighed."""

    id: UUID
    name: str
    confidence: float
    criteria: tuple[str, ...]
    words: tuple[str, ...] = ()


@dataclass(slots=True)
class _Candidate:
    choice: Choice
    name: Weights
    by_name: float = 0.0
    likest: list[float] = field(default_factory=list)

    @property
    def by_others(self) -> float:
        """The nearest count most: one ticket that says the same says a lot."""
        nearest = sorted(self.likest, reverse=True)[:_NEIGHBOURS]
        return sum(each / (place + 1) for place, each in enumerate(nearest)) / 1.5

    @property
    def score(self) -> float:
        return _LIKE_NAME * self.by_name + _LIKE_OTHERS * self.by_others


def category_of(given: TicketToTriage, history: Sequence[SortedTicket]) -> Pick | None:
    """The category; None when no one is like enough. `history`: what of it may be read."""
    if given.ticket is None or not given.categories:
        return None
    text = said(f"{given.ticket.subject}\n{given.ticket.subject}\n{given.ticket.description}")
    ticket = stems_of(text)
    earlier = [(each.category_id, stems_of(each.text)) for each in history]
    names = {each.id: stems_of(each.name) for each in given.categories}
    rarity = Rarity.among([*names.values(), *(stems for _, stems in earlier)])
    mine = rarity.weigh(ticket)
    candidates = {
        each.id: _Candidate(each, rarity.weigh(names[each.id])) for each in given.categories
    }
    for candidate in candidates.values():
        candidate.by_name = _named(mine, candidate.name)
    for category_id, stems in earlier:
        if category_id in candidates:
            candidates[category_id].likest.append(likeness(mine, rarity.weigh(stems)))
    return _best(list(candidates.values()), text)


def team_of(given: TicketToTriage, category: Pick | None, routed: Sequence[Routed]) -> Pick | None:
    """Who takes care of such tickets: the team most of the category went to, else the one whose
    name says so."""
    if given.ticket is None:
        return None
    names = {each.id: each.name for each in given.teams}
    if category is not None:
        went = Counter({r.team_id: r.tickets for r in routed if r.category_id == category.id})
        if (all_of_them := sum(went.values())) >= _FEW:
            team_id, number = went.most_common(1)[0]
            share = number / all_of_them
            if share >= _TEAM_SHARE and team_id in names:
                sure = category.confidence * share
                return Pick(team_id, names[team_id], sure, ("category-teams",))
    text = said(f"{given.ticket.subject}\n{given.ticket.description}")
    above = category.name if category is not None else ""
    return _by_name(given.teams, f"{text}\n{above}\n{above}")


def _by_name(teams: Sequence[Choice], text: str) -> Pick | None:
    stems = {each.id: stems_of(each.name) for each in teams}
    rarity = Rarity.among(stems.values())
    mine = rarity.weigh(stems_of(text))
    found = sorted(
        ((_named(mine, rarity.weigh(stems[each.id])), each) for each in teams),
        key=lambda pair: -pair[0],
    )
    if not found or found[0][0] < _ENOUGH:
        return None
    second = found[1][0] if len(found) > 1 else 0.0
    if second >= found[0][0]:
        return None
    best = found[0][1]
    return Pick(best.id, best.name, min(0.6, found[0][0] - second), ("team-words",))


def _named(mine: Weights, name: Weights) -> float:
    """How much of a name, by weight, the text has."""
    whole = sum(weight * weight for weight in name.values())
    met = sum(weight * weight for stem, weight in name.items() if stem in mine)
    return met / whole if whole else 0.0


def _best(candidates: list[_Candidate], text: str) -> Pick | None:
    candidates.sort(key=lambda each: -each.score)
    best = candidates[0]
    if best.score < _LEAST:
        return None
    second = candidates[1].score if len(candidates) > 1 else 0.0
    lead = best.score / (best.score + second)
    confidence = min(0.97, lead * min(1.0, best.score / _ENOUGH))
    criteria = []
    if best.by_name:
        criteria.append("category-words")
    if best.likest and best.by_others >= _LEAST:
        criteria.append("earlier-tickets")
    return Pick(
        best.choice.id,
        best.choice.name,
        confidence,
        tuple(criteria),
        _shared(text, best.name),
    )


def _shared(text: str, name: Weights) -> tuple[str, ...]:
    """Words of the ticket that the name has, as the ticket writes them."""
    found = words_by_stem(text)
    return tuple(word for stem, word in found.items() if stem in name)[:4]
