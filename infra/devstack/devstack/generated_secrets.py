"""Secrets of this checkout: random, generated once, readable by nobody else."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from devstack.errors import DevstackError
from devstack.servers.postgres import Passwords

_CALLERS = ("core-api", "ai-svc", "worker-svc")


@dataclass(frozen=True, slots=True)
class GeneratedSecrets:
    """Database passwords, and the key each service sends to the others."""

    passwords: Passwords
    internal_keys: dict[str, str]

    def accepted_keys(self) -> str:
        """INTERNAL_KEYS_ACCEPTED: every caller with its current key."""
        return json.dumps({name: [key] for name, key in self.internal_keys.items()})


def load_or_generate(state: Path) -> GeneratedSecrets:
    """Read `secrets.json` of the state folder; write it first when it is not there."""
    file = state / "secrets.json"
    if not file.exists():
        _write(file, _generate())
    try:
        known = json.loads(file.read_text())
        return GeneratedSecrets(Passwords(**known["passwords"]), dict(known["internal_keys"]))
    except (ValueError, KeyError, TypeError):
        raise DevstackError(
            f"{file} is damaged: make clean starts over (and deletes all data)."
        ) from None


def _generate() -> GeneratedSecrets:
    return GeneratedSecrets(
        Passwords.generate(), {name: secrets.token_urlsafe(32) for name in _CALLERS}
    )


def _write(file: Path, content: GeneratedSecrets) -> None:
    partial = file.with_suffix(f".{os.getpid()}")
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(asdict(content)))
    partial.replace(file)
