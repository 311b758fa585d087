"""How people search: without accents, in lower case. The same as the SQL function `crm.fold`."""

import re
import unicodedata
from typing import Final

_COMBINING: Final = dict.fromkeys(range(0x0300, 0x0370))
# ASCII only, as the C collation does it: the column and the query have to agree on every machine.
_LOWER: Final = {ord("A") + offset: ord("a") + offset for offset in range(26)}


_PLURAL: Final = re.compile(r"[ao]es\b")


def fold(text: str) -> str:
    """`Conceição` → `conceicao`."""
    return unicodedata.normalize("NFKD", text).translate(_COMBINING).translate(_LOWER)


def singular(text: str) -> str:
    """Folded, with -ões and -ães as -ão, which stemmers keep apart. The same as `crm.singular`."""
    return _PLURAL.sub("ao", fold(text))
