"""`cogep privacy`: whether a receipt of an erasure is what the system has signed."""

import base64
import binascii
import json
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from rich.console import Console

from chassis.security.statements import by_name, opened_head
from devstack.errors import DevstackError
from devstack.generated_secrets import load_or_generate
from devstack.settings import StackSettings

KIND: Final = "erasure.receipt"
_LARGEST: Final = 1_048_576
_KEY_BYTES: Final = 32


def verify_receipt(settings: StackSettings, source: str, keys: Sequence[str]) -> None:
    """Says what was erased, or fails: `source` is a file, or `-` for the standard input."""
    receipt = _found(_content(source))
    if receipt is None:
        raise DevstackError("This is no receipt: it has no signed head.")
    fields = opened_head(json.dumps(receipt), by_name(_trusted(settings, keys)))
    if fields is None:
        raise DevstackError("The receipt is NOT valid: none of the known keys has signed it.")
    if fields.get("kind") != KIND:
        raise DevstackError(f"This was signed, but is no receipt: {fields.get('kind')}.")
    if "statement" in receipt and receipt["statement"] != fields:
        raise DevstackError("The receipt is NOT valid: its statement is not what was signed.")
    _tell(fields)


def print_public_key(settings: StackSettings) -> None:
    """The key by which others can verify receipts."""
    raw = _own_key(settings).public_bytes_raw()
    print(base64.b64encode(raw).decode())


def print_environment(settings: StackSettings) -> None:
    """What replaying the suppression ledger needs of this checkout, for a shell to read."""
    _require_secrets(settings)
    secrets = load_or_generate(settings.state)
    storage = settings.environment.get("STORAGE_URL") or (settings.state / "objects").as_uri()
    variables = {
        "STORAGE_URL": storage,
        "LEDGER_SIGNING_KEY": secrets.ledger_signing_key(),
        **secrets.sealing(),
    }
    for name, value in variables.items():
        print(f"{name}={shlex.quote(value)}")


def _content(source: str) -> Any:
    try:
        raw = sys.stdin.buffer.read(_LARGEST) if source == "-" else _read(Path(source))
        return json.loads(raw)
    except FileNotFoundError:
        raise DevstackError(f"There is no file {source}.") from None
    except (ValueError, RecursionError):
        raise DevstackError(f"{source} is not JSON.") from None


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(_LARGEST)


def _found(content: Any) -> dict[str, Any] | None:
    """The receipt itself, or the answer of the API in which it stands."""
    while isinstance(content, dict):
        if "head" in content and "signature" in content:
            return content
        content = content.get("receipt") or content.get("data")
    return None


def _trusted(settings: StackSettings, keys: Sequence[str]) -> list[Ed25519PublicKey]:
    """Those that were named, else this checkout's own and those before it."""
    if keys:
        return [_public(key) for key in keys]
    former = os.environ.get("LEDGER_FORMER_SIGNERS", "").split()
    return [_own_key(settings), *map(_public, former)]


def _own_key(settings: StackSettings) -> Ed25519PublicKey:
    given = os.environ.get("LEDGER_SIGNING_KEY")
    if not given:
        _require_secrets(settings)
    private = given or load_or_generate(settings.state).ledger_signing_key()
    return Ed25519PrivateKey.from_private_bytes(_bytes(private)).public_key()


def _require_secrets(settings: StackSettings) -> None:
    if not (settings.state / "secrets.json").exists():
        raise DevstackError("There is no system here: name its public key with --key.")


def _public(key: str) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(_bytes(key))


def _bytes(key: str) -> bytes:
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != _KEY_BYTES:
        raise DevstackError("A key has 32 bytes, in base64.")
    return raw


def _tell(fields: dict[str, Any]) -> None:
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"The receipt is valid. Signed by key {fields['key']}.")
    console.print(f"Request {fields['privacy_request_id']}, erasure {fields['erasure_id']}.")
    for service in fields["services"]:
        erased, kept = service["erased"], service["kept"]
        console.print(
            f"{service['service']}: {sum(erased.values())} erased in {len(erased)} stores,"
            f" {sum(kept.values())} kept in {len(kept)}, proven at {service['completed_at']}."
        )
