"""How urgent a ticket is, by its words."""

import re
from typing import Final, NamedTuple

from knowledge.lexical.analyzer import fold
from shared_schemas.triage import Priority

URGENT: Final = re.compile(
    r"\b(?:urgent\w*|urgencia|emergencia\w*|risco de (?:vida|morte|queda|choque|desab\w+|incendio)"
    r"|perigo\w*|incendi\w+|pegando fogo|desab\w+|desmoron\w+|vazamento de gas|cheiro de gas"
    r"|choque eletrico|fio\w* (?:caid\w+|solt\w+|energizad\w+|desencapad\w+)|ferid\w+|acidente\w*"
    r"|passando mal|inunda\w+|alaga\w+|socorro)\b"
)
HIGH: Final = re.compile(
    r"\b(?:(?:prazo|vence|vencimento|audiencia|prova|consulta|viagem|cirurgia)\b.{0,40}"
    r"\b(?:hoje|amanha|depois de amanha|esta semana|nesta semana|sexta\w*|segunda\w*)"
    r"|ate (?:hoje|amanha)|ainda hoje|o quanto antes|o mais rapido|com pressa"
    r"|(?:ja|ha|faz) (?:mais de )?(?:\w+ ){0,2}(?:dias|semanas|meses|anos)"
    r"|pela (?:segunda|terceira|quarta) vez|ninguem (?:responde\w*|atende\w*|resolve\w*|veio)"
    r"|sem (?:agua|luz|energia|remedio|transporte)"
    r"|nao (?:funciona|consigo trabalhar)|atrasad\w+|parad[oa]s?)\b"
)
CALM: Final = re.compile(
    r"\b(?:sem pressa|quando puder\w*|quando der|nao (?:e|ha|tem) (?:nada )?urgen\w+|sem urgencia"
    r"|gostaria de (?:saber|sugerir|elogiar)|queria (?:saber|sugerir|elogiar|agradecer)"
    r"|sugestao|sugiro|elogi\w+|parabens|por curiosidade|uma duvida|so uma pergunta)\b"
)
_NEAR: Final = 80
"""Characters before a word in which it may be denied."""
_DENIED: Final = re.compile(r"\b(?:nao|sem|nada)\b(?:\s+\w+){0,2}\s+$")


class Urgency(NamedTuple):
    """A priority, how sure, and the words that say so."""

    priority: Priority
    confidence: float
    words: tuple[str, ...]


def urgency_of(text: str) -> Urgency:
    """Normal, not very sure, when no word says otherwise."""
    plain = fold(text)
    calm = _found(CALM, plain)
    urgent = [word for word in _found(URGENT, plain, unless_denied=True) if word not in calm]
    if urgent:
        return Urgency("urgent", 0.9 if len(set(urgent)) > 1 else 0.82, _some(urgent))
    high = _found(HIGH, plain, unless_denied=True)
    if high:
        return Urgency("high", 0.78 if len(set(high)) > 1 else 0.7, _some(high))
    if calm:
        return Urgency("low", 0.7, _some(calm))
    return Urgency("normal", 0.5, ())


def _found(pattern: re.Pattern[str], plain: str, *, unless_denied: bool = False) -> list[str]:
    return [
        match.group()
        for match in pattern.finditer(plain)
        if not (unless_denied and _is_denied(plain, match.start()))
    ]


def _is_denied(plain: str, at: int) -> bool:
    return _DENIED.search(plain, max(0, at - _NEAR), at) is not None


def _some(words: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(" ".join(word.split())[:60] for word in words))[:3]
