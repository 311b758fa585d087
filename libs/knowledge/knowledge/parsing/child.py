"""The process that parses untrusted files, one at a time, and can be killed at any moment.

Started by `knowledge.sandbox` with an empty environment. A request is a line of JSON and the file's
bytes, an answer a length and that many bytes of JSON. Ends with its parent: at the end of input, or
killed.
"""

import base64
import contextlib
import ctypes
import json
import os
import resource
import signal
import struct
import sys
from typing import Any, BinaryIO, Final

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.extraction import Limits
from knowledge.parsing.normalising import NormalisedText
from knowledge.parsing.page_mark import Mark, NoSuchPage
from knowledge.parsing.parser import parse
from knowledge.parsing.sniffing import Format

LENGTH: Final = struct.Struct(">Q")
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_NO_NEW_PRIVS: Final = 38
_OPEN_FILES: Final = 32


def confine(memory_bytes: int) -> None:
    """No more memory than that, no file written, no core dump, no life after the parent's."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_OPEN_FILES, _OPEN_FILES))
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def answer(request: dict[str, Any], raw: bytes) -> dict[str, Any]:
    """What was asked of the file, or the cause why there is none."""
    _allow_cpu_seconds(request["cpu_seconds"])
    try:
        return _rendered(request, raw) if "page" in request else _parsed(request, raw)
    except ParsingFailure as failure:
        return {"cause": failure.cause}
    except NoSuchPage:
        return {"no_such_page": True}
    except (MemoryError, RecursionError):
        # The heap is in an unknown state now: the parent replaces this process.
        return {"cause": Cause.TOO_COMPLEX, "spent": True}


def _parsed(request: dict[str, Any], raw: bytes) -> dict[str, Any]:
    form, limits = Format(request["format"]), Limits(**request["limits"])
    text = parse(
        raw,
        form,
        limits,
        charset=request["charset"],
        recognise=request["recognise"],
        main_content=request["main_content"],
    )
    return _as_json(text)


def _rendered(request: dict[str, Any], raw: bytes) -> dict[str, Any]:
    # Imaging is loaded by the processes that draw, not by those that read.
    from knowledge.parsing.pdf_page import render_pdf_page  # noqa: PLC0415

    mark = Mark(*request["mark"]) if request["mark"] else None
    png = render_pdf_page(raw, request["page"], mark, request["max_pixels"])
    return {"png": base64.b64encode(png).decode()}


def _as_json(text: NormalisedText) -> dict[str, Any]:
    return {
        "text": text.text,
        "headings": [
            (heading.char_start, heading.level, heading.title) for heading in text.headings
        ],
        "page_starts": text.page_starts,
        "title": text.title,
        "unread_pages": text.unread_pages,
    }


def _allow_cpu_seconds(seconds: int) -> None:
    """The kernel counts for the life of the process; the limit moves on with every request."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(usage.ru_utime + usage.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def serve(requests: BinaryIO, answers: BinaryIO) -> None:
    """Answers until the input ends."""
    for line in requests:
        request = json.loads(line)
        raw = requests.read(request["size"])
        body = json.dumps(answer(request, raw), ensure_ascii=False).encode("utf-8", "replace")
        answers.write(LENGTH.pack(len(body)))
        answers.write(body)
        answers.flush()


def main() -> None:
    """Keeps the answers' pipe to itself: a parser that prints must not speak to the parent."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as answers:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.dup2(nowhere, sys.stderr.fileno())
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
        confine(int(sys.argv[1]))
        with contextlib.suppress(BrokenPipeError):
            serve(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
