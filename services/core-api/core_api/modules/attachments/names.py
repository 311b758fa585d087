"""Names people give to files: made harmless for lists, headers and file systems."""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

_MOST: Final = 150
_NOT_IN_NAMES: Final = re.compile(r'[<>:"/\\|?*]')
_NOT_IN_ASCII: Final = re.compile(r"[^A-Za-z0-9._ ()-]+")
# Unwritable on Windows, with or without an extension.
_RESERVED: Final = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_UNNAMED: Final = "anexo"

_REFUSED: Final = (
    "ade adp app appx apk bat bash cmd com cpl csh dll dmg exe gadget hta inf ins iso isp jar js "
    "jse ksh lnk mde msc msh msi msix msp mst pif ps1 psm1 py reg scf scr sct sh shb sys url vb "
    "vbe vbs vxd wsc wsf wsh xll docm dotm xlsm xltm xlam pptm potm ppam"
)
REFUSED_EXTENSIONS: Final = frozenset(_REFUSED.split())
"""What a double click would run: scripts are text, their content alone does not betray them."""


def clean_name(given: str | None) -> str:
    """The last part of a path, without control, direction and reserved characters."""
    name = unicodedata.normalize("NFC", (given or "").replace("\\", "/").rpartition("/")[2])
    # Cf holds the marks that turn text around: `fdp.exe` can be made to look like `exe.pdf`.
    name = "".join(c for c in name if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"})
    name = _NOT_IN_NAMES.sub("_", " ".join(name.split())).strip(" .")
    if not name or _RESERVED.fullmatch(name):
        name = f"{_UNNAMED}-{name}" if name else _UNNAMED
    if len(name) > _MOST:
        stem, dot, extension = name.rpartition(".")
        kept = f"{dot}{extension}" if dot and len(extension) <= 10 else ""
        name = (stem or name)[: _MOST - len(kept)].rstrip() + kept
    return name


def extension_of(name: str) -> str:
    """`Laudo.PDF` → `pdf`; nothing without a dot."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def content_disposition(name: str) -> str:
    """As a download, never shown in place, with the name as RFC 6266 and RFC 5987 have it."""
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = _NOT_IN_ASCII.sub("_", folded).strip() or _UNNAMED
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
