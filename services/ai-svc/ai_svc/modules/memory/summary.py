"""What was said before the messages that are at hand: a few of its lines, chosen without a model.

Made anew whenever it is needed, from what may be recalled then: a summary that is kept would go on
saying what may no longer be used.
"""

from collections import Counter
from collections.abc import Sequence
from math import log
from typing import Final

from ai_svc.modules.memory.history import PREVIEW, Message
from ai_svc.modules.memory.likeness import stems_of

LINES: Final = 10
_SPEAKERS: Final = {"user": "Pessoa", "assistant": "Assistente"}


def summarise(older: Sequence[Message]) -> str | None:
    """The lines that share most words with the others, in their order; `older` is newest first."""
    said = [each for each in reversed(older) if each.preview.strip()]
    if not said:
        return None
    stems = [stems_of(each.preview) for each in said]
    spread = Counter(stem for each in stems for stem in each)
    weight = {stem: log(1 + times) for stem, times in spread.items() if times > 1}
    # Of two lines that say as much, the later one; a question before its answer.
    ranked = sorted(
        range(len(said)),
        key=lambda at: (sum(weight.get(stem, 0.0) for stem in stems[at]), at),
        reverse=True,
    )
    return "\n".join(_line(said[at]) for at in sorted(ranked[:LINES]))


def _line(message: Message) -> str:
    words = " ".join(message.preview.split())
    more = "…" if len(message.preview) >= PREVIEW else ""
    return f"{_SPEAKERS[message.role]}: {words}{more}"
