"""Hundreds of hostile files through the real sandbox: each ends with a cause, and alone."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from knowledge_factories import in_parts
from knowledge_files import PARAGRAPH, make_pdf
from knowledge_hostile_file import Hostile
from knowledge_hostile_files import hostile_files

from knowledge.failures import refused_for
from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.extraction import Limits
from knowledge.parsing.sniffing import HEAD_BYTES, Format, sniff
from knowledge.sandbox import File, Sandbox, SandboxLimits

MEMORY = 512 * 1024 * 1024
LIMITS = SandboxLimits(
    Limits(), memory_bytes=MEMORY, cpu=timedelta(seconds=1), wall=timedelta(seconds=10)
)
FILES = hostile_files()
GOOD = make_pdf(PARAGRAPH[:80])


@pytest.fixture(scope="module")
async def sandbox() -> AsyncIterator[Sandbox]:
    """One for all: what a file does to it, the next one feels."""
    box = Sandbox(LIMITS)
    yield box
    await box.close()
    assert not _parsers()


def _parsers() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if "knowledge.parsing.child" in " ".join(child.cmdline())
    ]


def _peak_bytes(parser: psutil.Process) -> int:
    """The most memory it ever held, where the kernel tells; else what it holds now."""
    status = Path(f"/proc/{parser.pid}/status")
    if not status.exists():
        return int(parser.memory_info().rss)
    (line,) = [each for each in status.read_text().splitlines() if each.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


async def ending(sandbox: Sandbox, raw: bytes) -> str:
    """The text, or the cause there is none; through the door and the parser, as an upload goes."""
    try:
        form = sniff(raw[:HEAD_BYTES])
        text = await sandbox.parse(File(len(raw), in_parts(raw)), form)
    except ParsingFailure as failure:
        return failure.cause.value
    assert 0 < len(text.text) <= LIMITS.text.max_characters
    assert "\x00" not in text.text
    return "text:" + text.text


def test_there_are_enough_and_no_two_are_called_alike() -> None:
    assert len({hostile.name for hostile in FILES}) == len(FILES) >= 250


@pytest.mark.parametrize("hostile", FILES, ids=[hostile.name for hostile in FILES])
async def test_a_hostile_file_ends_with_a_cause_and_the_next_one_is_read(
    sandbox: Sandbox, hostile: Hostile
) -> None:
    began = time.monotonic()
    ended = await ending(sandbox, hostile.raw)
    kind, _, text = ended.partition(":")
    assert kind in hostile.ends
    if not text:
        assert refused_for(Cause(kind)).message.endswith(".")
    assert hostile.without not in text
    assert time.monotonic() - began < LIMITS.wall.total_seconds() + 5
    good = await sandbox.parse(File(len(GOOD), in_parts(GOOD)), Format.PDF)
    assert good.text.startswith("O servidor")
    parsers = _parsers()
    assert len(parsers) <= 1  # none when it was this process's last file
    assert all(_peak_bytes(parser) <= MEMORY for parser in parsers)
