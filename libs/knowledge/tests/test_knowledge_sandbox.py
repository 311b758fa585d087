"""The sandbox: hostile files cost their own process, and nothing else."""

import asyncio
import contextlib
import os
import random
from collections.abc import AsyncIterator
from datetime import timedelta

import psutil
import pytest
from knowledge_factories import in_parts
from knowledge_files import (
    PARAGRAPH,
    make_billion_laughs,
    make_docx,
    make_docx_bomb,
    make_docx_of_empty_runs,
    make_pdf,
    make_zip,
)

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.extraction import Limits
from knowledge.parsing.sniffing import Format
from knowledge.sandbox import File, Sandbox, SandboxLimits

SECONDS = SandboxLimits(Limits(), cpu=timedelta(seconds=2), wall=timedelta(seconds=20))


def file_of(raw: bytes) -> File:
    return File(len(raw), in_parts(raw))


# Warm parsers of other suites that this process runs too.
_foreign: set[int] = set()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    _foreign.clear()
    _foreign.update(children())
    box = Sandbox(SECONDS)
    yield box
    await box.close()
    assert not children()


def children() -> list[int]:
    """Processes of the test's own that parse."""
    found = psutil.Process().children(recursive=True)
    return [
        child.pid
        for child in found
        if child.pid not in _foreign and "knowledge.parsing.child" in _command(child)
    ]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # ended since it was listed
        return ""


async def cause_of(sandbox: Sandbox, raw: bytes, form: Format) -> Cause:
    with pytest.raises(ParsingFailure) as failure:
        await sandbox.parse(file_of(raw), form)
    return failure.value.cause


async def assert_alive(sandbox: Sandbox) -> None:
    text = await sandbox.parse(file_of(make_pdf(PARAGRAPH[:80])), Format.PDF)
    assert text.text.startswith("O servidor")


async def test_one_warm_process_reads_file_after_file(sandbox: Sandbox) -> None:
    await sandbox.warm_up()
    first = children()
    for _ in range(3):
        await assert_alive(sandbox)
    assert children() == first
    assert len(first) == 1


@pytest.mark.parametrize(
    ("raw", "form", "cause"),
    [
        (make_docx_bomb(200), Format.DOCX, Cause.ARCHIVE_BOMB),
        (make_docx_bomb(60), Format.DOCX, Cause.TOO_LONG),
        (make_docx_of_empty_runs(3_000_000), Format.DOCX, Cause.TOO_COMPLEX),
        (make_zip(**{f"m{n}": b"" for n in range(10_001)}), Format.DOCX, Cause.ARCHIVE_BOMB),
        (b"<div>" * 200_000 + b"x", Format.HTML, Cause.TOO_SLOW),
        (b"%PDF-1.7\n" + os.urandom(10_000), Format.PDF, Cause.BROKEN),
        (b"PK\x03\x04" + os.urandom(10_000), Format.DOCX, Cause.BROKEN),
    ],
    ids=[
        *("bomb", "bomb-below-the-limit", "tree-of-gigabytes", "ten-thousand-members"),
        *("nesting", "pdf-noise", "zip-noise"),
    ],
)
async def test_a_bomb_is_refused_and_the_next_file_read(
    sandbox: Sandbox, raw: bytes, form: Format, cause: Cause
) -> None:
    assert await cause_of(sandbox, raw, form) is cause
    await assert_alive(sandbox)


async def test_damaged_files_are_read_or_refused_and_never_kill_the_process(
    sandbox: Sandbox,
) -> None:
    await assert_alive(sandbox)
    process = children()
    dice = random.Random(11)
    whole = [
        (make_pdf(PARAGRAPH, PARAGRAPH, bookmarks=("Férias",)), Format.PDF),
        (make_docx(), Format.DOCX),
        (b"<p>a<table><tr><td>b</table>" * 50, Format.HTML),
    ]
    for number in range(180):
        raw, form = whole[number % len(whole)]
        with contextlib.suppress(ParsingFailure):
            await sandbox.parse(file_of(damaged(raw, dice)), form)
    assert children() == process


def damaged(raw: bytes, dice: random.Random) -> bytes:
    """With bytes changed, missing and added."""
    broken = bytearray(raw)
    for _ in range(dice.choice((1, 5, 40))):
        at = dice.randrange(len(broken))
        match dice.randrange(4):
            case 0:
                del broken[at : at + dice.randrange(50)]
            case 1:
                broken[at:at] = dice.randbytes(20)
            case _:
                broken[at] = dice.randrange(256)
    return bytes(broken)


async def test_entities_are_not_expanded(sandbox: Sandbox) -> None:
    assert await cause_of(sandbox, make_billion_laughs(), Format.DOCX) is Cause.BROKEN
    await assert_alive(sandbox)


async def test_a_process_killed_while_idle_is_replaced(sandbox: Sandbox) -> None:
    await assert_alive(sandbox)
    child = psutil.Process(children()[0])
    child.kill()
    async with asyncio.timeout(10):
        while sandbox._idle[0].alive:  # noqa: ASYNC110 - until asyncio has noticed
            await asyncio.sleep(0)
    await assert_alive(sandbox)
    assert children() != [child.pid]


async def test_a_file_that_takes_too_long_is_given_up(sandbox: Sandbox) -> None:
    impatient = Sandbox(SandboxLimits(Limits(), wall=timedelta(milliseconds=1)))
    assert await cause_of(impatient, make_pdf(PARAGRAPH), Format.PDF) is Cause.TOO_SLOW
    await impatient.close()


async def test_cancelling_kills_the_process(sandbox: Sandbox) -> None:
    parsing = asyncio.create_task(sandbox.parse(file_of(b"<div>" * 200_000), Format.HTML))
    async with asyncio.timeout(10):
        while not children():  # noqa: ASYNC110 - nobody tells when a process has started
            await asyncio.sleep(0.01)
    parsing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await parsing
    assert not children()


async def test_a_file_that_cannot_be_read_to_its_end_costs_the_process_only(
    sandbox: Sandbox,
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"%PDF-1.7"
        raise OSError("the storage went away")

    with pytest.raises(OSError, match="went away"):
        await sandbox.parse(File(1_000_000, broken()), Format.PDF)
    await assert_alive(sandbox)


async def test_the_process_finds_no_secret_and_is_confined(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    await assert_alive(sandbox)
    child = psutil.Process(children()[0])
    assert "OPENAI_API_KEY" not in child.environ()
    assert child.rlimit(psutil.RLIMIT_AS) == (512 * 1024 * 1024,) * 2
    assert child.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
