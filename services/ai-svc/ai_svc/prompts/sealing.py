"""Puts new prompts on the list: `python -m ai_svc.prompts.sealing [--candidate] [--unsent LABEL]`.

What is on it is never put on it anew, unless somebody says that it was never sent.
"""

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ai_svc.prompts.files import read_prompt
from ai_svc.prompts.released import LIST, Release, digest, faults, labels, releases

_HEAD: Final = (
    "# Every prompt file, as it was released. `python -m ai_svc.prompts.sealing` adds entries, and"
    " changes none:\n"
    "# what was sent stays what it was. Without `released_on` it is a candidate."
)


def seal(path: Path, *, candidate: bool, unsent: frozenset[str]) -> list[str]:
    """Writes the list; returns the labels that were put on it."""
    today = None if candidate else datetime.now(UTC).date()
    kept = {label: release for label, release in releases().items() if label not in unsent}
    new: dict[str, Release] = {}
    for prompt_id, version in labels():
        prompt = read_prompt(prompt_id, version)
        if prompt.label not in kept:
            new[prompt.label] = Release(sha256=digest(prompt.text), released_on=today)
    path.write_text(_written({**kept, **new}), encoding="utf-8")
    releases.cache_clear()
    return sorted(new)


def _written(listed: dict[str, Release]) -> str:
    lines = [_HEAD]
    for label, release in sorted(listed.items()):
        lines += ["", f'["{label}"]', f'sha256 = "{release.sha256}"']
        if release.released_on is not None:
            lines.append(f"released_on = {release.released_on.isoformat()}")
    return "\n".join([*lines, ""])


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m ai_svc.prompts.sealing")
    parser.add_argument("--candidate", action="store_true", help="not for everybody yet")
    parser.add_argument(
        "--unsent", action="append", default=[], metavar="LABEL", help="was never sent: seal anew"
    )
    given = parser.parse_args()
    path = Path(__file__).with_name(LIST)
    for label in seal(path, candidate=given.candidate, unsent=frozenset(given.unsent)):
        sys.stdout.write(f"{label}\n")
    if found := faults():
        raise SystemExit("\n".join(found))


if __name__ == "__main__":
    main()
