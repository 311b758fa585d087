"""Text from documents, tickets and clients, marked as data before a model reads it. The only place.

Nothing inside can end the mark: what looks like one is disarmed, and so are the control words of
chat templates. What a person would not see is taken out, for hidden words are never evidence.
"""

import json
import re
import unicodedata
from typing import Any, Final
from uuid import UUID

LONGEST: Final = 12_000
"""Characters of one marked text; of what is longer a model is told that it was cut."""
_CUT: Final = "… [cortado]"
# Bidirectional marks, zero-width characters, soft hyphens, tags, private use, lone surrogates.
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
_KEPT: Final = frozenset("\n\t")
_WITHOUT_KEPT: Final = str.maketrans(dict.fromkeys(_KEPT))
# Invisible, and letters or marks to Unicode: fillers and variation selectors.
_FILLERS: Final = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0"
    "\U000e0100-\U000e01ef]"
)
_BRACKETS: Final = "<＜﹤‹〈⟨❮❰《"
_MARK: Final = re.compile(f"[{_BRACKETS}](?=(.{{1,40}}))", re.DOTALL)
_TEMPLATE: Final = re.compile(
    r"<\||\|>|\[(?=/?INST\])|<(?=</?SYS>>)|<(?=/?s>)|<(?=(?:start|end)_of_turn>)", re.IGNORECASE
)


def cleaned(text: str, *, longest: int = LONGEST) -> str:
    """The text without what nobody sees, no longer than it may be."""
    line_ends = text.replace("\r\n", "\n").replace("\r", "\n")
    visible = line_ends
    if not line_ends.translate(_WITHOUT_KEPT).isprintable():  # most texts have nothing of the kind
        visible = "".join(
            char
            for char in line_ends
            if char in _KEPT or unicodedata.category(char) not in _INVISIBLE
        )
    visible = _FILLERS.sub("", visible)
    return visible if len(visible) <= longest else visible[: longest - len(_CUT)] + _CUT


def marked(origin: str, text: str, mark_id: UUID | str | int | None = None) -> str:
    """`origin` and `mark_id` are ours, never the text's."""
    inside = _TEMPLATE.sub(_disarmed, _MARK.sub(_unless_harmless, cleaned(text)))
    name = f' id="{mark_id}"' if mark_id is not None else ""
    return f'<dados origem="{origin}"{name}>\n{inside}\n</dados>'


def marked_facts(origin: str, facts: Any, mark_id: UUID | str | int | None = None) -> str:
    """The same of what is not one text: as JSON."""
    said = json.dumps(facts, ensure_ascii=False, default=str, separators=(", ", ": "))
    return marked(origin, said, mark_id)


def _unless_harmless(match: re.Match[str]) -> str:
    following = unicodedata.normalize("NFKC", match[1]).casefold()
    letters = "".join(char for char in following if char.isalpha())
    return "(" if letters.startswith("dados") else match[0]


def _disarmed(match: re.Match[str]) -> str:
    return match[0].replace("<", "(").replace(">", ")").replace("[", "(")
