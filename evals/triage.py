"""`python -m evals.triage`: how well new tickets are sorted by words alone.

Invented tickets of an invented town (`sets/triagem_pt`), half of them `dev`, half `test`. Judged on
`test`, with nothing but the names of categories (a desk on its first day), and with `dev` as what
people have sorted so far. Beside it, in the same run: the most frequent category; counting words a
ticket shares with a category's name; and the category of the earlier ticket with most words in
common (Jaccard).
"""

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID, uuid5

from ai_svc.modules.triage.proposing import judged
from chassis.data.columns import utc_now
from knowledge.lexical import fold
from shared_schemas.triage import (
    Choice,
    Routed,
    SortedTicket,
    Standing,
    TicketText,
    TicketToTriage,
)

SET: Final = Path(__file__).parent / "sets" / "triagem_pt"
CERTAIN: Final = 0.8
"""From which confidence on organizations apply by themselves, unless they say otherwise."""
_HERE: Final = UUID(int=7)


@dataclass(frozen=True, slots=True)
class Example:
    """A ticket, and how a person would sort it."""

    id: str
    text: str
    subject: str
    description: str
    category: str
    team: str
    priority: str
    split: str


@dataclass(frozen=True, slots=True)
class Figures:
    """One way of sorting, over the same tickets."""

    way: str
    category: float
    team: float | None = None
    priority: float | None = None
    proposed: float | None = None
    """Share of tickets for which a category is proposed at all."""
    certain: float | None = None
    """Share of tickets that would be sorted by themselves…"""
    certain_right: float | None = None
    """… and of these, how many rightly."""


def examples() -> list[Example]:
    """All of the set."""
    lines = (SET / "tickets.jsonl").read_text(encoding="utf-8").splitlines()
    found = []
    for line in lines:
        row = json.loads(line)
        text = f"{row['subject']}\n{row['description']}"
        found.append(Example(id=row.pop("_id"), text=text, **row))
    return found


def choices(kind: str) -> dict[str, Choice]:
    """Categories or teams, by their code."""
    named = json.loads((SET / "categories.json").read_text(encoding="utf-8"))[kind]
    return {code: Choice(id=_id(code), name=name) for code, name in named.items()}


async def measure() -> list[Figures]:
    """Every way, over `test`."""
    every = examples()
    dev = [each for each in every if each.split == "dev"]
    test = [each for each in every if each.split == "test"]
    names = {code: choice.name for code, choice in choices("categories").items()}
    most = Counter(each.category for each in dev).most_common(1)[0][0]
    ways: dict[str, Callable[[Example], str | None]] = {
        "baseline: most frequent category": lambda _: most,
        "baseline: words of the names": lambda each: _by_shared_words(each, names),
        "baseline: likest earlier ticket (Jaccard)": lambda each: _by_jaccard(each, dev),
    }
    found = [
        Figures(way, sum(sort(each) == each.category for each in test) / len(test))
        for way, sort in ways.items()
    ]
    found.append(await _ours("triage, names alone", test, []))
    found.append(await _ours("triage, with 40 sorted tickets", test, dev))
    return found


def table(figures: Sequence[Figures]) -> str:
    """Markdown."""
    heading = (
        "| sorted by | category | team | priority | proposed | certain (≥ .8) | of these right |\n"
        "|---|--:|--:|--:|--:|--:|--:|"
    )
    rows = [
        f"| {each.way} | {_number(each.category)} | {_number(each.team)} | "
        f"{_number(each.priority)} | {_number(each.proposed)} | {_number(each.certain)} | "
        f"{_number(each.certain_right)} |"
        for each in figures
    ]
    return "\n".join([heading, *rows])


async def _ours(way: str, test: Sequence[Example], dev: Sequence[Example]) -> Figures:
    right = Counter[str]()
    for each in test:
        given = _given(each, dev)
        judgement = await judged(given, given.history)
        category, team = judgement.category, judgement.team
        hit = category is not None and category.id == _id(each.category)
        right["category"] += hit
        right["team"] += team is not None and team.id == _id(each.team)
        right["priority"] += judgement.urgency.priority == each.priority
        right["proposed"] += category is not None
        if category is not None and category.confidence >= CERTAIN:
            right["certain"] += 1
            right["certain right"] += hit
    shares = {name: number / len(test) for name, number in right.items()}
    return Figures(
        way=way,
        category=shares["category"],
        team=shares["team"],
        priority=shares["priority"],
        proposed=shares["proposed"],
        certain=shares.get("certain", 0.0),
        certain_right=right["certain right"] / right["certain"] if right["certain"] else None,
    )


def _given(each: Example, dev: Sequence[Example]) -> TicketToTriage:
    went = Counter((other.category, other.team) for other in dev)
    return TicketToTriage(
        standing=Standing.WANTED,
        ticket=TicketText(
            id=_id(each.id),
            client_id=_HERE,
            version=1,
            subject=each.subject,
            description=each.description,
            channel="web",
            priority="normal",
            category_id=None,
            team_id=None,
            opened_at=utc_now(),
        ),
        categories=tuple(choices("categories").values()),
        teams=tuple(choices("teams").values()),
        history=tuple(
            SortedTicket(client_id=_HERE, category_id=_id(other.category), text=other.text)
            for other in dev
        ),
        routed=tuple(
            Routed(category_id=_id(category), team_id=_id(team), tickets=number)
            for (category, team), number in went.items()
        ),
    )


def _by_shared_words(each: Example, names: Mapping[str, str]) -> str | None:
    words = _words(each.text)
    shared = {code: len(words & _words(name)) for code, name in names.items()}
    best = max(shared, key=lambda code: shared[code])
    return best if shared[best] else None


def _by_jaccard(each: Example, dev: Sequence[Example]) -> str:
    words = _words(each.text)

    def likeness(other: Example) -> float:
        theirs = _words(other.text)
        return len(words & theirs) / len(words | theirs)

    return max(dev, key=likeness).category


def _words(text: str) -> frozenset[str]:
    return frozenset(word for word in fold(text).split() if len(word) > 3)


def _id(code: str) -> UUID:
    return uuid5(_HERE, code)


def _number(share: float | None) -> str:
    return "" if share is None else f"{share:.2f}".removeprefix("0")


if __name__ == "__main__":
    print(table(asyncio.run(measure())))
