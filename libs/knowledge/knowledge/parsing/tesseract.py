"""Whether Tesseract is installed, and where."""

import shutil
import subprocess
from functools import cache
from typing import Final

LANGUAGE: Final = "por"
_PATH: Final = "/usr/local/bin:/usr/bin:/bin:/opt/homebrew/bin"


@cache
def tesseract() -> str | None:
    """The binary, if it is installed with Portuguese data."""
    binary = shutil.which("tesseract", path=_PATH)
    if binary is None:
        return None
    try:
        listed = subprocess.run(  # noqa: S603 - a program of the system, no argument from outside
            [binary, "--list-langs"], capture_output=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return binary if LANGUAGE in listed.stdout.decode(errors="replace").split() else None
