"""Sealed fields: where they open, under which keys, and what the configuration must hold."""

import base64
import json
from uuid import UUID

import pytest

from chassis.security.sealing import Place, SealBroken, UnknownSealingKey, Vault, key_number
from chassis.settings import SealingSettings, SettingsError, read_settings

ORGANIZATION, ROW = UUID(int=1), UUID(int=2)
HERE = Place(ORGANIZATION, ROW, "clients.document")
NUMBER = b"52998224725"


def key(number: int) -> str:
    return base64.b64encode(bytes([number]) * 32).decode()


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> Vault:
    return Vault(settings(monkeypatch))


def settings(monkeypatch: pytest.MonkeyPatch, **variables: str) -> SealingSettings:
    given = {"FIELD_KEYS": json.dumps({"1": key(1), "2": key(2)}), "BLIND_INDEX_KEY": key(3)}
    for name, value in (given | variables).items():
        monkeypatch.setenv(name, value)
    return read_settings(SealingSettings)


def test_what_was_sealed_opens_in_its_place(vault: Vault) -> None:
    sealed = vault.seal(NUMBER, HERE)

    assert vault.unseal(sealed, HERE) == NUMBER
    assert NUMBER not in sealed
    assert key_number(sealed) == 1


def test_the_same_value_is_sealed_differently_every_time(vault: Vault) -> None:
    assert vault.seal(NUMBER, HERE) != vault.seal(NUMBER, HERE)


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place(UUID(int=9), ROW, "clients.document"),
        Place(ORGANIZATION, UUID(int=9), "clients.document"),
        Place(ORGANIZATION, ROW, "clients.name"),
        Place(ROW, ORGANIZATION, "clients.document"),
    ],
    ids=["organization", "row", "field", "swapped"],
)
def test_in_another_place_it_does_not_open(vault: Vault, elsewhere: Place) -> None:
    sealed = vault.seal(NUMBER, HERE)

    with pytest.raises(SealBroken):
        vault.unseal(sealed, elsewhere)


@pytest.mark.parametrize("position", [0, 1, 2, 13, 14, -1])
def test_one_changed_bit_anywhere_is_noticed(vault: Vault, position: int) -> None:
    sealed = bytearray(vault.seal(NUMBER, HERE))
    sealed[position] ^= 1

    with pytest.raises(SealBroken):
        vault.unseal(bytes(sealed), HERE)


@pytest.mark.parametrize("sealed", [b"", b"\0", b"\0\1", b"\0\1" + bytes(12)])
def test_too_short_to_be_sealed_is_an_error_of_ours(vault: Vault, sealed: bytes) -> None:
    with pytest.raises(SealBroken):
        vault.unseal(sealed, HERE)


def test_the_key_number_cannot_be_rewritten(vault: Vault) -> None:
    """Both keys are known, and neither takes the other's."""
    sealed = vault.seal(NUMBER, HERE)

    with pytest.raises(SealBroken):
        vault.unseal(b"\0\2" + sealed[2:], HERE)


def test_an_older_key_opens_and_the_current_one_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    old = Vault(settings(monkeypatch)).seal(NUMBER, HERE)
    vault = Vault(settings(monkeypatch, FIELD_KEY_CURRENT="2"))

    assert vault.unseal(old, HERE) == NUMBER
    assert key_number(vault.seal(NUMBER, HERE)) == 2


def test_a_removed_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    old = Vault(settings(monkeypatch)).seal(NUMBER, HERE)
    only_new = settings(monkeypatch, FIELD_KEYS=json.dumps({"2": key(2)}), FIELD_KEY_CURRENT="2")

    with pytest.raises(UnknownSealingKey, match="no key 1"):
        Vault(only_new).unseal(old, HERE)


def test_blind_index_is_equal_for_equal_values_of_one_organization_only(vault: Vault) -> None:
    index = vault.blind_index(ORGANIZATION, "clients.document", "52998224725")

    assert index == vault.blind_index(ORGANIZATION, "clients.document", "52998224725")
    assert index != vault.blind_index(UUID(int=9), "clients.document", "52998224725")
    assert index != vault.blind_index(ORGANIZATION, "clients.other", "52998224725")
    assert index != vault.blind_index(ORGANIZATION, "clients.document", "52998224726")


def test_blind_index_hangs_on_its_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Vault(settings(monkeypatch))
    rotated = Vault(settings(monkeypatch, FIELD_KEY_CURRENT="2"))
    other = Vault(settings(monkeypatch, BLIND_INDEX_KEY=key(4)))

    indexes = [each.blind_index(ORGANIZATION, "f", "1") for each in (first, rotated, other)]

    assert indexes[0] == indexes[1] != indexes[2]


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("FIELD_KEYS", "", "FIELD_KEYS is missing"),
        ("FIELD_KEYS", "{secret", "FIELD_KEYS is invalid (expected JSON"),
        ("FIELD_KEYS", '{"1": "c2hvcnQ="}', "key 1 has 5 bytes instead of 32"),
        ("FIELD_KEYS", '{"1": "***"}', "key 1 is not base64"),
        ("FIELD_KEYS", json.dumps({"0": key(1)}), "keys are numbered from 1 to 65535"),
        ("FIELD_KEYS", "{}", "FIELD_KEYS is invalid"),
        ("FIELD_KEY_CURRENT", "7", "FIELD_KEY_CURRENT is 7, which FIELD_KEYS does not hold"),
        ("BLIND_INDEX_KEY", "", "BLIND_INDEX_KEY is missing"),
        ("BLIND_INDEX_KEY", "c2hvcnQ=", "the key has 5 bytes instead of 32"),
        ("BLIND_INDEX_KEY", key(1), "BLIND_INDEX_KEY must not be one of FIELD_KEYS"),
    ],
)
def test_a_wrong_key_is_one_clear_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    problem: str,
) -> None:
    with pytest.raises(SettingsError):
        settings(monkeypatch, **{name: value})

    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert problem in line
    assert not value or name == "FIELD_KEY_CURRENT" or value not in line


def test_keys_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    assert key(1) not in repr(settings(monkeypatch))


def test_what_is_attested_holds_for_its_message_alone(vault: Vault) -> None:
    attested = vault.attest(b"what was done")

    assert vault.attests(attested, b"what was done")
    assert not vault.attests(attested, b"what was not")
    assert not vault.attests(attested[:-1], b"what was done")
    assert not vault.attests(attested[:2] + bytes(32), b"what was done")
    assert not vault.attests(b"\0\2" + attested[2:], b"what was done"), "made with another key"
    assert attested == vault.attest(b"what was done"), "nothing random: it can be compared"


def test_what_a_removed_key_attested_is_said_to_be_unknown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    both = Vault(settings(monkeypatch))
    attested = both.attest(b"what was done")
    later = Vault(
        settings(monkeypatch, FIELD_KEYS=json.dumps({"2": key(2)}), FIELD_KEY_CURRENT="2")
    )

    assert later.attest(b"what was done") != attested
    for made in (attested, b"", b"\0"):
        with pytest.raises(UnknownSealingKey):
            later.attests(made, b"what was done")
