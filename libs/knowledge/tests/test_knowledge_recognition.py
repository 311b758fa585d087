"""Text of scans and pictures through Tesseract; a clear state where there is none."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any, Final

import docx
import psutil
import pypdf
import pytest
from bench.known_text import KnownText, Part, words_of
from bench.office_files import zipped
from bench.print_files import write_pdf, write_picture, write_scan
from knowledge_factories import Knowledge, in_parts
from PIL import ExifTags, Image, ImageOps
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from knowledge import originals
from knowledge.models import DocumentStatus
from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.extraction import Limits
from knowledge.parsing.recognition import Recogniser
from knowledge.parsing.sniffing import HEAD_BYTES, sniff
from knowledge.parsing.tesseract import tesseract
from knowledge.sandbox import File, Sandbox, SandboxLimits

KNOWN: Final = KnownText(
    "Férias",
    (
        Part("Férias do servidor", level=1),
        Part("O servidor terá direito a trinta dias de férias, que não serão acumuladas."),
    ),
)
needs_tesseract = pytest.mark.skipif(
    tesseract() is None,
    reason="Tesseract with Portuguese is not installed (apt install tesseract-ocr-por)",
)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    box = Sandbox(SandboxLimits(Limits()))
    yield box
    await box.close()


def file_of(raw: bytes) -> File:
    return File(len(raw), in_parts(raw))


def with_a_scan(text_first: bytes, scan: bytes) -> bytes:
    """One document of both."""
    writer = pypdf.PdfWriter()
    for part in (text_first, scan):
        writer.append(io.BytesIO(part))
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "PDF", "ZIP"])
async def test_without_recognition_pictures_say_what_they_need(sandbox: Sandbox, form: str) -> None:
    raw = write_scan(KNOWN) if form == "PDF" else write_picture(KNOWN, form.replace("ZIP", "PNG"))
    raw = zipped({"foto.png": raw}) if form == "ZIP" else raw
    with pytest.raises(ParsingFailure) as failure:
        await sandbox.parse(file_of(raw), sniff(raw[:HEAD_BYTES]))
    assert failure.value.cause is Cause.NEEDS_OCR


async def test_pages_that_stay_unread_are_counted(sandbox: Sandbox) -> None:
    mixed = with_a_scan(write_pdf(KNOWN), write_scan(KNOWN))
    text = await sandbox.parse(file_of(mixed), sniff(mixed))
    assert words_of(text.text) == KNOWN.words
    assert text.unread_pages == 1


@needs_tesseract
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "WEBP", "PDF"])
async def test_scans_and_pictures_are_read_with_their_accents(sandbox: Sandbox, form: str) -> None:
    raw = write_scan(KNOWN) if form == "PDF" else write_picture(KNOWN, form)
    text = await sandbox.parse(file_of(raw), sniff(raw[:HEAD_BYTES]), recognise=True)
    assert words_of(text.text) == KNOWN.words
    assert text.page_starts == (0,)


@needs_tesseract
@pytest.mark.parametrize("sideways", [False, True])
async def test_what_is_transparent_is_paper(sandbox: Sandbox, sideways: bool) -> None:
    page = Image.open(io.BytesIO(write_picture(KNOWN, "PNG"))).convert("L")
    ink = Image.merge("LA", (Image.new("L", page.size, 0), ImageOps.invert(page)))
    exif = Image.Exif()
    if sideways:
        ink = ink.rotate(90, expand=True)
        exif[ExifTags.Base.Orientation] = 6
    raw = io.BytesIO()
    ink.save(raw, "PNG", exif=exif)
    whole = raw.getvalue()
    text = await sandbox.parse(file_of(whole), sniff(whole[:HEAD_BYTES]), recognise=True)
    assert words_of(text.text) == KNOWN.words


@needs_tesseract
async def test_scanned_pages_stand_between_the_others(sandbox: Sandbox) -> None:
    mixed = with_a_scan(write_pdf(KNOWN), write_scan(KNOWN))
    text = await sandbox.parse(file_of(mixed), sniff(mixed), recognise=True)
    assert words_of(text.text) == KNOWN.words * 2
    assert len(text.page_starts) == 2
    assert text.unread_pages == 0


STAMP: Final = "Documento assinado eletronicamente por Ana Lima. Código verificador 0012345."


def stamped(scan: bytes, *, seen: bool = True) -> bytes:
    """The scan with a line of text on each page, in letters or as what a scanner has read."""
    overlay = io.BytesIO()
    canvas = Canvas(overlay, pagesize=A4)
    line = canvas.beginText(40, 20)
    line.setTextRenderMode(0 if seen else 3)
    line.textLine(STAMP)
    canvas.drawText(line)
    canvas.save()
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(scan))
    for page in writer.pages:
        page.merge_page(pypdf.PdfReader(overlay).pages[0])
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


async def test_a_stamp_on_a_scan_is_not_all_it_says(sandbox: Sandbox) -> None:
    raw = stamped(write_scan(KNOWN))
    text = await sandbox.parse(file_of(raw), sniff(raw))
    assert (text.text, text.unread_pages) == (STAMP, 1)


async def test_what_a_scanner_has_read_is_the_text_of_the_page(sandbox: Sandbox) -> None:
    raw = stamped(write_scan(KNOWN), seen=False)
    text = await sandbox.parse(file_of(raw), sniff(raw))
    assert (text.text, text.unread_pages) == (STAMP, 0)


async def test_a_logo_makes_no_page_a_picture(sandbox: Sandbox) -> None:
    canvas = Canvas(raw := io.BytesIO(), pagesize=A4)
    canvas.drawInlineImage(Image.new("RGB", (40, 40), "gray"), 50, 700, 120, 120)
    canvas.drawString(50, 600, "Certidão negativa de débitos.")
    canvas.save()
    text = await sandbox.parse(file_of(raw.getvalue()), sniff(raw.getvalue()))
    assert (text.text, text.unread_pages) == ("Certidão negativa de débitos.", 0)


@needs_tesseract
async def test_a_stamped_scan_is_read_below_its_stamp(sandbox: Sandbox) -> None:
    raw = stamped(write_scan(KNOWN))
    text = await sandbox.parse(file_of(raw), sniff(raw), recognise=True)
    assert words_of(text.text)[: len(KNOWN.words)] == KNOWN.words
    assert text.unread_pages == 0


@needs_tesseract
async def test_stamped_scans_no_time_is_left_for_are_counted() -> None:
    hurried = Sandbox(SandboxLimits(Limits(recognition_seconds=0.01)))
    raw = with_a_scan(write_pdf(KNOWN), stamped(write_scan(KNOWN)))
    text = await hurried.parse(file_of(raw), sniff(raw), recognise=True)
    await hurried.close()
    assert words_of(text.text) == [*KNOWN.words, *words_of(STAMP)]
    assert text.unread_pages == 1


def pasted() -> bytes:
    """A Word file of nothing but a photographed page and a logo."""
    logo = io.BytesIO()
    Image.new("RGB", (40, 40), "gray").save(logo, "PNG")
    document = docx.Document()
    for picture in (logo.getvalue(), write_picture(KNOWN, "PNG")):
        document.add_picture(io.BytesIO(picture))
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


async def test_a_photographed_page_in_a_word_file_needs_recognition(sandbox: Sandbox) -> None:
    raw = pasted()
    with pytest.raises(ParsingFailure) as failure:
        await sandbox.parse(file_of(raw), sniff(raw[:HEAD_BYTES]))
    assert failure.value.cause is Cause.NEEDS_OCR


@needs_tesseract
async def test_a_photographed_page_in_a_word_file_is_read(sandbox: Sandbox) -> None:
    raw = pasted()
    text = await sandbox.parse(file_of(raw), sniff(raw[:HEAD_BYTES]), recognise=True)
    assert words_of(text.text) == KNOWN.words


@needs_tesseract
async def test_recognition_ends_with_who_asked_for_it(sandbox: Sandbox) -> None:
    raw = zipped({f"{number}.png": write_picture(KNOWN, "PNG") for number in range(20)})
    others = _running()
    reading = asyncio.create_task(sandbox.parse(file_of(raw), sniff(raw), recognise=True))
    async with asyncio.timeout(20):
        while not (ours := _running() - others):  # noqa: ASYNC110 - nobody tells of a start
            await asyncio.sleep(0.01)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    async with asyncio.timeout(5):
        while ours & _running():  # noqa: ASYNC110 - the kernel kills, and tells nobody
            await asyncio.sleep(0.01)


def _running() -> set[int]:
    """Processes of Tesseract, orphaned ones too."""
    return {
        process.pid
        for process in psutil.process_iter(["name", "status"])
        if process.info["name"] == "tesseract" and process.info["status"] != psutil.STATUS_ZOMBIE
    }


@needs_tesseract
async def test_a_file_has_its_share_of_time(sandbox: Sandbox) -> None:
    hurried = Sandbox(SandboxLimits(Limits(recognition_seconds=0.01)))
    raw = write_picture(KNOWN, "PNG")
    with pytest.raises(ParsingFailure) as failure:
        await hurried.parse(file_of(raw), sniff(raw), recognise=True)
    assert failure.value.cause is Cause.TOO_SLOW
    await hurried.close()


def test_nothing_is_read_where_it_is_not_allowed() -> None:
    recogniser = Recogniser(Limits(), allowed=False)
    assert recogniser.read(Image.new("L", (20, 20))) is None
    assert recogniser.unread == 1


@needs_tesseract
@pytest.mark.committed
async def test_a_scan_is_indexed_with_its_page(knowledge: Knowledge) -> None:
    document_id = await knowledge.submit_file(write_scan(KNOWN))
    await knowledge.work()
    document = await knowledge.document(document_id)
    assert (document.status, document.error_code) == (DocumentStatus.INDEXED, None)
    (chunk,) = await knowledge.chunks(document_id)
    assert "trinta dias de férias" in chunk.content
    assert chunk.page == 1


@pytest.mark.committed
async def test_without_tesseract_a_scan_fails_and_says_what_to_do(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(originals, "tesseract", lambda: None)
    document_id = await knowledge.submit_file(write_scan(KNOWN))
    await knowledge.work()
    document = await knowledge.document(document_id)
    assert (document.status, document.error_code) == (DocumentStatus.FAILED, Cause.NEEDS_OCR)
    assert "OCR" in (document.error_message or "")


@pytest.mark.committed
async def test_without_tesseract_the_pages_left_out_are_counted(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(originals, "tesseract", lambda: None)
    document_id = await knowledge.submit_file(with_a_scan(write_pdf(KNOWN), write_scan(KNOWN)))
    await knowledge.work()
    version = await knowledge.version(document_id)
    assert (version.unread_pages, version.page_count) == (1, 2)


@pytest.mark.committed
async def test_a_picture_that_is_too_much_costs_nothing_that_was_read(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse = Sandbox.parse

    async def of_text_only(box: Sandbox, *given: Any, recognise: bool, **how: Any) -> Any:
        if recognise:
            raise ParsingFailure(Cause.TOO_COMPLEX)
        return await parse(box, *given, recognise=recognise, **how)

    monkeypatch.setattr(originals, "tesseract", lambda: "/usr/bin/tesseract")
    monkeypatch.setattr(Sandbox, "parse", of_text_only)
    document_id = await knowledge.submit_file(with_a_scan(write_pdf(KNOWN), write_scan(KNOWN)))
    await knowledge.work()
    version = await knowledge.version(document_id)
    assert (version.unread_pages, version.error_code) == (1, None)
