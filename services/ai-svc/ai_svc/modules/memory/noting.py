"""What a person asks to be remembered, in so many words. Offline, and of their own words only.

A message is taken by its first line: what somebody pasted below, or quotes, asks for nothing.
"""

import re
import unicodedata
from typing import Final

LONGEST: Final = 500
_ASKED: Final = re.compile(
    r"(?:(?:por favor|ol[áa]|oi|ok|certo)[,!.]?\s+)*"
    r"(?:(?:se\s+)?lembr[ea](?:-se)?|anot[ea]|guard[ea]|memoriz[ea]|n[ãa]o\s+(?:se\s+)?esque[çc]a)"
    r"(?:\s+a[ií])?(?:,?\s+por favor,?)?"
    r"(?:\s+(?:de\s+)?que\s+|\s*:\s+)"
    r"(?P<what>\S.*)",
    re.IGNORECASE,
)
_BLANK: Final = re.compile(r"\s+")


def noted(content: str) -> str | None:
    """The sentence to be remembered, or None."""
    line = content.strip().partition("\n")[0]
    asked = _ASKED.fullmatch(tidy(line))
    if asked is None or asked["what"].endswith("?"):
        return None
    what = asked["what"]
    return what[0].upper() + what[1:] if len(what) <= LONGEST else None


def tidy(text: str) -> str:
    """In one line, without characters that nobody sees."""
    seen = "".join(
        each if unicodedata.category(each)[0] not in "CZ" else " " if each.isspace() else ""
        for each in text
    )
    return _BLANK.sub(" ", seen).strip()
