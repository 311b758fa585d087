"""Text of pictures through Tesseract, a process of its own under the limits of this one."""

import ctypes
import io
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Final

from PIL import Image

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.extraction import Limits
from knowledge.parsing.tesseract import LANGUAGE, tesseract

MAX_PIXELS: Final = 9_000_000
"""A4 at 300 dots per inch; larger pictures are made smaller first."""
_PAGE_SECONDS: Final = 60.0
_MAX_ANSWER: Final = 1_000_000
_PR_SET_PDEATHSIG: Final = 1
_LIBC: Final = ctypes.CDLL(None)
"""Loaded before any fork: a thread of kreuzberg's may hold the loader's lock at one."""


@dataclass(slots=True)
class Recogniser:
    """Reads pictures as long as the file's share of time and pages lasts.

    Without `allowed` no picture is read; `unread` counts those that would have been.
    """

    limits: Limits
    allowed: bool
    unread: int = 0
    _pages: int = 0
    _began: float = field(default_factory=time.monotonic)

    def read(self, picture: Image.Image) -> str | None:
        """The picture's text, paragraphs after blank lines; None when reading is not allowed."""
        binary = tesseract() if self.allowed else None
        if binary is None:
            self.unread += 1
            return None
        left = self.limits.recognition_seconds - (time.monotonic() - self._began)
        self._pages += 1
        if left <= 0 or self._pages > self.limits.max_pictures:
            raise ParsingFailure(Cause.TOO_SLOW)
        return _joined(_run(binary, _prepared(picture), min(left, _PAGE_SECONDS)))


def _prepared(picture: Image.Image) -> bytes:
    """Grey, not too large, in the simplest format there is: Tesseract never sees foreign bytes."""
    grey = picture.convert("L")
    if grey.width * grey.height > MAX_PIXELS:
        share = (MAX_PIXELS / (grey.width * grey.height)) ** 0.5
        grey = grey.resize((max(int(grey.width * share), 1), max(int(grey.height * share), 1)))
    raw = io.BytesIO()
    grey.save(raw, "PPM")
    return raw.getvalue()


def _run(binary: str, picture: bytes, seconds: float) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments; the picture comes through the pipe
            [binary, "stdin", "stdout", "-l", LANGUAGE, "--dpi", "200"],
            input=picture,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
            env={"OMP_THREAD_LIMIT": "1", "LANG": "C.UTF-8"},
            preexec_fn=_die_with_parent,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ParsingFailure(Cause.TOO_SLOW) from error
    except OSError as error:
        raise ParsingFailure(Cause.TOO_COMPLEX) from error
    # Tesseract ends so when a picture is too small for a letter.
    return done.stdout[:_MAX_ANSWER].decode(errors="replace") if done.returncode == 0 else ""


def _die_with_parent() -> None:
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def _joined(text: str) -> str:
    """Lines of a paragraph joined, hyphens at their ends undone; noise without letters dropped."""
    paragraphs = []
    for paragraph in text.replace("\f", "").split("\n\n"):
        lines = [line.strip() for line in paragraph.splitlines() if line.strip()]
        joined = ""
        for line in lines:
            if joined.endswith("-") and line[0].islower():
                joined = joined[:-1] + line
            else:
                joined = f"{joined} {line}" if joined else line
        if any(sign.isalnum() for sign in joined):
            paragraphs.append(joined)
    return "\n\n".join(paragraphs)
