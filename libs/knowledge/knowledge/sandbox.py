"""Parsing untrusted files in processes that can be killed: bounded memory, time and output."""

import asyncio
import base64
import contextlib
import json
import os
import signal
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections import deque
from collections.abc import AsyncIterable
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any, Final

from knowledge.page_images import MAX_PIXELS, PNG_SIGNATURE, Mark, NoSuchPage
from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.extraction import Limits
from knowledge.parsing.normalising import Heading, NormalisedText
from knowledge.parsing.sniffing import Format

_LENGTH: Final = struct.Struct(">Q")
_BYTES_PER_CHARACTER: Final = 6  # UTF-8 takes up to 4, JSON escapes up to 6
_ANSWER_SLACK: Final = 4 * 1024 * 1024  # headings and page starts
_OFF_LOOP: Final = 256 * 1024
"""Answers longer than this are decoded in a thread."""
_FILES_PER_PROCESS: Final = 200
"""A process is replaced after so many, whatever it may have leaked or been talked into."""


@dataclass(frozen=True, slots=True)
class SandboxLimits:
    """What one file may cost. `text` is how long its text may get."""

    text: Limits
    memory_bytes: int = 512 * 1024 * 1024
    cpu: timedelta = timedelta(seconds=30)
    wall: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class File:
    """Bytes on their way: never on a disk of ours, so nothing is left when a worker dies."""

    size_bytes: int
    parts: AsyncIterable[bytes]


class Sandbox:
    """A few warm processes. Each parses one file at a time and is thrown away after any fault."""

    def __init__(self, limits: SandboxLimits, *, processes: int = 1) -> None:
        self._limits = limits
        self._idle: deque[_Child] = deque()
        self._places = asyncio.Semaphore(processes)
        self._slow_place = asyncio.Semaphore(1)

    async def parse(
        self,
        file: File,
        form: Format,
        *,
        charset: str | None = None,
        main_content: bool = False,
        recognise: bool = False,
    ) -> NormalisedText:
        """The normalised text of a file. Raises ParsingFailure, and what reading `file` raises.

        `main_content`: of a page from the Web only the article. `recognise`: pictures are read too,
        which takes seconds per page and has a process of its own, so that nobody waits behind it.
        Cancelling the call kills the process at once.
        """
        request = {
            "format": form.value,
            "charset": charset,
            "main_content": main_content,
            "recognise": recognise,
        }
        if recognise:
            return _read(await self._ask_alone(file, request), self._limits.text)
        return _read(await self._ask(file, request), self._limits.text)

    async def render_page(
        self, file: File, page: int, *, mark: Mark | None = None, max_pixels: int = MAX_PIXELS
    ) -> bytes:
        """A PNG of a PDF's 1-based page, the marked passage boxed (`page_images.mark_on_page`).

        Raises NoSuchPage, ParsingFailure, and what reading `file` raises. A passage that is not
        among the page's own text, as on a scan, is not boxed.
        """
        marked = (mark.page_text, mark.start, mark.end) if mark else None
        request = {"page": page, "mark": marked, "max_pixels": max_pixels}
        return _read_png(await self._ask(file, request))

    async def _ask(self, file: File, request: dict[str, Any]) -> dict[str, Any]:
        async with self._places:
            child = await self._child()
            try:
                answer = await child.ask(file, request)
            except BaseException:
                await child.kill()
                raise
            if child.worn_out or answer.get("spent"):
                await child.kill()
            else:
                self._idle.append(child)
        return answer

    async def _ask_alone(self, file: File, request: dict[str, Any]) -> dict[str, Any]:
        """By a process that ends with the file: it is seldom needed, and it has grown large."""
        seconds = self._limits.text.recognition_seconds + self._limits.wall.total_seconds()
        async with self._slow_place:
            child = await _Child.start(replace(self._limits, wall=timedelta(seconds=seconds)))
            try:
                return await child.ask(file, request)
            finally:
                await child.kill()

    async def _child(self) -> "_Child":
        """A warm process, unless something killed it while it was idle."""
        while self._idle:
            child = self._idle.popleft()
            if child.alive:
                return child
        return await _Child.start(self._limits)

    async def warm_up(self) -> None:
        """Starts a process before the first file needs it."""
        async with self._places:
            self._idle.append(await _Child.start(self._limits))

    async def close(self) -> None:
        """Kills what is idle; a call under way kills its own when it is cancelled."""
        while self._idle:
            await self._idle.popleft().kill()


class _Child:
    """One process and its pipes."""

    def __init__(self, process: Process, limits: SandboxLimits) -> None:
        self._process = process
        self._limits = limits
        self._files = 0

    @classmethod
    async def start(cls, limits: SandboxLimits) -> "_Child":
        """Isolated mode and an empty environment: there is no key and no password to be found."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-m",
            "knowledge.parsing.child",
            str(limits.memory_bytes),
            stdin=PIPE,
            stdout=PIPE,
            stderr=DEVNULL,
            env={"LANG": "C.UTF-8"},
            cwd="/",
            # A signal for the worker's group must not look like the fault of a file.
            start_new_session=True,
        )
        return cls(process, limits)

    @property
    def worn_out(self) -> bool:
        return self._files >= _FILES_PER_PROCESS

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def ask(self, file: File, asked: dict[str, Any]) -> dict[str, Any]:
        """One request, one answer. A process that dies of it says why by the way it died."""
        self._files += 1
        request = {
            **asked,
            "size": file.size_bytes,
            "cpu_seconds": int(self._limits.cpu.total_seconds()),
            "limits": asdict(self._limits.text),
        }
        try:
            async with asyncio.timeout(self._limits.wall.total_seconds()):
                return await self._exchange(json.dumps(request).encode() + b"\n", file)
        except TimeoutError as error:
            raise ParsingFailure(Cause.TOO_SLOW) from error
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise ParsingFailure(await self._cause_of_death()) from error
        except ValueError as error:  # no JSON: something else than our code wrote it
            raise ParsingFailure(Cause.PARSER_CRASHED) from error

    async def _exchange(self, request: bytes, file: File) -> dict[str, Any]:
        requests, answers = self._process.stdin, self._process.stdout
        if requests is None or answers is None:
            raise ConnectionError("the process has no pipes")
        requests.write(request)
        async for part in file.parts:
            requests.write(part)
            await requests.drain()
        (length,) = _LENGTH.unpack(await answers.readexactly(_LENGTH.size))
        most = self._limits.text.max_characters * _BYTES_PER_CHARACTER + _ANSWER_SLACK
        if length > most:
            raise ParsingFailure(Cause.TOO_LONG)
        body = await answers.readexactly(length)
        return await asyncio.to_thread(_decode, body) if length > _OFF_LOOP else _decode(body)

    async def _cause_of_death(self) -> Cause:
        code = await self._process.wait()
        # Refused memory makes PDFium abort; the kernel's out-of-memory killer uses SIGKILL.
        if code == -signal.SIGXCPU:
            return Cause.TOO_SLOW
        if code in (-signal.SIGABRT, -signal.SIGKILL):
            return Cause.TOO_COMPLEX
        return Cause.PARSER_CRASHED

    async def kill(self) -> None:
        """Ends the process, and what it has started, for certain and collects it."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)  # it leads a session of its own
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        # Shielded: a cancelled job must not leave a zombie.
        await asyncio.shield(self._process.wait())


def _decode(body: bytes) -> dict[str, Any]:
    answer = json.loads(body)
    return answer if isinstance(answer, dict) else {}


def _read_png(answer: dict[str, Any]) -> bytes:
    """The picture, which a browser will be told to take for nothing else."""
    if answer.get("no_such_page"):
        raise NoSuchPage
    try:
        if "cause" in answer:
            raise ParsingFailure(Cause(answer["cause"]))
        png = base64.b64decode(answer["png"], validate=True)
    except (KeyError, TypeError, ValueError) as error:
        raise ParsingFailure(Cause.PARSER_CRASHED) from error
    if not png.startswith(PNG_SIGNATURE):
        raise ParsingFailure(Cause.PARSER_CRASHED)
    return png


def _read(answer: dict[str, Any], limits: Limits) -> NormalisedText:
    """The answer's text. Nothing in it is believed: the file may have taken the process over."""
    try:
        if "cause" in answer:
            raise ParsingFailure(Cause(answer["cause"]))
        text = answer["text"]
        headings = tuple(
            Heading(int(at), int(level), str(title)) for at, level, title in answer["headings"]
        )
        pages = tuple(int(at) for at in answer["page_starts"])
        title = answer["title"]
        unread = int(answer["unread_pages"])
        sound = (
            isinstance(text, str)
            and 0 < len(text) <= limits.max_characters
            and len(pages) <= limits.max_pages
            and all(0 <= heading.char_start < len(text) for heading in headings)
            and list(pages) == sorted(pages)
            and "\x00" not in text
            and bool(text.encode())  # raises on surrogates, a ValueError
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ParsingFailure(Cause.PARSER_CRASHED) from error
    if not sound:
        raise ParsingFailure(Cause.PARSER_CRASHED)
    return NormalisedText(text, headings, pages, str(title)[:200] if title else None, unread)
