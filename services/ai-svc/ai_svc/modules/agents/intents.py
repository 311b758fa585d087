"""Whose question it is, without a model: how near it is to the utterances each agent is known by.

Numbers, documents of identity and addresses are read as what they are: whoever asks for "o CPF
123…" asks like everybody who asks for a CPF.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ai_svc.modules.agents.events import AgentName
from knowledge.lexical import analyze
from knowledge.models import Language

FILE: Final = "examples.json"
LEAST: Final = 0.3
"""Below this confidence the default agent answers."""
DEFAULT: Final = AgentName.KNOWLEDGE
NEAREST: Final = 5
SHARPNESS: Final = 3.0
GRAM_WEIGHT: Final = 0.5
BIGRAM_WEIGHT: Final = 0.5
_FAMILIAR: Final = 0.25
"""Nearness from which an utterance counts as like the examples."""
_SECOND: Final = 0.6
"""Confidence that each of two parts has to have for two agents to answer."""
_PART_WORDS: Final = 3

_READ_AS: Final = (
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), " email "),
    (re.compile(r"\b[0-9A-Z]{2}\.?[0-9A-Z]{3}\.?[0-9A-Z]{3}/[0-9A-Z]{4}-?\d{2}\b"), " cnpj "),
    (re.compile(r"(?<!\d)\d{3}\.?\d{3}\.?\d{3}-?\d{2}(?!\d)"), " cpf "),
    (re.compile(r"(?<!\d)\(?\d{2}\)?[\s.-]?9?\d{4}[\s.-]?\d{4}(?!\d)"), " telefone "),
    (re.compile(r"#\s*\d+"), " ticket "),
    (re.compile(r"\d+"), " "),
)
_PARTS: Final = re.compile(
    r"[.;!?]\s+|,?\s+e\s+(?:tamb[ée]m\s+|depois\s+|ainda\s+|me\s+)?(?=\w)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Intent:
    """Who answers, how sure that is, and who helps with which part of the message."""

    agent: AgentName
    confidence: float
    parts: tuple[tuple[AgentName, str], ...] = ()
    """Of two requests in one message, in their order; empty when it is one."""

    @property
    def also(self) -> list[AgentName]:
        """The others."""
        return [agent for agent, _ in self.parts if agent is not self.agent]


@dataclass(frozen=True, slots=True)
class _Known:
    """The examples as weighted terms: a row per example, a column per term."""

    agents: Sequence[AgentName]
    columns: Mapping[int, int]
    idf: NDArray[np.float64]
    rows: NDArray[np.float64]


def classify(text: str) -> Intent:
    """Below `LEAST` it is the default agent's, with the confidence that was left."""
    agent, confidence = likeliest(text)
    if confidence < LEAST:
        return Intent(DEFAULT, confidence)
    parts = _two_requests(text)
    if parts:
        return Intent(parts[0][0], confidence, parts)
    return Intent(agent, confidence)


def likeliest(text: str) -> tuple[AgentName, float]:
    """The nearest agent, and the share of the nearness that is its own."""
    scores = nearness(text)
    best = max(scores, key=lambda agent: scores[agent])
    sharpened = {agent: score**SHARPNESS for agent, score in scores.items()}
    whole = sum(sharpened.values())
    if not whole:
        return DEFAULT, 0.0
    return best, sharpened[best] / whole * min(1.0, scores[best] / _FAMILIAR)


def nearness(text: str) -> dict[AgentName, float]:
    """Mean cosine of the nearest examples of each agent, 0 to 1."""
    known = _known()
    vector = _row(_terms(text), known.columns, known.idf)
    likeness = known.rows @ vector
    found: dict[AgentName, list[float]] = {agent: [] for agent in AgentName}
    for agent, value in zip(known.agents, likeness.tolist(), strict=True):
        found[agent].append(value)
    return {
        agent: max(0.0, float(np.mean(sorted(values)[-NEAREST:])))
        for agent, values in found.items()
    }


@cache
def examples() -> Mapping[AgentName, Sequence[str]]:
    """The committed utterances of each agent."""
    said = json.loads((files(__package__) / FILE).read_text(encoding="utf-8"))
    return {AgentName(agent): tuple(utterances) for agent, utterances in said.items()}


def _two_requests(text: str) -> tuple[tuple[AgentName, str], ...]:
    """A message whose halves are clearly for different agents."""
    for cut in _PARTS.finditer(text):
        halves = text[: cut.start()].strip(), text[cut.end() :].strip()
        if any(len(half.split()) < _PART_WORDS for half in halves):
            continue
        (first, one), (second, two) = (likeliest(half) for half in halves)
        if first is not second and min(one, two) >= _SECOND:
            return (first, halves[0]), (second, halves[1])
    return ()


@cache
def _known() -> _Known:
    agents, texts = [], []
    for agent, utterances in examples().items():
        agents += [agent] * len(utterances)
        texts += [_terms(utterance) for utterance in utterances]
    columns: dict[int, int] = {}
    for terms in texts:
        for term in terms:
            columns.setdefault(term, len(columns))
    frequency = np.zeros(len(columns))
    for terms in texts:
        for term in terms:
            frequency[columns[term]] += 1
    idf = np.log(1 + (len(texts) - frequency + 0.5) / (frequency + 0.5))
    return _Known(agents, columns, idf, np.stack([_row(each, columns, idf) for each in texts]))


def _row(
    terms: Mapping[int, float], columns: Mapping[int, int], idf: NDArray[np.float64]
) -> NDArray[np.float64]:
    row = np.zeros(len(columns))
    for term, weight in terms.items():
        if (column := columns.get(term)) is not None:
            row[column] = weight * idf[column]
    length = float(np.linalg.norm(row))
    return row / length if length else row


def _terms(text: str) -> dict[int, float]:
    """Stems, character 4-grams and stem bigrams of the text, once each."""
    for pattern, word in _READ_AS:
        text = pattern.sub(word, text)
    analysis = analyze(text, Language.PORTUGUESE)
    found: dict[int, float] = dict.fromkeys(analysis.stem_terms.tolist(), 1.0)
    found |= dict.fromkeys(analysis.gram_terms.tolist(), GRAM_WEIGHT)
    return found | dict.fromkeys(analysis.bigram_terms.tolist(), BIGRAM_WEIGHT)
