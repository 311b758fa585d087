"""Hostile ZIP archives, office files in them, and OLE files."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator

from bench.compound_file import compound_file, outlook_message
from bench.known_text import made_up
from bench.office_files import odt_of, write_docx, write_odt, write_pptx, write_xlsx, zipped
from bench.text_files import write_epub
from knowledge_hostile_file import REFUSED, TEXT, Hostile

from knowledge.parsing.causes import Cause

KNOWN = made_up(7, sections=1, paragraphs=1)
ROWS = tuple(KNOWN.rows)
OFFICE = {
    "docx": (write_docx(KNOWN), "word/document.xml"),
    "xlsx": (write_xlsx({"Dados": ROWS}), "xl/worksheets/sheet1.xml"),
    "pptx": (write_pptx(KNOWN), "ppt/slides/slide1.xml"),
    "odt": (write_odt(KNOWN), "content.xml"),
    "epub": (write_epub(KNOWN), "OPS/text/c1.xhtml"),
}
SECRET = "root:x:0:0"
_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
_DOCTYPES = {
    "billion-laughs": (f'[<!ENTITY l0 "kkkkkkkkkk">{_LAUGHS}]', "&l9;"),
    "quadratic-entity": (f'[<!ENTITY q "{"q" * 50_000}">]', "&q;" * 5_000),
    "external-entity": ('[<!ENTITY x SYSTEM "file:///etc/passwd">]', "&x;"),
    "external-dtd": ('SYSTEM "http://127.0.0.1:9/evil.dtd"', ""),
    "parameter-entity": ('[<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]', ""),
    "entity-loop": ('[<!ENTITY a "&b;"><!ENTITY b "&a;">]', "&a;"),
}
_SCRIPT = b"MZ\x90\x00 Attribute VB_Name = Shell"


def containers() -> Iterator[Hostile]:
    """All of them."""
    yield from _entities()
    yield from _damaged_parts()
    yield from _encrypted()
    yield from _macros()
    yield from _bombs()
    yield from _nested()
    yield from _names()
    yield from _compound_files()


def _changed(raw: bytes, part: str, content: bytes | None) -> bytes:
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members: dict[str, str | bytes] = {name: archive.read(name) for name in archive.namelist()}
    if content is None:
        del members[part]
    else:
        members[part] = content
    return zipped(members)


def _entities() -> Iterator[Hostile]:
    """Entity expansion: nothing is expanded, nothing fetched, no file of the system read."""
    for form, (raw, part) in OFFICE.items():
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            xml = archive.read(part).decode()
        declaration, root = xml.split("?>", 1)
        for name, (doctype, use) in _DOCTYPES.items():
            used = root.replace("</", f"{use}</", 1) if use else root
            hostile = f"{declaration}?><!DOCTYPE r {doctype}>{used}"
            yield Hostile(f"{form}-{name}", _changed(raw, part, hostile.encode()), without=SECRET)


def _damaged_parts() -> Iterator[Hostile]:
    """The main part missing, empty, no XML, nested a hundred thousand deep, or noise."""
    deep = b"<a>" * 100_000
    for form, (raw, part) in OFFICE.items():
        yield Hostile(f"{form}-without-main-part", _changed(raw, part, None))
        yield Hostile(f"{form}-empty-main-part", _changed(raw, part, b""))
        yield Hostile(f"{form}-main-part-no-xml", _changed(raw, part, b"isto nao e XML <<<"))
        yield Hostile(f"{form}-nested-main-part", _changed(raw, part, deep))
        yield Hostile(f"{form}-noise-main-part", _changed(raw, part, bytes(range(256)) * 40))


def _encrypted() -> Iterator[Hostile]:
    """Every member asks for a password."""
    for form, (raw, _) in OFFICE.items():
        yield Hostile(f"{form}-encrypted", _locked(raw), {Cause.ENCRYPTED})
    locked = _locked(zipped({"a.txt": "segredo"}))
    yield Hostile("zip-encrypted", locked, {Cause.ENCRYPTED})
    streams = {"EncryptedPackage": b"x" * 5000, "EncryptionInfo": b"y" * 100}
    yield Hostile(
        "office-with-password", compound_file(streams), {Cause.ENCRYPTED, Cause.LEGACY_OFFICE}
    )


def _locked(raw: bytes) -> bytes:
    """The flag for encryption in each header, local (offset 6) and central (offset 8)."""
    out = bytearray(raw)
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = out.find(magic)
        while at >= 0:
            out[at + offset] |= 1
            at = out.find(magic, at + 4)
    return bytes(out)


def _macros() -> Iterator[Hostile]:
    """Code is carried along and never run; the text is read."""
    for form, name in (
        ("docx", "word/vbaProject.bin"),
        ("xlsx", "xl/vbaProject.bin"),
        ("pptx", "ppt/vbaProject.bin"),
    ):
        raw = _changed(OFFICE[form][0], name, _SCRIPT)
        yield Hostile(f"{form}-with-macros", raw, TEXT, without="VB_Name")
    enabled = _with_macros_enabled(OFFICE["docx"][0])
    yield Hostile("docm", enabled, TEXT)
    outside = (
        b'<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
        b'relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/'
        b'2006/relationships/attachedTemplate" Target="http://127.0.0.1:9/x.dotm" TargetMode="External"/>'
        b"</Relationships>"
    )
    raw = _changed(OFFICE["docx"][0], "word/_rels/settings.xml.rels", outside)
    yield Hostile("docx-template-from-outside", raw, TEXT)
    formula = (("Nome", "Valor"), ('=cmd|" /C calc"!A0', "1"), ("+SUM(A1)", "@x"))
    yield Hostile("xlsx-dde-formula-as-text", write_xlsx({"a": formula}), TEXT)


def _with_macros_enabled(raw: bytes) -> bytes:
    """As Word saves a .docm: another content type for the same main part."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        types = archive.read("[Content_Types].xml")
    usual = b"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
    other = b"application/vnd.ms-word.document.macroEnabled.main+xml"
    assert usual in types
    return _changed(raw, "[Content_Types].xml", types.replace(usual, other))


def _bombs() -> Iterator[Hostile]:
    zeros = b"\0" * 20_000_000
    many = zipped({f"{n}.bin": zeros for n in range(8)})
    yield Hostile("zip-bomb-160-megabytes", many, {Cause.ARCHIVE_BOMB})
    for form, (raw, part) in OFFICE.items():
        yield Hostile(f"{form}-bomb", _changed(raw, part, b" " * 120_000_000), {Cause.ARCHIVE_BOMB})
        yield Hostile(f"{form}-blank-80-megabytes", _changed(raw, part, b" " * 80_000_000))
    yield Hostile("zip-lying-size", _lying(zipped({"a.txt": b"a" * 30_000_000})))
    yield Hostile("zip-overlapping-members", _overlapping(300), REFUSED | {"text"})
    yield Hostile(
        "zip-3000-members", zipped({f"{n}.txt": "a" for n in range(3000)}), {Cause.ARCHIVE_BOMB}
    )
    yield Hostile(
        "zip-20000-members", zipped({f"{n}": b"" for n in range(20_000)}), {Cause.ARCHIVE_BOMB}
    )
    yield Hostile(
        "xlsx-far-cell",
        _sheet(
            '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
        ),
    )
    cells = "".join(f'<row r="{r}">{"<c><v>1</v></c>" * 200}</row>' for r in range(1, 6001))
    yield Hostile("xlsx-million-cells", _sheet(cells))
    yield Hostile("xlsx-endless-row", _sheet(f'<row r="1">{"<c><v>7</v></c>" * 400_000}</row>'))
    yield Hostile("xlsx-negative-cell", _sheet('<row r="-5"><c r="A-9"><v>1</v></c></row>'))
    yield Hostile(
        "xlsx-missing-string", _sheet('<row r="1"><c r="A1" t="s"><v>99999999</v></c></row>')
    )
    yield Hostile(
        "odt-repeated-cells",
        odt_of(
            '<table:table><table:table-row table:number-rows-repeated="1048576"><table:table-cell table:number-columns-repeated="16384"><text:p>x</text:p></table:table-cell></table:table-row></table:table>'
        ),
    )
    yield Hostile("odt-repeated-blanks", odt_of('<text:p>a<text:s text:c="2000000000"/>b</text:p>'))
    yield Hostile(
        "odt-nested-tables", odt_of("<table:table><table:table-row><table:table-cell>" * 3000)
    )
    yield Hostile(
        "odt-nested-lists",
        odt_of(
            "<text:list><text:list-item>" * 5000
            + "<text:p>x</text:p>"
            + "</text:list-item></text:list>" * 5000
        ),
    )
    slides = "".join('<p:sldId id="256" r:id="rId1"/>' for _ in range(100_000))
    presentation = (
        '<p:presentation xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        f"<p:sldIdLst>{slides}</p:sldIdLst></p:presentation>"
    )
    pptx = _changed(OFFICE["pptx"][0], "ppt/presentation.xml", presentation.encode())
    yield Hostile("pptx-one-slide-100000-times", pptx, TEXT)


def _sheet(rows: str) -> bytes:
    xml = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{rows}</sheetData></worksheet>'
    return _changed(*OFFICE["xlsx"], xml.encode())


def _lying(raw: bytes) -> bytes:
    """Says that its member is ten bytes long."""
    out = bytearray(raw)
    out[22:26] = struct.pack("<I", 10)
    central = out.rfind(b"PK\x01\x02")
    out[central + 24 : central + 28] = struct.pack("<I", 10)
    return bytes(out)


def _overlapping(count: int) -> bytes:
    """All members share one compressed kernel (David Fifield's better zip bomb)."""
    content = b"a" * 1_000_000
    squeezed = zlib.compress(content, 9)[2:-4]
    sizes = struct.pack("<III", zlib.crc32(content), len(squeezed), len(content))
    local = (
        b"PK\x03\x04"
        + struct.pack("<HHHHH", 20, 0, 8, 0, 0)
        + sizes
        + struct.pack("<HH", 1, 0)
        + b"a"
    )
    entries = b"".join(
        b"PK\x01\x02" + struct.pack("<HHHHHH", 20, 20, 0, 8, 0, 0) + sizes
        + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0) + name
        for name in (f"{n}.txt".encode() for n in range(count))
    )  # fmt: skip
    start = len(local) + len(squeezed)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, count, count, len(entries), start, 0)
    return local + squeezed + entries + end


def _nested() -> Iterator[Hostile]:
    inner = zipped({"fundo.txt": "texto do fundo"})
    for depth in (1, 2, 5, 30, 200):
        raw = inner
        for _ in range(depth):
            raw = zipped({"dentro.zip": raw})
        allowed = TEXT if depth <= 2 else {Cause.ARCHIVE_BOMB}
        yield Hostile(f"zip-in-zip-{depth}", raw, allowed)
    wide = inner
    for _ in range(3):
        wide = zipped({f"{n}.zip": wide for n in range(16)})
    yield Hostile("zip-16-by-16-by-16", wide, {Cause.ARCHIVE_BOMB})
    yield Hostile(
        "zip-of-every-office-file", zipped({f"a.{n}": raw for n, (raw, _) in OFFICE.items()}), TEXT
    )
    yield Hostile("zip-empty", zipped({}), REFUSED)
    yield Hostile("zip-of-empty-files", zipped({"a.txt": "", "b.pdf": ""}), REFUSED)
    yield Hostile(
        "zip-of-programs", zipped({"a.exe": _SCRIPT, "b.so": b"\x7fELF" + bytes(99)}), REFUSED
    )
    yield Hostile(
        "zip-with-one-broken-pdf", zipped({"a.pdf": b"%PDF-1.7", "b.txt": "texto bom"}), TEXT
    )


def _names() -> Iterator[Hostile]:
    """Names are shown, never used: nothing is written anywhere."""
    names = {
        "parent-folder": "../../../etc/cron.d/evil.txt",
        "absolute": "/etc/passwd.txt",
        "drive": "C:\\Windows\\System32\\evil.txt",
        "share": "\\\\servidor\\pasta\\evil.txt",
        "device": "CON.txt",
        "control": "a\x01\x02\x1b[31mb\r\n.txt",
        "right-to-left": "foto\u202etxt.exe.txt",
        "zero-width": "a\u200b\u200d\ufeffb.txt",
        "endless": "n" * 60_000 + ".txt",
        "slashes": "/" * 5_000 + "a.txt",
        "dots": "....//....//a.txt",
        "only-dots": "..",
        "markup": "<script>alert(1)</script>.txt",
        "heading": "# Título falso\n## outro.txt",
        "emoji": "🗂️ relatório ção.txt",
        "sql": "'; DROP TABLE documents; --.txt",
    }  # fmt: skip
    for kind, name in names.items():
        yield Hostile(f"zip-name-{kind}", zipped({name: "texto inofensivo"}), TEXT, without="../")
    link = zipfile.ZipInfo("atalho.txt")
    link.external_attr = 0o120777 << 16
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w") as archive:
        archive.writestr(link, "/etc/passwd")
        archive.writestr("b.txt", "texto")
    yield Hostile("zip-symbolic-link", raw.getvalue(), TEXT, without=SECRET)
    double = io.BytesIO(zipped({"a.txt": "um"}))
    with zipfile.ZipFile(double, "a") as archive:
        archive.writestr("A.TXT", "dois")
    yield Hostile("zip-names-alike", double.getvalue(), TEXT)


def _compound_files() -> Iterator[Hostile]:
    message = outlook_message("Assunto", "Corpo do e-mail", attachments={"a.txt": b"anexo"})
    for name in ("WordDocument", "Workbook", "PowerPoint Document", "Book"):
        yield Hostile(
            f"legacy-{name.split()[0].lower()}",
            compound_file({name: b"x" * 9000}),
            {Cause.LEGACY_OFFICE},
        )
    yield Hostile("ole-of-something-else", compound_file({"Contents": b"x" * 5000}), REFUSED)
    yield Hostile("ole-empty", compound_file({}), REFUSED)
    for at in (24, 30, 32, 44, 48, 56, 60, 64, 68, 72, 76, 80):
        broken = bytearray(message)
        broken[at : at + 4] = b"\xfe\xfe\xfe\x7f"
        yield Hostile(f"msg-header-{at}", bytes(broken))
    loop = bytearray(message)
    fat = (struct.unpack_from("<I", loop, 76)[0] + 1) * 512
    loop[fat : fat + 400] = struct.pack("<100I", *([1, 0] * 50))
    yield Hostile("msg-sector-loop", bytes(loop))
    cyclic = bytearray(message)
    directory = (struct.unpack_from("<I", loop, 48)[0] + 1) * 512
    for entry in range(4):
        struct.pack_into("<III", cyclic, directory + entry * 128 + 68, 1, 1, 1)
    yield Hostile("msg-directory-loop", bytes(cyclic))
    inner = message
    for _ in range(12):
        inner = outlook_message("Re", "corpo", attachments={"mensagem.msg": inner})
    yield Hostile("msg-in-msg-12", inner, TEXT)
    yield Hostile(
        "msg-attached-zip-bomb",
        outlook_message("a", "corpo", attachments={"a.zip": zipped({"b": b"\0" * 150_000_000})}),
        TEXT,
    )
    yield Hostile("msg-without-text", outlook_message("", ""), REFUSED)
