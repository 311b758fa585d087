"""Which category a ticket is about, and who takes care of it: by names, and by what people did.

A category is the words of its name and of the earlier tickets people put there; a ticket belongs
to the one it is most like. How sure that is depends on how alike, and on how far behind the
second one is. Nothing is learned that is not asked for with the ticket: no state, no training.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from ai_svc.modules.triage.words import (
    Rarity,
    Weights,
    likeness,
    said,
    stems_of,
    unit,
    words_by_stem,
)
from shared_schemas.triage import Choice, Routed, SortedTicket, TicketToTriage

_NAME: Final = 0.6
"""How much a name counts beside the tickets people put there, all of them together counting 1. On
the `dev` half of evals/sets/triagem_pt .3 to 2 are alike; the nearest tickets alone are worse."""
_MOST: Final = 0.97
_LEAST: Final = 0.04
"""Of likeness, below which nothing is said: there wrong ones are as many as right ones."""
_ENOUGH: Final = 0.18
"""Of likeness, from which on only the second one matters."""
_LIKE: Final = 0.08
"""Of likeness, from which on an earlier ticket is said to have weighed."""
_NAMED: Final = 0.3
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


@dataclass(frozen=True, slots=True)
class _Candidate:
    choice: Choice
    name: Weights
    likeness: float
    by_others: bool


def category_of(given: TicketToTriage, history: Sequence[SortedTicket]) -> Pick | None:
    """The category; None when no one is like enough. `history`: what of it may be read."""
    if given.ticket is None or not given.categories:
        return None
    text = said(f"{given.ticket.subject}\n{given.ticket.subject}\n{given.ticket.description}")
    earlier = [(each.category_id, stems_of(each.text)) for each in history]
    names = {each.id: stems_of(each.name) for each in given.categories}
    rarity = Rarity.among([*names.values(), *(stems for _, stems in earlier)])
    mine = rarity.weigh(stems_of(text))
    weighed = [(category_id, rarity.weigh(stems)) for category_id, stems in earlier]
    candidates = []
    for choice in given.categories:
        name = rarity.weigh(names[choice.id])
        theirs = [weights for category_id, weights in weighed if category_id == choice.id]
        by_others = any(likeness(mine, weights) >= _LIKE for weights in theirs)
        like = likeness(mine, _centre(name, theirs))
        candidates.append(_Candidate(choice, name, like, by_others))
    return _best(candidates, mine, text)


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
    if not found or found[0][0] < _NAMED:
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


def _centre(name: Weights, theirs: Sequence[Weights]) -> Weights:
    """What a category is about (Rocchio): its name, and the mean of its tickets."""
    summed: defaultdict[int, float] = defaultdict(float)
    for stem, weight in name.items():
        summed[stem] += _NAME * weight
    for weights in theirs:
        for stem, weight in weights.items():
            summed[stem] += weight / len(theirs)
    return unit(summed)


def _best(candidates: list[_Candidate], mine: Weights, text: str) -> Pick | None:
    candidates.sort(key=lambda each: -each.likeness)
    best = candidates[0]
    if best.likeness < _LEAST:
        return None
    second = candidates[1].likeness if len(candidates) > 1 else 0.0
    share = best.likeness / (best.likeness + second)
    confidence = min(_MOST, share * min(1.0, best.likeness / _ENOUGH))
    criteria = []
    if mine.keys() & best.name.keys():
        criteria.append("category-words")
    if best.by_others:
        criteria.append("earlier-tickets")
    words = _shared(text, best.name)
    return Pick(best.choice.id, best.choice.name, confidence, tuple(criteria), words)


def _shared(text: str, name: Weights) -> tuple[str, ...]:
    """Words of the ticket that the name has, as the ticket writes them."""
    found = words_by_stem(text)
    return tuple(word for stem, word in found.items() if stem in name)[:4]
