"""A conversation to take away: as data, or to be read."""

import re
from typing import Final
from zoneinfo import ZoneInfo

from ai_svc.modules.chat.models import MessageStatus, Speaker
from ai_svc.modules.chat.schemas import ConversationExport, MessageRead

_SAO_PAULO: Final = ZoneInfo("America/Sao_Paulo")
_WHO: Final = {Speaker.USER: "Pessoa", Speaker.ASSISTANT: "Assistente"}
_WITHHELD: Final = "_(Conteúdo não exibido: baseia-se em dados que você não pode consultar.)_"
_NOTHING: Final = "_(Sem conteúdo.)_"
# What Markdown would take for its own: structure at the beginning of a line, links and pictures.
_STRUCTURE: Final = re.compile(
    r"^([^\S\n]*)(#{1,6}\s|>|[-+*]\s|={3,}|-{3,}|```|~~~)", flags=re.MULTILINE
)
_NUMBERED: Final = re.compile(r"^([^\S\n]*\d+)([.)]\s)", flags=re.MULTILINE)


def markdown(export: ConversationExport) -> str:
    """For people. What was said stays text: it makes no headings, lists or HTML of its own."""
    conversation = export.conversation
    parts = [
        f"# {_line(conversation.title)}",
        f"Exportada em {export.exported_at.astimezone(_SAO_PAULO):%d/%m/%Y %H:%M} (Brasília).",
        *(_said(message) for message in export.messages),
    ]
    return "\n\n".join(parts) + "\n"


def _said(message: MessageRead) -> str:
    when = message.created_at.astimezone(_SAO_PAULO)
    parts = [f"## {_WHO[message.role]}, {when:%d/%m/%Y %H:%M}"]
    if message.withheld:
        return "\n\n".join([*parts, _WITHHELD])
    parts.append(_text(message.content) if message.content else _NOTHING)
    if message.error is not None and message.status is not MessageStatus.DONE:
        parts.append(f"_({_line(message.error.message)})_")
    sources = [
        f'{source.number}. {_line(source.title)}{_place(source.page)}: "{_line(source.quote)}"'
        for source in message.sources
    ]
    if sources:
        parts.append("\n".join(["Fontes:", "", *sources]))
    return "\n\n".join(parts)


def _place(page: int | None) -> str:
    return "" if page is None else f", p. {page}"


def _line(text: str) -> str:
    return _html(" ".join(text.split()))


def _text(text: str) -> str:
    return _NUMBERED.sub(r"\1\\\2", _STRUCTURE.sub(r"\1\\\2", _html(text)))


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace("](", "]\\(")
