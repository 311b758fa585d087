"""`cogep privacy`: receipts of erasures are what was signed, or are refused in one line."""

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from chassis.security.statements import key_name, signed_head
from devstack.generated_secrets import load_or_generate

STATEMENT = {
    "kind": "erasure.receipt",
    "privacy_request_id": "0192a000-0000-7000-8000-0000000f0001",
    "erasure_id": "0192a000-0000-7000-8000-0000000f0002",
    "services": [
        {
            "service": "core-api",
            "erased": {"tickets": 40, "attachments": 5},
            "kept": {"consents": 2},
            "completed_at": "2026-11-21T12:00:00.000000Z",
        }
    ],
}


def cogep(
    state: Path, *arguments: str, given: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs the program."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("COGEP_", "LEDGER_"))}
    return subprocess.run(
        [sys.executable, "-m", "devstack", "privacy", *arguments],
        env=kept | {"COGEP_STATE_DIR": str(state)} | environment,
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Of a checkout that has its secrets."""
    load_or_generate(tmp_path)
    return tmp_path


def key_of(state: Path) -> Ed25519PrivateKey:
    seed = base64.b64decode(load_or_generate(state).ledger_signing_key())
    return Ed25519PrivateKey.from_private_bytes(seed)


def receipt(key: Ed25519PrivateKey, **changes: Any) -> dict[str, Any]:
    """As core-api makes one."""
    fields = STATEMENT | changes | {"key": key_name(key.public_key())}
    head = json.dumps(fields, sort_keys=True, separators=(",", ":"))
    return {"statement": fields, **signed_head(head, key)}


def test_a_receipt_of_this_system_is_valid(state: Path) -> None:
    file = state / "recibo.json"
    file.write_text(json.dumps(receipt(key_of(state))), "utf-8")

    done = cogep(state, "verify", str(file))

    assert done.returncode == 0, done.stderr
    assert "The receipt is valid" in done.stdout
    assert "core-api: 45 erased in 2 stores, 2 kept in 1" in done.stdout


def test_a_receipt_is_found_in_the_answer_of_the_api(state: Path) -> None:
    answer = {"status": "success", "data": {"id": "…", "receipt": receipt(key_of(state))}}

    assert cogep(state, "verify", "-", given=json.dumps(answer)).returncode == 0


def test_who_has_only_the_public_key_verifies_too(state: Path, tmp_path: Path) -> None:
    public = cogep(state, "key").stdout.strip()
    elsewhere = tmp_path / "nobody"
    given = json.dumps(receipt(key_of(state)))

    alone = cogep(elsewhere, "verify", "-", given=given)
    told = cogep(elsewhere, "verify", "-", "--key", public, given=given)

    assert (alone.returncode, told.returncode) == (1, 0)
    assert "name its public key" in alone.stderr
    assert not elsewhere.exists()


def test_a_key_from_before_still_verifies(state: Path) -> None:
    former = Ed25519PrivateKey.generate()
    known = base64.b64encode(former.public_key().public_bytes_raw()).decode()
    given = json.dumps(receipt(former))

    assert cogep(state, "verify", "-", given=given).returncode == 1
    done = cogep(state, "verify", "-", given=given, LEDGER_FORMER_SIGNERS=known)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"head": "x"}, "NOT valid"),
        ({"signature": "AAAA"}, "NOT valid"),
        ({"signature": "ção"}, "NOT valid"),
        ({"statement": {"kind": "erasure.receipt"}}, "its statement is not what was signed"),
        ({"head": None}, "NOT valid"),
    ],
)
def test_what_was_tampered_with_is_refused_in_one_line(
    state: Path, changed: dict[str, Any], told: str
) -> None:
    given = json.dumps(receipt(key_of(state)) | changed)

    done = cogep(state, "verify", "-", given=given)

    assert (done.returncode, done.stdout) == (1, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("given", ["", "{", "[]", "{}", '"recibo"', "[" * 100_000, "null"])
def test_what_is_no_receipt_is_refused_in_one_line(state: Path, given: str) -> None:
    done = cogep(state, "verify", "-", given=given)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_a_restore_learns_what_it_needs_of_this_checkout(state: Path, tmp_path: Path) -> None:
    told = cogep(state, "environment").stdout
    secrets = load_or_generate(state)

    assert f"LEDGER_SIGNING_KEY={secrets.ledger_signing_key()}" in told
    assert "STORAGE_URL=file://" in told
    assert secrets.blind_index_key in told
    assert cogep(tmp_path / "nobody", "environment").returncode == 1


def test_another_thing_that_was_signed_is_no_receipt(state: Path) -> None:
    given = json.dumps(receipt(key_of(state), kind="erasure.tombstone"))

    assert "no receipt" in cogep(state, "verify", "-", given=given).stderr
