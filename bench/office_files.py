"""Office files written part by part, as the programs that make them write them."""

import io
import zipfile
from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape

import docx

from bench.known_text import KnownText, Part, Row

_XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_PACKAGE_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_SLIDE = "http://schemas.openxmlformats.org/presentationml/2006/main"
_DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
_OFFICE = "application/vnd.openxmlformats-officedocument"


def zipped(members: Mapping[str, str | bytes], *, stored: tuple[str, ...] = ()) -> bytes:
    """An archive of these members; `stored` ones are not compressed."""
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            how = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(name, content, how)
    return raw.getvalue()


def write_docx(known: KnownText) -> bytes:
    """Word, by python-docx."""
    document = docx.Document()
    document.core_properties.title = known.title
    for part in known.parts:
        if part.page_break:
            document.add_page_break()  # type: ignore[no-untyped-call]  # python-docx has gaps
        elif part.rows:
            table = document.add_table(rows=len(part.rows), cols=len(part.rows[0]))
            for cells, row in zip(table.rows, part.rows, strict=True):
                for cell, text in zip(cells.cells, row, strict=True):
                    cell.text = text
        elif part.level > 0:
            document.add_heading(part.text, level=part.level)
        else:
            document.add_paragraph(part.text, style="List Bullet" if part.level < 0 else None)
    raw = io.BytesIO()
    document.save(raw)
    return raw.getvalue()


def write_xlsx(sheets: Mapping[str, tuple[Row, ...]]) -> bytes:
    """Excel: strings shared, whole numbers as numbers."""
    strings: dict[str, int] = {}
    members: dict[str, str | bytes] = {}
    for number, rows in enumerate(sheets.values(), start=1):
        body = "".join(
            f'<row r="{at}">{"".join(_cell(text, column, at, strings) for column, text in enumerate(row))}</row>'
            for at, row in enumerate(rows, start=1)
        )
        members[f"xl/worksheets/sheet{number}.xml"] = (
            f'{_XML}<worksheet xmlns="{_SHEET}"><sheetData>{body}</sheetData></worksheet>'
        )
    names = "".join(
        f'<sheet name="{escape(name)}" sheetId="{number}" r:id="rId{number}"/>'
        for number, name in enumerate(sheets, start=1)
    )
    members["xl/workbook.xml"] = (
        f'{_XML}<workbook xmlns="{_SHEET}" xmlns:r="{_RELATIONS}"><sheets>{names}</sheets></workbook>'
    )
    count = len(sheets)
    members["xl/sharedStrings.xml"] = (
        f'{_XML}<sst xmlns="{_SHEET}">'
        + "".join(f"<si><t>{escape(text)}</t></si>" for text in strings)
        + "</sst>"
    )
    members["xl/_rels/workbook.xml.rels"] = _relations(
        {f"rId{n}": ("worksheet", f"worksheets/sheet{n}.xml") for n in range(1, count + 1)}
        | {f"rId{count + 1}": ("sharedStrings", "sharedStrings.xml")}
    )
    kinds = {
        f"/xl/worksheets/sheet{n}.xml": f"{_OFFICE}.spreadsheetml.worksheet+xml"
        for n in range(1, count + 1)
    }
    kinds["/xl/workbook.xml"] = f"{_OFFICE}.spreadsheetml.sheet.main+xml"
    kinds["/xl/sharedStrings.xml"] = f"{_OFFICE}.spreadsheetml.sharedStrings+xml"
    return _package(members, kinds, "xl/workbook.xml")


def _cell(text: str, column: int, row: int, strings: dict[str, int]) -> str:
    place = f"{chr(65 + column)}{row}"
    if text.isdigit():
        return f'<c r="{place}"><v>{text}</v></c>'
    return f'<c r="{place}" t="s"><v>{strings.setdefault(text, len(strings))}</v></c>'


def write_pptx(known: KnownText) -> bytes:
    """PowerPoint: a slide per section, its heading as the slide's title."""
    slides = list(_slides(known))
    members: dict[str, str | bytes] = {}
    for number, parts in enumerate(slides, start=1):
        shapes = "".join(_shape(part, at) for at, part in enumerate(parts, start=2))
        members[f"ppt/slides/slide{number}.xml"] = (
            f'{_XML}<p:sld xmlns:p="{_SLIDE}" xmlns:a="{_DRAWING}" xmlns:r="{_RELATIONS}"><p:cSld>'
            f'<p:spTree><p:nvGrpSpPr><p:cNvPr id="1" name=""/><p:cNvGrpSpPr/><p:nvPr/></p:nvGrpSpPr>'
            f"<p:grpSpPr/>{shapes}</p:spTree></p:cSld></p:sld>"
        )
    ids = "".join(f'<p:sldId id="{255 + n}" r:id="rId{n}"/>' for n in range(1, len(slides) + 1))
    members["ppt/presentation.xml"] = (
        f'{_XML}<p:presentation xmlns:p="{_SLIDE}" xmlns:r="{_RELATIONS}">'
        f"<p:sldIdLst>{ids}</p:sldIdLst></p:presentation>"
    )
    members["ppt/_rels/presentation.xml.rels"] = _relations(
        {f"rId{n}": ("slide", f"slides/slide{n}.xml") for n in range(1, len(slides) + 1)}
    )
    kinds = {
        f"/ppt/slides/slide{n}.xml": f"{_OFFICE}.presentationml.slide+xml"
        for n in range(1, len(slides) + 1)
    }
    kinds["/ppt/presentation.xml"] = f"{_OFFICE}.presentationml.presentation.main+xml"
    return _package(members, kinds, "ppt/presentation.xml")


def _slides(known: KnownText) -> Iterator[list[Part]]:
    slide: list[Part] = []
    for part in known.parts:
        if part.level > 0 and slide:
            yield slide
            slide = []
        slide.append(part)
    yield slide


def _shape(part: Part, number: int) -> str:
    top = number * 1_000_000
    if part.rows:
        rows = "".join(
            "<a:tr>"
            + "".join(f"<a:tc><a:txBody>{_run(cell)}</a:txBody></a:tc>" for cell in row)
            + "</a:tr>"
            for row in part.rows
        )
        return (
            f'<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="{number}" name="t{number}"/><p:cNvGraphicFramePr/>'
            f'<p:nvPr/></p:nvGraphicFramePr><p:xfrm><a:off x="0" y="{top}"/><a:ext cx="9" cy="9"/></p:xfrm>'
            f'<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/table">'
            f"<a:tbl>{rows}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
        )
    place = '<p:ph type="title"/>' if part.level > 0 else f'<p:ph idx="{number}"/>'
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="{number}" name="s{number}"/><p:cNvSpPr/><p:nvPr>{place}</p:nvPr></p:nvSpPr>'
        f'<p:spPr><a:xfrm><a:off x="0" y="{top}"/><a:ext cx="9" cy="9"/></a:xfrm></p:spPr>'
        f"<p:txBody><a:bodyPr/>{_run(part.text)}</p:txBody></p:sp>"
    )


def _run(text: str) -> str:
    return f'<a:p><a:r><a:rPr lang="pt-BR"/><a:t>{escape(text)}</a:t></a:r></a:p>'


def write_odt(known: KnownText) -> bytes:
    """LibreOffice Writer."""
    return odt_of("".join(map(_odt_part, known.parts)), title=known.title)


def odt_of(body: str, *, title: str = "") -> bytes:
    """A file of Writer with this body."""
    names = " ".join(
        f'xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for prefix, name in (
            ("office", "office"),
            ("text", "text"),
            ("table", "table"),
            ("meta", "meta"),
            ("draw", "drawing"),
        )
    )
    dublin = 'xmlns:dc="http://purl.org/dc/elements/1.1/"'
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    return zipped(
        {
            "mimetype": "application/vnd.oasis.opendocument.text",
            "content.xml": f'{_XML}<office:document-content {names} office:version="1.3"><office:body>'
            f"<office:text>{body}</office:text></office:body></office:document-content>",
            "meta.xml": f"{_XML}<office:document-meta {names} {dublin}><office:meta>"
            f"<dc:title>{escape(title)}</dc:title></office:meta></office:document-meta>",
            "META-INF/manifest.xml": f'{_XML}<m:manifest xmlns:m="{manifest}"><m:file-entry '
            f'm:full-path="/" m:media-type="application/vnd.oasis.opendocument.text"/></m:manifest>',
        },
        stored=("mimetype",),
    )


def _odt_part(part: Part) -> str:
    if part.page_break:
        return "<text:p><text:soft-page-break/></text:p>"
    if part.rows:
        rows = "".join(
            "<table:table-row>"
            + "".join(
                f"<table:table-cell><text:p>{escape(cell)}</text:p></table:table-cell>"
                for cell in row
            )
            + "</table:table-row>"
            for row in part.rows
        )
        return f"<table:table>{rows}</table:table>"
    if part.level > 0:
        return f'<text:h text:outline-level="{part.level}">{escape(part.text)}</text:h>'
    text = f"<text:p>{escape(part.text)}</text:p>"
    return (
        f"<text:list><text:list-item>{text}</text:list-item></text:list>"
        if part.level < 0
        else text
    )


def _package(members: Mapping[str, str | bytes], kinds: Mapping[str, str], main: str) -> bytes:
    overrides = "".join(
        f'<Override PartName="{name}" ContentType="{kind}"/>' for name, kind in kinds.items()
    )
    return zipped(
        {
            "[Content_Types].xml": f'{_XML}<Types xmlns="{_TYPES}"><Default Extension="rels" '
            f'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>',
            "_rels/.rels": _relations({"rId1": ("officeDocument", main)}),
            **members,
        }
    )


def _relations(targets: Mapping[str, tuple[str, str]]) -> str:
    entries = "".join(
        f'<Relationship Id="{name}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
        for name, (kind, target) in targets.items()
    )
    return f'{_XML}<Relationships xmlns="{_PACKAGE_RELATIONS}">{entries}</Relationships>'
