"""What a law is called when it is cited: "LGPD", "CF", "Lei 8.906/1994"."""

import re
from types import MappingProxyType
from typing import Final

_LOOKED_AT: Final = 3_000
"""The epigraph and the summary stand at the beginning."""
_ACRONYM: Final = re.compile(r"\(([A-Z][A-Z-]{1,9})\)|^([A-Z][A-Z-]{1,9})$")
_CONSTITUTION: Final = re.compile(
    r"\s*CONSTITUIÇÃO\s+(?:DA\s+REPÚBLICA|FEDERAL|D[OE]\s+(?:ESTADO|BRASIL))", re.IGNORECASE
)
_STATE: Final = re.compile(r"DO\s+ESTADO", re.IGNORECASE)
_NUMBERED: Final = re.compile(
    r"\b(LEI COMPLEMENTAR|LEI DELEGADA|DECRETO-LEI|MEDIDA PROVISÓRIA|EMENDA CONSTITUCIONAL|"
    r"RESOLUÇÃO|PORTARIA|INSTRUÇÃO NORMATIVA|DECRETO|LEI)"
    r"(?:[ \t]+[A-ZÇÃÕÁÉÍÓÚ/-]{2,12}){0,3}[ \t]+N[ºo°.]{0,2}[ \t]*"
    r"(\d{1,3}(?:\.\d{3})*|\d{1,6})(?:-[A-Z])?"
    r"(?:[ \t]*/[ \t]*(\d{4})|[ \t]*,?[ \t]*DE[ \t]+"
    r"(?:\d{1,2}[ºo°]?[ \t]+DE[ \t]+\w{4,9}[ \t]+DE[ \t]+)?(\d{4}))",
    re.IGNORECASE,
)
_SHORT: Final = MappingProxyType(
    {
        "Decreto-Lei 2.848/1940": "CP",
        "Decreto-Lei 3.689/1941": "CPP",
        "Decreto-Lei 5.452/1943": "CLT",
        "Lei 5.172/1966": "CTN",
        "Lei 8.069/1990": "ECA",
        "Lei 8.078/1990": "CDC",
        "Lei 9.503/1997": "CTB",
        "Lei 10.406/2002": "CC",
        "Lei 12.527/2011": "LAI",
        "Lei 12.965/2014": "Marco Civil da Internet",
        "Lei 13.105/2015": "CPC",
        "Lei 13.709/2018": "LGPD",
        "Lei Complementar 101/2000": "LRF",
    }
)


def law_name(title: str | None, text: str) -> str | None:
    """The usual acronym, else kind, number and year; None when neither title nor text says."""
    if title and (found := _name_in(title)):
        return found
    # Only a line that begins so is the law's own epigraph; within a line another law is cited.
    for line in text[:_LOOKED_AT].split("\n"):
        begun = line.lstrip("#*_> \t")
        if _CONSTITUTION.match(begun) or _NUMBERED.match(begun):
            return _name_in(begun)
    acronym = _ACRONYM.search(title.strip()) if title else None
    return (acronym[1] or acronym[2]) if acronym else None


def _name_in(source: str) -> str | None:
    constitution = _CONSTITUTION.match(source)
    if constitution:
        return "CE" if _STATE.search(constitution[0]) else "CF"
    numbered = _NUMBERED.search(source)
    if numbered is None:
        return None
    kind = " ".join(numbered[1].title().split())
    number = f"{int(numbered[2].replace('.', '')):,}".replace(",", ".")
    name = f"{kind} {number}/{numbered[3] or numbered[4]}"
    return _SHORT.get(name, name)
