"""Whose question it is: the committed utterances, and what routing without a model is compared
with in the same run.

`sets/intencoes_pt` was written apart from the examples the router knows, and nothing was tuned on
it: its figures were chosen by leaving out one example after the other.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np

from ai_svc.modules.agents.events import AgentName
from ai_svc.modules.agents.intents import DEFAULT, examples, likeliest
from evals.datasets import OWN_SETS
from knowledge.embedders.local import vectors_of
from knowledge.lexical import fold, words

NAME: Final = "intencoes_pt"
GOAL: Final = 0.85
PRODUCT: Final = "cogep"
MAJORITY: Final = "most frequent agent"
KEYWORDS: Final = "keywords"
EMBEDDER: Final = "local embedder, nearest example"

_KEYWORDS: Final = (
    (AgentName.PRIVACY, ("lgpd", "consentimento", "privacidade", "titular", "dados pessoais")),
    (AgentName.SUPPORT, ("chamado", "ticket", "atendimento", "protocolo", "ocorrencia")),
    (AgentName.CRM, ("cliente", "cadastro", "telefone", "contato", "cpf", "cnpj")),
)
"""What a careful person writes down in five minutes; the first that is met decides."""

Router = Callable[[str], AgentName]


@dataclass(frozen=True, slots=True)
class Utterance:
    """`kind` says how it is worded: plain, colloquial, typo, indirect, formal, short."""

    text: str
    agent: AgentName
    kind: str


@dataclass(frozen=True, slots=True)
class Routing:
    """How one router has done."""

    by: str
    asked: int
    right: int
    of_agent: Mapping[AgentName, float]
    of_kind: Mapping[str, float]

    @property
    def accuracy(self) -> float:
        """The share that went where it belongs."""
        return self.right / self.asked

    @property
    def holds(self) -> bool:
        """Whether the product's goal is met; baselines have none."""
        return self.by != PRODUCT or self.accuracy >= GOAL


@cache
def utterances() -> Sequence[Utterance]:
    """The committed ones."""
    path = OWN_SETS / NAME / "utterances.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Utterance(each["text"], AgentName(each["agent"]), each["kind"]) for each in lines]


def measure() -> list[Routing]:
    """The product and its baselines; a second."""
    ways: Mapping[str, Router] = {
        PRODUCT: lambda text: likeliest(text)[0],
        EMBEDDER: _nearest,
        KEYWORDS: _by_keyword,
        MAJORITY: lambda _: _most_frequent(),
    }
    return [_routed(name, way) for name, way in ways.items()]


def _routed(name: str, way: Router) -> Routing:
    hits = [(each, way(each.text) is each.agent) for each in utterances()]
    agents = {agent: [hit for each, hit in hits if each.agent is agent] for agent in AgentName}
    kinds = {kind: [hit for each, hit in hits if each.kind == kind] for kind in _kinds()}
    return Routing(
        by=name,
        asked=len(hits),
        right=sum(hit for _, hit in hits),
        of_agent={agent: sum(found) / len(found) for agent, found in agents.items()},
        of_kind={kind: sum(found) / len(found) for kind, found in kinds.items()},
    )


def _kinds() -> list[str]:
    return sorted({each.kind for each in utterances()})


def _most_frequent() -> AgentName:
    return Counter(each.agent for each in utterances()).most_common(1)[0][0]


def _by_keyword(text: str) -> AgentName:
    said = f" {' '.join(words(text))} "
    for agent, known in _KEYWORDS:
        if any(f" {fold(word)}" in said for word in known):
            return agent
    return DEFAULT


def _nearest(text: str) -> AgentName:
    agents, vectors = _embedded()
    return agents[int(np.argmax(vectors @ vectors_of([text])[0]))]


@cache
def _embedded() -> tuple[Sequence[AgentName], np.ndarray]:
    pairs = [(agent, text) for agent, texts in examples().items() for text in texts]
    return [agent for agent, _ in pairs], vectors_of([text for _, text in pairs])
