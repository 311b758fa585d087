"""What is refused at the door, before anything is stored."""

import pytest
from pydantic import ValidationError

from chassis.data.object_storage import StoredObject
from knowledge.addresses import AddressPolicy
from knowledge.failures import (
    DocumentTooLong,
    EmptyDocument,
    LegacyOffice,
    UnsupportedType,
    UrlRefused,
    refused_for,
)
from knowledge.parsing.causes import Cause
from knowledge.settings import IngestionSettings
from knowledge.submission import Source


def stored(head: bytes) -> StoredObject:
    return StoredObject("o/d/original", len(head), "0" * 64, head)


@pytest.mark.parametrize("text", ["", "   ", "\x00\x00", "\n\t\n"])
def test_a_text_without_words_is_refused(text: str) -> None:
    with pytest.raises(EmptyDocument):
        Source.text(text)


def test_a_text_of_ten_thousand_pages_is_refused() -> None:
    with pytest.raises(DocumentTooLong):
        Source.text("x" * 10_000_001)


def test_a_text_is_named_by_its_first_line() -> None:
    assert Source.text("\n\n# Manual do servidor\nTexto").title == "Manual do servidor"


def test_what_postgres_cannot_hold_is_taken_out_of_a_text() -> None:
    assert Source.text("a\x00b\ud800c").content == "ab?c"


@pytest.mark.parametrize(
    ("head", "refusal"),
    [
        (b"", EmptyDocument),
        (b"GIF89a\x00\x00", UnsupportedType),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", LegacyOffice),
    ],
)
def test_a_file_of_the_wrong_kind_is_refused(head: bytes, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        Source.file(stored(head), "relatorio.pdf")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("manual.pdf", "manual.pdf"),
        ("..\x00/..\n/etc\tpasswd", ".. /.. /etc passwd"),
        ("\u202egnp.exe", "gnp.exe"),
        ("", "Documento sem nome"),
        ("x" * 1000, "x" * 300),
    ],
)
def test_a_file_is_named_without_control_characters(name: str, title: str) -> None:
    assert Source.file(stored(b"texto"), name).title == title


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://169.254.169.254/", "ftp://a.b/"])
def test_an_address_that_is_not_public_is_refused(url: str) -> None:
    with pytest.raises(UrlRefused):
        Source.url(url, AddressPolicy())


@pytest.mark.parametrize("cause", list(Cause))
def test_every_cause_has_a_sentence_for_people(cause: Cause) -> None:
    refusal = refused_for(cause)
    assert refusal.code == cause
    assert str(refusal).endswith(".")


def test_networks_of_an_operator_are_a_list_in_one_variable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("INGESTION_FETCH_ALLOWED_NETWORKS", "10.20.0.0/16, 127.0.0.2/32")
    assert IngestionSettings().fetch_allowed_networks == ("10.20.0.0/16", "127.0.0.2/32")
    monkeypatch.setenv("INGESTION_FETCH_ALLOWED_NETWORKS", "a rede")
    with pytest.raises(ValidationError):
        IngestionSettings()
