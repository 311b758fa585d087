"""How a conversation that was found is shown."""

from typing import Any, Final
from uuid import UUID

from ai_svc.modules.chat.schemas import ConversationRead, FoundConversation
from knowledge.lexical.analyzer import analyze_word, detect_language, words

_EXCERPT: Final = 240
_BEFORE: Final = 60


def found_in(row: Any, text: str, reader_id: UUID) -> FoundConversation:
    """From (conversation, message)."""
    conversation, message = row
    return FoundConversation(
        conversation=ConversationRead.of(conversation, reader_id),
        message_id=message.id,
        role=message.role,
        excerpt=_excerpt(message.content or "", text),
        said_at=message.created_at,
    )


def _excerpt(content: str, text: str) -> str:
    """From shortly before the first of the words."""
    language = detect_language(text)
    wanted = {analyze_word(word, language).stem for word in words(text)} - {None}
    said = " ".join(content.split())
    at = 0
    for piece in said.split(" "):
        if any(analyze_word(word, language).stem in wanted for word in words(piece)):
            break
        at += len(piece) + 1
    if at >= len(said):
        at = 0
    start = said.rfind(" ", 0, max(0, at - _BEFORE) + 1) + 1 if at > _BEFORE else 0
    shown = said[start : start + _EXCERPT]
    return ("…" if start else "") + shown + ("…" if start + _EXCERPT < len(said) else "")
