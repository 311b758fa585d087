"""Hostile PDFs, pictures, web pages, mails, RTF and plain text."""

import io
import struct
import zlib
from collections.abc import Iterator
from email.message import EmailMessage

import pypdf
from bench.office_files import zipped
from bench.text_files import write_eml
from knowledge_files import PARAGRAPH, make_docx, make_pdf
from knowledge_hostile_file import EITHER, REFUSED, TEXT, Hostile
from PIL import Image

from knowledge.parsing.causes import Cause

_UNREAD = {Cause.NEEDS_OCR, Cause.EMPTY, Cause.TOO_COMPLEX, Cause.BROKEN, Cause.TOO_SLOW}


def documents() -> Iterator[Hostile]:
    """All of them."""
    yield from _pdfs()
    yield from _encrypted_pdfs()
    yield from _pictures()
    yield from _pages()
    yield from _mails()
    yield from _rich_texts()
    yield from _texts()
    yield from _polyglots()


def pdf_of(*objects: bytes, root: bytes = b"<</Type/Catalog/Pages 2 0 R>>") -> bytes:
    """Objects 1 (the catalogue), 2 and so on, with a table of where they are."""
    out, places = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate((root, *objects), start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(places) + 1
    out += b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Root 1 0 R/Size %d>>\n" % (
        count,
        table,
        count,
    )
    return bytes(out + b"startxref\n%d\n%%%%EOF" % bytes(out).rindex(b"xref\n"))


def _stream(content: bytes, extra: bytes = b"") -> bytes:
    return b"<</Length %d%s>>stream\n%s\nendstream" % (len(content), extra, content)


_PAGES = b"<</Type/Pages/Kids[3 0 R]/Count 1>>"
_PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 300]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>"


def _pdfs() -> Iterator[Hostile]:
    squeezed = zlib.compress(b"BT (a) Tj ET\n" * 8_000_000, 9)
    flate = b"/Filter/FlateDecode"
    yield Hostile("pdf-flate-bomb", pdf_of(_PAGES, _PAGE, _stream(squeezed, flate)))
    twice = zlib.compress(zlib.compress(b" " * 200_000_000, 9), 9)
    yield Hostile(
        "pdf-flate-in-flate-bomb",
        pdf_of(_PAGES, _PAGE, _stream(twice, b"/Filter[/FlateDecode/FlateDecode]")),
    )
    filters = b"/Filter[" + b"/ASCIIHexDecode" * 5000 + b"]"
    yield Hostile("pdf-5000-filters", pdf_of(_PAGES, _PAGE, _stream(b"41>", filters)))
    yield Hostile("pdf-pages-loop", pdf_of(b"<</Type/Pages/Kids[2 0 R]/Count 1>>"), REFUSED)
    yield Hostile(
        "pdf-count-lies",
        pdf_of(b"<</Type/Pages/Kids[3 0 R]/Count 2000000000>>", _PAGE, _stream(b"")),
        REFUSED,
    )
    yield Hostile(
        "pdf-count-negative",
        pdf_of(b"<</Type/Pages/Kids[3 0 R]/Count -1>>", _PAGE, _stream(b"")),
        REFUSED,
    )
    yield Hostile("pdf-without-pages", pdf_of(b"<</Type/Pages/Kids[]/Count 0>>"), REFUSED)
    form = _stream(
        b"/X Do", b"/Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</X 5 0 R>>>>"
    )
    yield Hostile("pdf-form-draws-itself", pdf_of(_PAGES, _PAGE, _stream(b"/X Do"), form))
    yield Hostile("pdf-nested-arrays", pdf_of(_PAGES, b"[" * 200_000))
    yield Hostile("pdf-nested-dictionaries", pdf_of(_PAGES, b"<</a" * 100_000))
    yield Hostile(
        "pdf-deep-operators",
        pdf_of(_PAGES, _PAGE, _stream(b"q " * 500_000 + b"BT /F 9 Tf (oi) Tj ET")),
    )
    yield Hostile(
        "pdf-endless-page", pdf_of(_PAGES, _PAGE.replace(b"300 300", b"1e30 1e30"), _stream(b""))
    )
    picture = _stream(
        b"\xff" * 50,
        b"/Type/XObject/Subtype/Image/Width 60000/Height 60000/BitsPerComponent 8/ColorSpace/DeviceRGB",
    )
    yield Hostile(
        "pdf-picture-of-gigabytes", pdf_of(_PAGES, _PAGE, _stream(b"/X Do"), picture), _UNREAD
    )
    for name, action in {
        "javascript": b"/S/JavaScript/JS(app.alert\\(1\\))",
        "launch": b"/S/Launch/F(/bin/sh)",
        "address": b"/S/URI/URI(http://127.0.0.1:9/)",
        "submit": b"/S/SubmitForm/F(http://127.0.0.1:9/)",
    }.items():
        root = b"<</Type/Catalog/Pages 2 0 R/OpenAction<<" + action + b">>>>"
        yield Hostile(
            f"pdf-{name}-on-opening", pdf_of(_PAGES, _PAGE, _stream(b""), root=root), REFUSED
        )
    loop = b"<</Title(a)/Parent 5 0 R/Next 6 0 R/Dest[3 0 R/Fit]>>"
    outline = b"<</Type/Outlines/First 6 0 R/Last 6 0 R>>"
    root = b"<</Type/Catalog/Pages 2 0 R/Outlines 5 0 R>>"
    yield Hostile(
        "pdf-bookmark-loop", pdf_of(_PAGES, _PAGE, _stream(b""), outline, loop, root=root)
    )
    good = make_pdf(PARAGRAPH)
    yield Hostile("pdf-startxref-beyond", good.replace(b"startxref\n", b"startxref\n99999"))
    yield Hostile("pdf-xref-loop", good.replace(b"trailer\n<<", b"trailer\n<</Prev 0 "))
    yield Hostile(
        "pdf-version-lies", good.replace(b"%PDF-1.4", b"%PDF-9.9").replace(b"%PDF-1.3", b"%PDF-9.9")
    )
    yield Hostile("pdf-noise-behind", good + bytes(range(256)) * 4000)
    yield Hostile("pdf-noise-before", b"\x00" * 900 + good)
    yield Hostile("pdf-header-only", b"%PDF-1.7", REFUSED)
    yield Hostile("pdf-6000-pages", make_pdf(*("a" for _ in range(5_200))), {Cause.TOO_LONG})


def _encrypted_pdfs() -> Iterator[Hostile]:
    for algorithm in ("RC4-40", "RC4-128"):
        for owner in (None, "dono"):
            writer = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf(PARAGRAPH)))
            writer.encrypt("segredo", owner, algorithm=algorithm)
            raw = io.BytesIO()
            writer.write(raw)
            yield Hostile(f"pdf-encrypted-{algorithm}-{owner}", raw.getvalue(), {Cause.ENCRYPTED})


def _png(width: int, height: int, body: bytes, *, depth: int = 8, kind: int = 2) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(body, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    check = zlib.crc32(name + content)
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", check)


def _saved(form: str, size: tuple[int, int] = (40, 30), **options: bool) -> bytes:
    raw = io.BytesIO()
    Image.new("RGB", size, "white").save(raw, form, **options)
    return raw.getvalue()


def pictures() -> dict[str, bytes]:
    """A good one of each format."""
    return {form.lower(): _saved(form) for form in ("PNG", "JPEG", "TIFF", "WEBP")}


def _pictures() -> Iterator[Hostile]:
    yield Hostile("png-flood-50000", _png(50_000, 50_000, b""), _UNREAD)
    yield Hostile("png-flood-2-billion", _png(2**31 - 1, 2**31 - 1, b""), _UNREAD)
    yield Hostile("png-30-megapixels-of-nothing", _png(6000, 5000, bytes(100_000)), _UNREAD)
    yield Hostile(
        "png-6400-megapixels-whole", _png(6300, 6300, bytes(6300 * (6300 * 3 + 1))), _UNREAD
    )
    yield Hostile("png-of-no-size", _png(0, 0, b""), _UNREAD)
    yield Hostile("png-strange-depth", _png(9, 9, bytes(900), depth=77, kind=99), _UNREAD)
    text = b"tEXtComment\x00" + b"a" * 100
    yield Hostile("png-broken-chunk", _saved("PNG")[:33] + b"\xff\xff\xff\xff" + text, _UNREAD)
    chunk = _chunk(b"zTXt", b"c\x00\x00" + zlib.compress(b"a" * 80_000_000, 9))
    png = _saved("PNG")
    yield Hostile("png-text-bomb", png[:33] + chunk + png[33:], _UNREAD)
    jpeg = _saved("JPEG")
    at = jpeg.index(b"\xff\xc0")
    yield Hostile(
        "jpeg-flood-65535", jpeg[: at + 5] + b"\xff\xff\xff\xff" + jpeg[at + 9 :], _UNREAD
    )
    yield Hostile("jpeg-of-no-size", jpeg[: at + 5] + b"\x00\x00\x00\x00" + jpeg[at + 9 :], _UNREAD)
    yield Hostile("jpeg-header-only", b"\xff\xd8\xff\xe0", _UNREAD)
    tiff = _saved("TIFF")
    directory = struct.unpack_from("<I", tiff, 4)[0]
    entries = struct.unpack_from("<H", tiff, directory)[0]
    loop = bytearray(tiff)
    struct.pack_into("<I", loop, directory + 2 + entries * 12, directory)
    yield Hostile("tiff-directory-loop", bytes(loop), _UNREAD)
    flood = bytearray(tiff)
    for entry in range(entries):
        place = directory + 2 + entry * 12
        if struct.unpack_from("<H", tiff, place)[0] in (256, 257):
            struct.pack_into(
                "<HHII", flood, place, struct.unpack_from("<H", tiff, place)[0], 4, 1, 2**31 - 1
            )
    yield Hostile("tiff-flood", bytes(flood), _UNREAD)
    yield Hostile("tiff-directory-beyond", b"II*\x00\xff\xff\xff\x7f", _UNREAD)
    frames = [Image.new("1", (8, 8))] * 300
    raw = io.BytesIO()
    frames[0].save(raw, "TIFF", save_all=True, append_images=frames[1:])
    yield Hostile("tiff-300-frames", raw.getvalue(), _UNREAD)
    webp = bytearray(_saved("WEBP", lossless=True))
    webp[21:25] = b"\xff\xff\xff\x0f"
    yield Hostile("webp-flood", bytes(webp), _UNREAD)
    yield Hostile("webp-header-only", b"RIFF\xff\xff\xff\xffWEBPVP8L", _UNREAD)
    yield Hostile("picture-without-letters", _saved("PNG", (600, 400)), {Cause.NEEDS_OCR})


def _pages() -> Iterator[Hostile]:
    yield Hostile("html-nested-divs", b"<div>" * 200_000 + b"x")
    yield Hostile("html-nested-tables", b"<table><tr><td>" * 20_000 + b"x")
    yield Hostile("html-nested-lists", b"<ul><li>" * 20_000 + b"x")
    yield Hostile("html-one-attribute", b"<p a='" + b"x" * 5_000_000 + b"'>oi</p>", TEXT)
    yield Hostile(
        "html-many-attributes", b"<p " + b" ".join(b"a%d=1" % n for n in range(50_000)) + b">oi</p>"
    )
    yield Hostile("html-formatting-elements", b"<p>" + b"<b><i><u><a>" * 20_000 + b"x")
    yield Hostile("html-unclosed-comment", b"<html><!--" + b"a" * 1_000_000)
    yield Hostile(
        "html-script", b"<html><body><script>alert(1)</script><p>texto</p>", TEXT, "alert"
    )
    yield Hostile(
        "html-frames", b"<html><iframe src='file:///etc/passwd'></iframe><p>texto", TEXT, "root:"
    )
    yield Hostile(
        "html-entities", b"<html><p>" + b"&amp;lt;&#x110000;&#0;&notanentity;" * 20_000, TEXT
    )
    for charset in (
        "punycode",
        "utf-7",
        "idna",
        "unicode_escape",
        "rot13",
        "hex",
        "zlib",
        "x" * 5000,
    ):
        page = f"<html><meta charset='{charset}'><p>".encode() + b"caf\xe9 +AGE-"
        yield Hostile(f"html-charset-{charset[:15]}", page, TEXT)


def _mails() -> Iterator[Hostile]:
    yield Hostile("eml-nested-multiparts", _multiparts(2_000))
    message = write_eml("fundo", "corpo do fundo")
    for depth in (2, 10, 60):
        raw = message
        for _ in range(depth):
            outer = EmailMessage()
            outer["Subject"], outer["From"] = "nível", "a@b.example"
            outer.set_content("corpo")
            outer.add_attachment(raw, "application", "octet-stream", filename="carta.eml")
            raw = outer.as_bytes()
            if len(raw) > 3_000_000:
                break
        yield Hostile(f"eml-in-eml-{depth}", raw, TEXT)
    head = b"From: a@b.example\r\nSubject: ciclo\r\nMIME-Version: 1.0\r\n"
    cyclic = head + b'Content-Type: multipart/mixed; boundary="x"\r\n\r\n'
    cyclic += b'--x\r\nContent-Type: multipart/mixed; boundary="x"\r\n\r\n' * 500 + b"--x--\r\n"
    yield Hostile("eml-boundary-of-itself", cyclic)
    yield Hostile(
        "eml-boundary-empty", head + b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\noi'
    )
    yield Hostile("eml-boundary-missing", head + b"Content-Type: multipart/mixed\r\n\r\n--x\r\noi")
    yield Hostile("eml-100000-headers", head + b"X-A: b\r\n" * 100_000 + b"\r\ncorpo")
    yield Hostile(
        "eml-header-of-megabytes", head + b"X-A: " + b"b " * 1_000_000 + b"\r\n\r\ncorpo", TEXT
    )
    yield Hostile(
        "eml-folded-subject",
        b"From: a@b.example\r\nSubject: a\r\n" + b" b\r\n" * 20_000 + b"\r\ncorpo",
    )
    encoded = b"=?utf-8?q?=F0=9F?=" * 5_000
    yield Hostile(
        "eml-encoded-words", b"From: a@b.example\r\nSubject: " + encoded + b"\r\n\r\ncorpo"
    )
    for name in ("base64", "quoted-printable", "x-uuencode", "8bit", "inexistente"):
        body = (
            head + f"Content-Transfer-Encoding: {name}\r\n\r\n".encode() + b"=ZZ=\xff\xfe!!" * 500
        )
        yield Hostile(f"eml-encoding-{name}", body)
    for charset in ("punycode", "utf-16", "zlib_codec", "hz", "idna", "cp99999"):
        body = (
            head
            + f"Content-Type: text/plain; charset={charset}\r\n\r\n".encode()
            + b"caf\xe9 corpo"
        )
        yield Hostile(f"eml-charset-{charset}", body, TEXT)
    names = {"a": "../../etc/passwd", "b": "a\x01b\x7f.txt", "c": "n" * 20_000, "d": "CON"}
    for kind, name in names.items():
        mail = write_eml("nome", "corpo", attachments={"x": b"texto"}).replace(
            b'filename="x"', f'filename="{name}"'.encode()
        )
        yield Hostile(f"eml-attachment-name-{kind}", mail, EITHER, "../")
    bomb = zipped({"a": b"\0" * 150_000_000})
    yield Hostile(
        "eml-attached-zip-bomb", write_eml("a", "corpo", attachments={"a.zip": bomb}), TEXT
    )
    yield Hostile(
        "eml-attached-program",
        write_eml("a", "corpo", attachments={"a.exe": b"MZ" + bytes(99)}),
        TEXT,
    )
    yield Hostile(
        "eml-600-attachments",
        write_eml("a", "corpo", attachments={f"{n}.txt": b"x" for n in range(600)}),
    )
    yield Hostile("eml-addresses", b"From: " + b"a <" * 3_000 + b"\r\nSubject: x\r\n\r\ncorpo")
    yield Hostile("eml-date", b"Date: " + b"9" * 5_000 + b"\r\nSubject: x\r\n\r\ncorpo", TEXT)


def _multiparts(depth: int) -> bytes:
    out = b"From: a@b.example\r\nSubject: fundo\r\nMIME-Version: 1.0\r\n"
    for number in range(depth):
        out += b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (number, number)
    return out + b"\r\ncorpo"


def _rich_texts() -> Iterator[Hostile]:
    yield Hostile("rtf-nested-groups", b"{\\rtf1 " + b"{" * 200_000 + b"x" + b"}" * 200_000 + b"}")
    yield Hostile("rtf-closing-groups", b"{\\rtf1 oi" + b"}" * 100_000)
    yield Hostile("rtf-binary-of-gigabytes", b"{\\rtf1 oi{\\pict\\bin2147483647 x}}")
    yield Hostile("rtf-negative-binary", b"{\\rtf1 oi{\\pict\\bin-5 x}}")
    yield Hostile("rtf-number-overflow", b"{\\rtf1\\fs" + b"9" * 400 + b" oi}")
    yield Hostile("rtf-unicode-beyond", b"{\\rtf1\\uc1 \\u-999999 ?\\u99999999 ?oi}")
    yield Hostile("rtf-skips-everything", b"{\\rtf1\\uc2147483647 \\u233 oi}")
    yield Hostile(
        "rtf-equation-object",
        b"{\\rtf1 oi{\\object\\objocx{\\*\\objdata 0105000002000000}}}",
        EITHER,
        "0105",
    )
    yield Hostile(
        "rtf-dde-field", b'{\\rtf1{\\field{\\*\\fldinst DDEAUTO cmd "/c calc"}{\\fldrslt oi}}}'
    )
    yield Hostile("rtf-bad-hex", b"{\\rtf1 \\'zz\\'g1\\' oi}")
    yield Hostile("rtf-control-word", b"{\\rtf1 \\" + b"a" * 1_000_000 + b" oi}")
    yield Hostile("rtf-cells-without-rows", b"{\\rtf1" + b"\\cell\\row\\trowd" * 20_000 + b" oi}")
    yield Hostile("rtf-begin-only", b"{\\rtf")


def _texts() -> Iterator[Hostile]:
    yield Hostile("text-of-nulls", b"\x00" * 100_000, REFUSED)
    yield Hostile("text-noise", bytes(range(256)) * 100, REFUSED)
    yield Hostile("text-too-long", b"texto " * 2_000_000, {Cause.TOO_LONG})
    yield Hostile("text-combining-marks", b"a" + "\u0316\u0301".encode() * 300_000, TEXT)
    yield Hostile("text-half-utf16", b"\xff\xfea\x00b", TEXT)
    yield Hostile("text-surrogates", b"\xff\xfe\x00\xd8\x00\xd8a\x00", TEXT)
    yield Hostile("text-overlong-utf8", b"\xc0\xaf\xe0\x80\xaf texto com barras", TEXT)
    yield Hostile(
        "text-terminal-escapes", b"\x1b]0;titulo\x07\x1b[2Jtexto" + b" longo" * 99, TEXT, "\x1b"
    )
    yield Hostile("text-right-to-left", "\u202etexto\u202c fim".encode(), TEXT)
    yield Hostile("text-pages", b"a\f" * 6_000, {Cause.TOO_LONG})
    yield Hostile("text-only-blanks", b" \t\r\n" * 1_000, {Cause.EMPTY})
    yield Hostile("csv-one-cell-of-megabytes", b"a;b\n" + b'"' + b"x" * 3_000_000 + b'";2\n')
    yield Hostile("csv-100000-columns", (b"a;" * 100_000 + b"b\n") * 3)
    yield Hostile("csv-unclosed-quote", b'a;b\n"c;d\n' * 50_000)
    yield Hostile("csv-quotes", b'"' * 1_000_000 + b"\na;b\n")
    yield Hostile("csv-formulas", b'nome;valor\n=HYPERLINK("http://x");+1\n@SUM(A1);-2\n', TEXT)
    yield Hostile("markdown-links", b"# a\n" + b"[" * 500_000, TEXT)
    yield Hostile("nothing", b"", {Cause.EMPTY})
    for name, magic in {"gif": b"GIF89a", "elf": b"\x7fELF", "gzip": b"\x1f\x8b\x08", "7z": b"7z\xbc\xaf\x27\x1c",
                        "rar": b"Rar!\x1a\x07\x00", "program": b"MZ\x90\x00", "mp4": b"\x00\x00\x00\x20ftypisom",
                        "class": b"\xca\xfe\xba\xbe\x00\x00", "sqlite": b"SQLite format 3\x00",
                        "postscript": b"%!PS-Adobe", "bmp": b"BM\x00\x00\x00\x00", "heic": b"\x00\x00\x00\x18ftypheic"}.items():  # fmt: skip
        yield Hostile(f"other-{name}", magic + bytes(500), {Cause.UNSUPPORTED_TYPE})


def _polyglots() -> Iterator[Hostile]:
    """Files that are two things at once are read as one of them, or refused."""
    pdf, docx, archive = make_pdf(PARAGRAPH), make_docx(), zipped({"a.txt": "texto"})
    page, png = b"<html><script>alert(1)</script><p>texto", _saved("PNG")
    pairs = {"pdf-zip": pdf + archive, "zip-pdf": archive + pdf, "pdf-docx": pdf + docx, "html-zip": page + archive,
             "html-pdf": page + pdf, "png-zip": png + archive, "gif-script": b"GIF89a/*" + page + b"*/",
             "jpeg-page": _saved("JPEG") + page, "docx-in-page": page + docx, "rtf-pdf": b"{\\rtf1 oi}" + pdf,
             "zip-page": archive + page, "pdf-in-rtf": b"{\\rtf1 " + pdf + b"}", "eml-pdf": write_eml("a", "corpo") + pdf,
             "tiff-zip": _saved("TIFF") + archive, "two-zips": archive + docx}  # fmt: skip
    for name, raw in pairs.items():
        yield Hostile(f"polyglot-{name}", raw, EITHER, "alert")
