"""Runs the services' own Alembic, exactly as their containers do."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from devstack.checkout import MIGRATED, SERVICES
from devstack.errors import StartFailed

_NONE: Final[Mapping[str, str]] = MappingProxyType({})


def migrated_services() -> list[Path]:
    """The services that have migrations; COGEP_MIGRATE (comma list) narrows them to some."""
    wanted = [name for name in os.environ.get("COGEP_MIGRATE", "").split(",") if name] or MIGRATED
    return [SERVICES / name for name in wanted if (SERVICES / name / "alembic.ini").exists()]


def run_alembic(
    owner_url: str,
    arguments: Sequence[str] = ("upgrade", "head"),
    *,
    variables: Mapping[str, str] = _NONE,
) -> None:
    """Run one Alembic command in every service, side by side: they own different schemas.

    `variables`: keys of sealed fields, which migrations of existing data ask for.
    """
    environment = {**os.environ, **variables, "DATABASE_OWNER_URL": owner_url}
    running = [
        (service, _start(service, environment, arguments)) for service in migrated_services()
    ]
    failures = []
    for service, process in running:
        output, _ = process.communicate()
        if process.returncode != 0:
            lines = [line for line in output.splitlines() if line.strip()]
            failures.append(f"{service.name}: {lines[-1] if lines else 'no output'}")
    if failures:
        raise StartFailed(f"Migration failed: {'; '.join(failures)}")


def _start(
    service: Path, environment: Mapping[str, str], arguments: Sequence[str]
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "alembic", *arguments],
        cwd=service,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
