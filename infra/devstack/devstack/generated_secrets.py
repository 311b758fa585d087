"""Secrets of this checkout: random, generated once, readable by nobody else."""

import base64
import hashlib
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from devstack.errors import DevstackError
from devstack.servers.postgres import Passwords

_CALLERS = ("core-api", "ai-svc", "worker-svc")


@dataclass(frozen=True, slots=True)
class GeneratedSecrets:
    """Database passwords, the key each service sends to the others, and those of sealed fields."""

    passwords: Passwords
    internal_keys: dict[str, str]
    field_key: str
    blind_index_key: str

    def accepted_keys(self) -> str:
        """INTERNAL_KEYS_ACCEPTED: every caller with its current key."""
        return json.dumps({name: [key] for name, key in self.internal_keys.items()})

    def download_link_key(self) -> str:
        """What core-api signs links with. Made of another key: in production it stands alone."""
        return hashlib.sha256(f"download links {self.field_key}".encode()).hexdigest()

    def source_keys(self) -> str:
        """SOURCE_KEYS: what credentials of sources are sealed under. Made of another key: in
        production it stands alone."""
        key = hashlib.sha256(f"source credentials {self.field_key}".encode()).digest()
        return json.dumps({"1": base64.b64encode(key).decode()})

    def ledger_signing_key(self) -> str:
        """What core-api signs heads of ledgers with. Made of another key, as above."""
        seed = hashlib.sha256(f"consent ledger {self.field_key}".encode()).digest()
        return base64.b64encode(seed).decode()

    def sealing(self) -> dict[str, str]:
        """The variables of chassis' SealingSettings."""
        return {
            "FIELD_KEYS": json.dumps({"1": self.field_key}),
            "FIELD_KEY_CURRENT": "1",
            "BLIND_INDEX_KEY": self.blind_index_key,
        }


def load_or_generate(state: Path) -> GeneratedSecrets:
    """Read `secrets.json` of the state folder; what is missing in it is generated and written."""
    file = state / "secrets.json"
    if not file.exists():
        _write(file, _generate())
    try:
        known = json.loads(file.read_text())
        passwords, keys = Passwords(**known["passwords"]), dict(known["internal_keys"])
        if "field_key" not in known:  # of a checkout from before fields were sealed
            known |= {"field_key": _sealing_key(), "blind_index_key": _sealing_key()}
            _write(file, GeneratedSecrets(passwords, keys, *_sealing_keys(known)))
        return GeneratedSecrets(passwords, keys, *_sealing_keys(known))
    except (ValueError, KeyError, TypeError):
        raise DevstackError(
            f"{file} is damaged: make clean starts over (and deletes all data)."
        ) from None


def _generate() -> GeneratedSecrets:
    return GeneratedSecrets(
        Passwords.generate(),
        {name: secrets.token_urlsafe(32) for name in _CALLERS},
        _sealing_key(),
        _sealing_key(),
    )


def _sealing_keys(known: dict[str, Any]) -> tuple[str, str]:
    return str(known["field_key"]), str(known["blind_index_key"])


def _sealing_key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _write(file: Path, content: GeneratedSecrets) -> None:
    partial = file.with_suffix(f".{os.getpid()}")
    partial.touch(mode=0o600)
    partial.write_text(json.dumps(asdict(content)))
    partial.replace(file)
