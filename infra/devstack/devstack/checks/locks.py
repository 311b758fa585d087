"""Lock files: hashed, without a registry's address, and holding what the projects ask for."""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from devstack.checkout import ROOT

_ADDRESS = re.compile(
    r"https?:|file:|--(extra-)?index-url|--find-links|--trusted-host", re.IGNORECASE
)
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)")
_LIBRARIES = ("libs/shared-schemas", "libs/chassis", "libs/knowledge")
# Lock file → the projects whose dependencies it must hold.
LOCKS = {
    "requirements-dev.txt": (
        *_LIBRARIES,
        "services/core-api",
        "services/ai-svc",
        "services/worker-svc",
        "infra/devstack",
    ),
    "infra/devstack/requirements.txt": (*_LIBRARIES, "infra/devstack"),
    "services/core-api/requirements.txt": (*_LIBRARIES[:2], "services/core-api"),
    "services/ai-svc/requirements.txt": (*_LIBRARIES, "services/ai-svc"),
    "services/worker-svc/requirements.txt": (*_LIBRARIES, "services/worker-svc"),
    "infra/uv-requirements.txt": (),
    "infra/docker/build-requirements.txt": (),
}


def problems() -> Iterator[str]:
    """One line for each thing that is wrong."""
    decided = _pins(ROOT / "requirements-dev.txt")
    for name, projects in LOCKS.items():
        text = (ROOT / name).read_text()
        for number, line in enumerate(text.splitlines(), 1):
            if _ADDRESS.search(line):
                yield f"{name}:{number}: carries a registry's address"
        pins = _pins(ROOT / name)
        for package, version in pins.items():
            if decided.get(package, version) != version:
                yield f"{name}: {package} {version} differs from requirements-dev.txt"
        for requirement in _requirements(projects):
            package = canonicalize_name(requirement.name)
            found = pins.get(package)
            if found is None:
                yield f"{name}: {package} is missing"
            elif found not in requirement.specifier:
                yield f"{name}: {package} {found} is not {requirement.specifier}"


def _pins(lock: Path) -> dict[str, str]:
    matches = map(_PINNED.match, lock.read_text().splitlines())
    return {str(canonicalize_name(found[1])): found[2] for found in matches if found}


def _requirements(projects: tuple[str, ...]) -> Iterator[Requirement]:
    for project in projects:
        parsed: dict[str, Any] = tomllib.loads((ROOT / project / "pyproject.toml").read_text())
        yield from map(Requirement, parsed["project"]["dependencies"])


def main() -> int:
    """Print what is wrong; `make lock` puts it right."""
    found = list(problems())
    for problem in found:
        print(problem, file=sys.stderr)
    if found:
        print("make lock renews the lock files.", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
