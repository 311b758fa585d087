"""What is written about the system is true: files, commands and links exist, and nothing names a
place that only one machine or one registry knows."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
from infra_files import ROOT

from devstack.cli import app

ARCHITECTURE = ROOT / ".docs" / "ARCHITECTURE.md"
READMES = ("README.md", "README.pt-BR.md")
# Where a path of the architecture page may start; a row may also go on in the folder before.
PACKAGES = (
    "",
    "libs/chassis",
    "libs/shared-schemas",
    "libs/knowledge",
    *(f"services/{name}" for name in ("core-api", "ai-svc", "worker-svc")),
    "services/core-api/core_api/modules",
    "services/core-api/core_api",
    "services/ai-svc/ai_svc/modules",
)
# Put together, so that this file is not found itself.
REGISTRIES = (
    r"pypi\." + "org",
    r"python" + r"hosted\.org",
    r"registry\." + r"npmjs\.org",
    r"(?:ghcr|quay|docker)\." + r"io/",
)
MACHINES = (r"(?<![\w.])/" + r"(?:root|home/\w+|Users/\w+|work)/(?!\*)",)


@cache
def tracked(*patterns: str) -> tuple[Path, ...]:
    """The files git knows, below these patterns."""
    found = subprocess.run(
        ["git", "ls-files", "-z", *patterns], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return tuple(ROOT / name for name in found.stdout.split("\0") if name)


def places_named(row: str) -> list[str]:
    """Files and folders in a row of a table; templates and code are neither."""
    named = re.findall(r"`([\w./-]+)`", row.rpartition("|")[0].rpartition("|")[2])
    return [name for name in named if re.search(r"/$|\.(py|md|yml|toml)$", name)]


def is_there(name: str, before: Path | None) -> Path | None:
    """The first place that has it."""
    starts = [ROOT / package for package in PACKAGES]
    places = [start / name for start in ([before, *starts] if before else starts)]
    return next((place for place in places if place.exists()), None)


def test_every_file_on_the_architecture_page_exists() -> None:
    gone = []
    before = None
    for row in ARCHITECTURE.read_text("utf-8").splitlines():
        for name in places_named(row) if row.startswith("|") else ():
            place = is_there(name, before)
            if place is None:
                gone.append(name)
            else:
                before = place.parent

    assert gone == []


@pytest.mark.parametrize("document", tracked("*.md"), ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\((?!https?:|mailto:|#)([^)#\s]+)", document.read_text("utf-8"))

    assert [link for link in links if not (document.parent / link).exists()] == []


def commands_of(readme: str) -> list[str]:
    """What its code blocks tell a reader to type, without the remarks."""
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / readme).read_text("utf-8"), re.DOTALL)
    lines = "\n".join(blocks).splitlines()
    return [bare for line in lines if (bare := re.sub(r"(^|\s+)# .*", "", line).rstrip())]


def test_both_languages_tell_the_reader_to_type_the_same() -> None:
    english, portuguese = (commands_of(readme) for readme in READMES)

    assert english == portuguese


@pytest.mark.parametrize("readme", READMES)
def test_commands_a_reader_is_told_exist(readme: str) -> None:
    text = (ROOT / readme).read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", makefile, re.MULTILINE))
    named = {group.name for group in app.registered_groups}
    commands = {each.name or each.callback.__name__ for each in app.registered_commands}  # type: ignore[union-attr]  # typer's own are complete

    assert set(re.findall(r"(?:^|`|\d )make ([a-z]+)", text, re.MULTILINE)) - targets == set()
    assert set(re.findall(r"bin/cogep ([a-z]+)", text)) - commands - named == set()


@pytest.mark.parametrize("pattern", [*REGISTRIES, *MACHINES])
def test_nothing_names_a_registry_or_somebodys_machine(pattern: str) -> None:
    def says(file: Path) -> bool:
        try:
            return re.search(pattern, file.read_text("utf-8")) is not None
        except (UnicodeDecodeError, FileNotFoundError):
            return False  # a picture; or deleted and not yet committed

    assert [str(file.relative_to(ROOT)) for file in tracked() if says(file)] == []
