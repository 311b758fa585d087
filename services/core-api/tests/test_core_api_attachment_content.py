"""What a file is, by its content, and what its name may be."""

import io
from contextlib import suppress

import pytest
from core_api_files import EXE, PDF, PNG, ole, zipped
from hypothesis import given
from hypothesis import strategies as st

from core_api.modules.attachments.content import identify, served_as
from core_api.modules.attachments.exceptions import AttachmentTypeRefused
from core_api.modules.attachments.names import clean_name, content_disposition

CONTENT_TYPES = "[Content_Types].xml"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ODT = "application/vnd.oasis.opendocument.text"


def kind_of(raw: bytes, name: str = "arquivo") -> str:
    return identify(io.BytesIO(raw), len(raw), name)


def _by_name(value: bytes | str) -> str:
    """Names tests alike in every process: archives hold the time they were made."""
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(
    ("raw", "name", "expected"),
    [
        (PDF, "laudo.pdf", "application/pdf"),
        (PDF, "sem extensão", "application/pdf"),
        (PNG, "foto.pdf", "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(50), "f.jpg", "image/jpeg"),
        (b"GIF89a" + bytes(50), "f.gif", "image/gif"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 " + bytes(40), "f.webp", "image/webp"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(40), "f.wav", "audio/wav"),
        (b"\x00\x00\x00\x20ftypisom\x00\x00\x02\x00isomiso2" + bytes(40), "v.mp4", "video/mp4"),
        (b"OggS\x00\x02" + bytes(22) + b"\x01\x13OpusHead", "voz.ogg", "audio/ogg"),
        (b"{\\rtf1\\ansi texto}", "carta.rtf", "application/rtf"),
        (zipped(CONTENT_TYPES, "word/document.xml"), "carta.docx", WORD),
        (zipped(CONTENT_TYPES, "xl/workbook.xml"), "conta.xlsx", SHEET),
        (zipped("content.xml", mimetype=ODT), "carta.odt", ODT),
        (zipped("fotos/1.png", "fotos/2.png"), "fotos.zip", "application/zip"),
        (ole("WordDocument"), "antigo.doc", "application/msword"),
        (ole("Workbook"), "antigo.xls", "application/vnd.ms-excel"),
        ("Olá, João. Segue a relação.".encode(), "nota.txt", "text/plain"),
        ("ação;preço\n1;2\n".encode("latin-1"), "dados.csv", "text/csv"),
        ("Olá".encode("utf-16"), "nota.txt", "text/plain"),
        (b"<!DOCTYPE html><script>alert(1)</script>", "pagina.txt", "text/html"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>", "i.png", "image/svg+xml"),
    ],
    ids=_by_name,
)
def test_told_by_content(raw: bytes, name: str, expected: str) -> None:
    assert kind_of(raw, name) == expected


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (EXE, "laudo.pdf"),
        (b"\x7fELF" + bytes(100), "foto.png"),
        (b"\xcf\xfa\xed\xfe" + bytes(100), "a.pdf"),
        (b"\xca\xfe\xba\xbe\x00\x00\x00\x34" + bytes(100), "a.pdf"),
        (b"#!/bin/sh\nrm -rf /\n", "leia.txt"),
        (b"L\x00\x00\x00\x01\x14\x02\x00" + bytes(100), "atalho.pdf"),
        (b"del /q *", "rodar.bat"),
        (b"alert(1)", "codigo.JS"),
        (PDF, "laudo.pdf.exe"),
        (zipped("META-INF/MANIFEST.MF", "A.class"), "lib.zip"),
        (zipped("foto.png", "instalar.exe"), "fotos.zip"),
        (zipped(CONTENT_TYPES, "word/document.xml", "word/vbaProject.bin"), "carta.docx"),
        (zipped("Basic/script-lc.xml", mimetype=ODT), "carta.odt"),
        (ole("Workbook", "_VBA_PROJECT_CUR"), "conta.xls"),
        (ole("DigitalSignature"), "setup.pdf"),
        (zipped("a.txt")[:-10], "cortado.zip"),
        (b"PK\x03\x04", "curto.zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "curto.doc"),
        (bytes(range(256)) * 8, "nada.bin"),
    ],
    ids=_by_name,
)
def test_programs_and_unknown_things_are_refused_whatever_they_are_called(
    raw: bytes, name: str
) -> None:
    with pytest.raises(AttachmentTypeRefused):
        kind_of(raw, name)


def test_a_zip_with_a_directory_built_to_be_expensive_is_refused() -> None:
    raw = zipped(*(f"pasta/{number:060}" for number in range(25_000)))
    with pytest.raises(AttachmentTypeRefused):
        kind_of(raw)


@given(
    st.binary(max_size=600),
    st.sampled_from([b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b""]),
)
def test_no_content_makes_it_fail_otherwise(raw: bytes, start: bytes) -> None:
    with suppress(AttachmentTypeRefused):
        assert kind_of(start + raw)


@pytest.mark.parametrize(
    ("media_type", "expected"),
    [
        ("application/pdf", "application/pdf"),
        ("image/png", "image/png"),
        ("text/html", "application/octet-stream"),
        ("image/svg+xml", "application/octet-stream"),
        ("application/xml", "application/octet-stream"),
        ("text/markdown", "application/octet-stream"),
    ],
)
def test_markup_is_never_told_to_a_browser(media_type: str, expected: str) -> None:
    assert served_as(media_type) == expected


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("laudo.pdf", "laudo.pdf"),
        ("C:\\Users\\ana\\laudo.pdf", "laudo.pdf"),
        ("../../etc/passwd", "passwd"),
        ("a\x00b\r\n\t.pdf", "ab.pdf"),
        ("foto\u202efdp.png", "fotofdp.png"),
        ("con.txt", "anexo-con.txt"),
        ("...", "anexo"),
        (None, "anexo"),
        ('a"b<c>.txt', "a_b_c_.txt"),
        ("x" * 300 + ".pdf", "x" * 146 + ".pdf"),
    ],
)
def test_names_are_made_harmless(given_name: str | None, expected: str) -> None:
    assert clean_name(given_name) == expected


def test_the_name_travels_in_ascii_and_in_full() -> None:
    assert content_disposition('Certidão "2ª via".pdf') == (
        'attachment; filename="Certidao _2a via_.pdf"; '
        "filename*=UTF-8''Certid%C3%A3o%20%222%C2%AA%20via%22.pdf"
    )


@given(st.text(max_size=80))
def test_no_name_leaves_the_header(name: str) -> None:
    header = content_disposition(clean_name(name))
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
