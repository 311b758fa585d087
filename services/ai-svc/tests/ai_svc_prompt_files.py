"""Prompt files of a test's own, in place of those we ship."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

from ai_svc.prompts import files, released
from ai_svc.prompts.sealing import seal

GREET = """---
id: greet
version: {version}
model: {{temperature: 0.5, max_output_tokens: 50}}
variables: {{name: text, today: date}}
---
# system

Cumprimente com {words}. Hoje é $today.

# user

Eu sou $name.
"""


def greet(version: int, words: str) -> str:
    """A file."""
    return GREET.format(version=version, words=words)


@contextmanager
def prompt_files(folder: Path, **written: str) -> Iterator[Path]:
    """`greet_v1="…"` is `greet.v1.md`. Those that end in `_candidate` are candidates."""
    with mock.patch.object(files, "FOLDER", folder):
        (folder / released.LIST).write_text("")
        look_again()
        for is_candidate in (False, True):
            for name, text in written.items():
                if name.endswith("_candidate") is is_candidate:
                    label = name.removesuffix("_candidate").replace("_v", ".v")
                    (folder / f"{label}.md").write_text(text, encoding="utf-8")
            look_again()
            seal(folder / released.LIST, candidate=is_candidate, unsent=frozenset())
        try:
            yield folder
        finally:
            look_again()


def look_again() -> None:
    """At files a test has changed."""
    files.read_prompt.cache_clear()
    files.prompt_ids.cache_clear()
    files._versions.cache_clear()
    released.releases.cache_clear()
