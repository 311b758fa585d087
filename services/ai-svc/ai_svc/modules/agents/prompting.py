"""What a model is told beside its rules: earlier turns, what is remembered, what was looked up."""

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelResponse,
    TextPart,
    UserPromptPart,
)

from ai_svc.marking import cleaned, marked
from ai_svc.modules.memory.service import Recalled
from ai_svc.modules.rag.extractive import NAME
from ai_svc.modules.skills.skill import SkillResult
from ai_svc.turns import Turn

MOST_TURNS: Final = 20
MOST_SAID: Final = 12_000
"""Characters of earlier turns; the oldest go first."""
_NUMBER: Final = re.compile(r"(?<!\s)\s*\[\d{1,3}\]")


def conversation(history: Sequence[Turn]) -> list[ModelMessage]:
    """Earlier turns as messages: each speaker once at a time, the person first.

    What was answered quotes documents and tickets: it is marked as their text is.
    """
    messages: list[ModelMessage] = []
    for turn in _latest(history):
        text = _NUMBER.sub("", cleaned(turn.content)).strip()
        if not text:
            continue
        if turn.role == "user":
            messages.append(ModelRequest(parts=[UserPromptPart(text)]))
        elif messages:  # an answer without its question says nothing
            said = marked("resposta anterior", text)
            messages.append(ModelResponse(parts=[TextPart(said)], model_name=NAME))
    return messages


def known(
    *,
    client_id: UUID | None,
    ticket_id: UUID | None,
    recalled: Recalled | None,
    found: SkillResult | None,
) -> str:
    """What goes along with the question. Whatever a person has written in it is marked as data."""
    parts: list[str] = []
    if client_id is not None:
        parts.append(f"Cliente de quem trata esta conversa: {client_id}")
    if ticket_id is not None:
        parts.append(f"Chamado de que trata esta conversa: {ticket_id}")
    if recalled is not None and recalled.summary:
        parts.append("Antes, nesta conversa:\n" + marked("resumo", recalled.summary))
    if recalled is not None and recalled.facts:
        facts = [marked("lembrete", fact.text, fact.id) for fact in recalled.facts]
        parts.append("A pessoa pediu para lembrar:\n" + "\n".join(facts))
    if recalled is not None and recalled.earlier:
        asked = [marked("anterior", each.text) for each in recalled.earlier]
        parts.append("Perguntas da pessoa em outras conversas:\n" + "\n".join(asked))
    if found is not None and found.told:
        parts.append("Trechos já encontrados:\n" + found.told)
    return "\n\n".join(parts)


def said_before(history: Sequence[Turn]) -> str:
    """What the person wrote last before this."""
    return next((turn.content for turn in reversed(history) if turn.role == "user"), "")


def _latest(history: Sequence[Turn]) -> list[Turn]:
    kept: list[Turn] = []
    room = MOST_SAID
    for turn in reversed(history[-MOST_TURNS:]):
        room -= len(turn.content)
        if room < 0:
            break
        kept.append(turn)
    return kept[::-1]
