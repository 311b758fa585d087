"""CSV as strangers send it: told how it is written, and read in little memory whatever it is."""

import codecs
import itertools
import random
import tracemalloc
from collections.abc import Iterator

import pytest

from chassis.data.csv_detection import CsvProbe, NotCsv, first_records
from chassis.data.csv_reading import (
    MAX_CELLS,
    CsvFormat,
    CsvRecord,
    CsvRecords,
    CsvUnreadable,
    RecordProblem,
)

PEOPLE = [["código", "nome", "cidade"], ["1", "Júlia Prado", "São Paulo"], ["2", "Caio", "Avaré"]]
ENCODINGS = {
    "utf-8": ("utf-8", b""),
    "utf-8 with BOM": ("utf-8", codecs.BOM_UTF8),
    "utf-16-le with BOM": ("utf-16-le", codecs.BOM_UTF16_LE),
    "utf-16-be with BOM": ("utf-16-be", codecs.BOM_UTF16_BE),
    "utf-16-le": ("utf-16-le", b""),
    "cp1252": ("cp1252", b""),
}
MEGABYTE = 2**20


def detected(content: bytes, size: int = 4096) -> CsvFormat:
    probe = CsvProbe()
    for start in range(0, len(content), size):
        probe.feed(content[start : start + size])
    return probe.detect()


def read(content: bytes, form: CsvFormat, size: int = 4096) -> Iterator[CsvRecord]:
    records = CsvRecords(form)
    for start in range(0, len(content), size):
        yield from records.feed(content[start : start + size])
    yield from records.finish()


@pytest.mark.parametrize(("name", "separator"), [*itertools.product(ENCODINGS, ";,\t|")])
def test_encoding_and_separator_are_told_from_the_file(name: str, separator: str) -> None:
    encoding, bom = ENCODINGS[name]
    text = "".join(separator.join(row) + "\r\n" for row in PEOPLE)
    content = bom + text.encode(encoding)

    form = detected(content)

    assert form == CsvFormat(encoding, separator)
    for size in (1, 3, 4096):  # characters and lines may be cut anywhere
        assert [record.cells for record in read(content, form, size)] == PEOPLE
    assert [record.cells for record in first_records(content, form, 2)] == PEOPLE[:2]


def test_an_accent_far_below_the_beginning_decides_the_encoding() -> None:
    plain = "nome;cidade\n" + "Ana;Avare\n" * 20_000

    assert detected(plain.encode() + "José;Avaré\n".encode("cp1252")).encoding == "cp1252"
    assert detected(plain.encode() + "José;Avaré\n".encode()).encoding == "utf-8"


def test_separators_within_quotes_do_not_count() -> None:
    content = 'nome,endereço\n"Prado; Júlia; de; Souza","a|b;c"\n'.encode()

    assert detected(content).delimiter == ","


@pytest.mark.parametrize(
    "content",
    [b"", b"\r\n \n", b"PK\x03\x04" + b"a;b\n" * 9, b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n"],
)
def test_what_people_send_by_mistake_is_no_csv(content: bytes) -> None:
    with pytest.raises(NotCsv):
        detected(content)


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_are_no_csv_and_break_nothing(seed: int) -> None:
    content = random.Random(seed).randbytes(200_000)

    with pytest.raises(NotCsv):
        detected(content)
    try:
        for record in read(content, CsvFormat("cp1252", ";")):
            assert record.problem or not any("\0" in cell for cell in record.cells)
    except CsvUnreadable:
        pass


def test_a_line_with_nul_is_refused_and_shown_without_it() -> None:
    _, bad, good = read(b"nome;cidade\nA\0na;x\nBia;y\n", CsvFormat("utf-8", ";"))

    assert (bad.number, bad.problem) == (2, RecordProblem.NUL)
    assert "\0" not in "".join(bad.cells)
    assert (good.cells, good.problem) == (["Bia", "y"], None)


def test_a_line_of_ten_megabytes_costs_little_memory() -> None:
    def parts() -> Iterator[bytes]:
        yield b"nome;cidade\n"
        for _ in range(160):
            yield b"x" * 65_536
        yield b";y\nBia;z\n"

    records = CsvRecords(CsvFormat("utf-8", ";"))
    tracemalloc.start()
    found = [record for part in parts() for record in records.feed(part)] + [*records.finish()]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert [record.problem for record in found] == [None, RecordProblem.TOO_LONG, None]
    assert (found[2].number, found[2].cells) == (3, ["Bia", "z"])
    assert peak < 3 * MEGABYTE


def test_five_thousand_columns_are_refused_row_by_row() -> None:
    wide = ";".join(["x"] * 5_000)
    records = list(read(f"nome;cidade\n{wide}\nBia;y\n".encode(), CsvFormat("utf-8", ";")))

    assert [record.problem for record in records] == [None, RecordProblem.TOO_MANY_CELLS, None]
    assert len(records[1].cells) == MAX_CELLS


def test_an_open_quote_costs_its_own_line_only() -> None:
    content = b'nome;cidade\n"Ana;x\nBia;y\nCaio;z\n'
    _, bad, *good = read(content, CsvFormat("utf-8", ";"))

    assert (bad.number, bad.problem) == (2, RecordProblem.UNCLOSED_QUOTE)
    assert [(record.number, record.cells) for record in good] == [
        (3, ["Bia", "y"]),
        (4, ["Caio", "z"]),
    ]


def test_a_file_whose_quotes_never_close_is_no_csv() -> None:
    content = b"a;b\n" + (b'"' + b"y" * 60_000 + b"\n") * 150

    with pytest.raises(CsvUnreadable):
        list(read(content, CsvFormat("utf-8", ";")))
