"""A page of a PDF as a picture: the passage boxed, sizes bounded, hostile files refused."""

import io
from collections.abc import AsyncIterator
from datetime import timedelta

import pypdf
import pytest
from knowledge_factories import in_parts
from knowledge_files import make_encrypted_pdf, make_pdf, make_scanned_pdf
from PIL import Image
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from knowledge.page_images import Mark, NoSuchPage, mark_on_page
from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.extraction import Limits
from knowledge.parsing.sniffing import Format
from knowledge.sandbox import File, Sandbox, SandboxLimits

LIMITS = SandboxLimits(Limits(), cpu=timedelta(seconds=5), wall=timedelta(seconds=20))
FIRST = "Art. 1º O servidor tem direito a férias.\nArt. 2º A licença é de noventa dias."
SECOND = "Art. 3º O prazo é de trinta dias.\nO prazo é de trinta dias, disse a Comissão."


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    box = Sandbox(LIMITS)
    yield box
    await box.close()


def file_of(raw: bytes) -> File:
    return File(len(raw), in_parts(raw))


async def picture(sandbox: Sandbox, raw: bytes, page: int, mark: Mark | None) -> Image.Image:
    png = await sandbox.render_page(file_of(raw), page, mark=mark)
    return Image.open(io.BytesIO(png)).convert("RGB")


def marked_area(image: Image.Image) -> tuple[float, float, float, float] | None:
    """What is not grey, as shares of the picture: left, top, right, bottom."""
    red, _, blue = image.split()
    coloured = Image.merge("RGB", (red, red, blue)).convert("HSV").getchannel("S")
    box = coloured.point(lambda saturation: 255 if saturation > 60 else 0).getbbox()
    if box is None:
        return None
    return (
        box[0] / image.width, box[1] / image.height, box[2] / image.width, box[3] / image.height
    )  # fmt: skip


async def mark_for(sandbox: Sandbox, raw: bytes, quote: str, page: int) -> Mark | None:
    text = await sandbox.parse(file_of(raw), Format.PDF)
    start = text.text.rindex(quote)
    return mark_on_page(text.text, text.page_starts, page, start, start + len(quote))


async def test_the_passage_is_boxed_where_it_stands(sandbox: Sandbox) -> None:
    raw = make_pdf(FIRST, SECOND)
    mark = await mark_for(sandbox, raw, "noventa dias", 1)
    area = marked_area(await picture(sandbox, raw, 1, mark))
    assert area is not None
    left, top, right, bottom = area
    # Drawn at x 50 of 595 and y 800 of 842 downwards, 14.4 points a line: the second line's end.
    assert 0.2 < left < right < 0.5
    assert 0.05 < top < bottom < 0.09


async def test_of_two_places_the_one_that_was_cited_is_boxed(sandbox: Sandbox) -> None:
    raw = make_pdf(FIRST, SECOND)
    text = await sandbox.parse(file_of(raw), Format.PDF)
    quote = "O prazo é de trinta dias"
    tops = []
    for start in (text.text.index(quote), text.text.rindex(quote)):
        mark = mark_on_page(text.text, text.page_starts, 2, start, start + len(quote))
        area = marked_area(await picture(sandbox, raw, 2, mark))
        assert area is not None
        tops.append(area[1])
    assert tops[0] < tops[1]


def filled_form() -> bytes:
    """A form of two pages, somebody's name and town in it."""
    canvas = Canvas(raw := io.BytesIO(), pagesize=A4)
    for label, value in (("Nome", "Maria da Silva Souza"), ("Município", "Sobral, no Ceará")):
        canvas.drawString(50, 800, "Requerimento de férias")
        canvas.drawString(50, 705, label)
        canvas.acroForm.textfield(name=label, value=value, x=150, y=700, width=200, height=20)
        canvas.showPage()
    canvas.save()
    return raw.getvalue()


async def test_what_was_filled_into_a_form_is_read_and_boxed(sandbox: Sandbox) -> None:
    raw = filled_form()
    text = await sandbox.parse(file_of(raw), Format.PDF)
    assert [text.text.count(value) for value in ("Maria da Silva Souza", "Sobral, no Ceará")] == [
        1,
        1,
    ]
    area = marked_area(
        await picture(sandbox, raw, 2, await mark_for(sandbox, raw, "Sobral, no Ceará", 2))
    )
    assert area is not None
    left, top, right, bottom = area
    assert 0.24 < left < right < 0.6
    assert 0.13 < top < bottom < 0.18


async def test_a_passage_over_two_pages_is_boxed_on_each(sandbox: Sandbox) -> None:
    raw = make_pdf(FIRST, SECOND)
    text = await sandbox.parse(file_of(raw), Format.PDF)
    for page in (1, 2):
        mark = mark_on_page(text.text, text.page_starts, page, 50, len(text.text) - 5)
        assert mark is not None
        assert marked_area(await picture(sandbox, raw, page, mark)) is not None


async def test_a_rotated_page_is_boxed_where_the_reader_sees_it(sandbox: Sandbox) -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(make_pdf(FIRST)))
    writer.pages[0].rotate(90)
    out = io.BytesIO()
    writer.write(out)
    mark = await mark_for(sandbox, out.getvalue(), "noventa dias", 1)
    image = await picture(sandbox, out.getvalue(), 1, mark)
    assert image.width > image.height
    area = marked_area(image)
    assert area is not None
    left, top, right, bottom = area
    assert 0.9 < left < right < 0.95
    assert 0.2 < top < bottom < 0.5


async def test_without_a_mark_and_on_a_scan_nothing_is_boxed(sandbox: Sandbox) -> None:
    assert marked_area(await picture(sandbox, make_pdf(FIRST), 1, None)) is None
    scan = await picture(sandbox, make_scanned_pdf(), 1, Mark("texto lido", 0, 10))
    assert marked_area(scan) is None


@pytest.mark.parametrize("page", [0, -1, 3, 2**40])
async def test_a_page_there_is_not_is_said(sandbox: Sandbox, page: int) -> None:
    with pytest.raises(NoSuchPage):
        await sandbox.render_page(file_of(make_pdf(FIRST, SECOND)), page)
    assert (await picture(sandbox, make_pdf(FIRST), 1, None)).width > 0


@pytest.mark.parametrize(
    "size", [(14_400, 14_400), (1e6, 1e6), (0.1, 14_400), (1e9, 0.01), (595, 842)]
)
async def test_the_picture_is_bounded_whatever_the_page_claims(
    sandbox: Sandbox, size: tuple[float, float]
) -> None:
    writer = pypdf.PdfWriter()
    writer.add_blank_page(*size)
    out = io.BytesIO()
    writer.write(out)
    png = await sandbox.render_page(file_of(out.getvalue()), 1, max_pixels=1_000_000)
    width, height = Image.open(io.BytesIO(png)).size
    assert width * height <= 1_010_000
    assert max(width, height) <= 8_001


@pytest.mark.parametrize(
    ("raw", "cause"),
    [
        (make_encrypted_pdf(), Cause.ENCRYPTED),
        (b"%PDF-1.7 nothing", Cause.BROKEN),
        (b"\x89PNG", Cause.BROKEN),
    ],
)
async def test_what_is_no_readable_pdf_is_refused(
    sandbox: Sandbox, raw: bytes, cause: Cause
) -> None:
    with pytest.raises(ParsingFailure) as failure:
        await sandbox.render_page(file_of(raw), 1)
    assert failure.value.cause is cause


def test_a_mark_is_cut_at_its_page() -> None:
    assert mark_on_page("abcdef", (0, 3), 1, 1, 5) == Mark("abc", 1, 3)
    assert mark_on_page("abcdef", (0, 3), 2, 1, 5) == Mark("def", 0, 2)
    assert mark_on_page("abcdef", (0, 3), 2, 0, 2) is None
    assert mark_on_page("abcdef", (), 1, 0, 2) is None
    assert mark_on_page("abcdef", (0, 3), 3, 0, 6) is None
