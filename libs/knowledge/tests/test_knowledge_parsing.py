"""From bytes to normalised text: what each parser keeps, and the invariants of the text."""

import time
import unicodedata
from io import BytesIO

import docx
import pytest
from docx.opc.constants import RELATIONSHIP_TYPE
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from hypothesis import given
from hypothesis import strategies as st
from knowledge_files import PARAGRAPH, make_docx, make_pdf, with_body

from knowledge.outline import Outline
from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.decoding import decode
from knowledge.parsing.docx import extract_docx
from knowledge.parsing.extraction import Block, Extraction, Limits
from knowledge.parsing.html import extract_html
from knowledge.parsing.normalising import NormalisedText, clean, normalise
from knowledge.parsing.parser import parse
from knowledge.parsing.plain_text import extract_text
from knowledge.parsing.sniffing import Format, sniff

LIMITS = Limits()


def read_text(text: str) -> NormalisedText:
    return normalise(extract_text(text, LIMITS), LIMITS)


def read_html(page: str) -> NormalisedText:
    return normalise(extract_html(page.encode()), LIMITS)


def read_docx(raw: bytes) -> NormalisedText:
    return normalise(extract_docx(raw, LIMITS), LIMITS)


def read_pdf(raw: bytes) -> NormalisedText:
    return parse(raw, Format.PDF, LIMITS)


def titles(text: NormalisedText) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in text.headings]


class TestNormalising:
    @given(st.text(max_size=400))
    def test_text_is_composed_without_controls_and_stays_itself(self, raw: str) -> None:
        text = clean(raw)
        assert unicodedata.is_normalized("NFC", text)
        assert not set(text) & {"\x00", "\r", "\x0c", "\ufeff", "\u2028"}
        assert clean(text) == text

    def test_accents_are_composed_and_line_ends_unified(self) -> None:
        assert clean("ac\u0327a\u0303o\r\nfim\x00 \u2028 x\u00a0y") == "ação\nfim\n x y"

    @given(st.lists(st.text(max_size=60), max_size=8))
    def test_headings_are_where_their_offsets_say(self, parts: list[str]) -> None:
        blocks = [Block(f"T{part}", level=1) for part in parts]
        if not blocks:
            return
        text = normalise(Extraction(iter(blocks)), LIMITS)
        assert unicodedata.is_normalized("NFC", text.text)
        for heading in text.headings:
            assert text.text.startswith("T", heading.char_start)

    def test_a_million_combining_marks_are_cut_short(self) -> None:
        began = time.perf_counter()
        assert len(clean("a" + "\u0316\u0301" * 500_000)) <= 32
        assert len(clean("a" + "\U0001d165\U0001d167" * 500_000)) <= 32
        assert time.perf_counter() - began < 5

    @pytest.mark.parametrize(
        "line",
        [" " * 1_000_000 + "x", "# a" + " " * 1_000_000 + "b", "[[" * 500_000, "`" * 1_000_000],
        ids=["blanks", "heading", "brackets", "backticks"],
    )
    def test_a_line_of_a_million_characters_is_read_in_linear_time(self, line: str) -> None:
        began = time.perf_counter()
        read_text(line)
        assert time.perf_counter() - began < 5

    def test_too_much_text_is_refused(self) -> None:
        with pytest.raises(ParsingFailure) as failure:
            normalise(extract_text("texto " * 100, LIMITS), Limits(max_characters=500))
        assert failure.value.cause is Cause.TOO_LONG

    def test_binary_data_that_began_like_text_is_refused(self) -> None:
        with pytest.raises(ParsingFailure) as failure:
            read_text("Um começo\n" + "\x01\x02\ufffd" * 10_000)
        assert failure.value.cause is Cause.UNSUPPORTED_TYPE


class TestDecoding:
    @pytest.mark.parametrize(
        ("raw", "declared", "text"),
        [
            ("ação".encode(), None, "ação"),
            (b"\xef\xbb\xbf" + "ação".encode(), None, "ação"),
            ("ação".encode("latin-1"), None, "ação"),
            ("“ação”".encode("cp1252"), None, "“ação”"),
            ("“ação”".encode("cp1252"), "iso-8859-1", "“ação”"),
            ("ação".encode(), "iso-8859-1", "ação"),
            ("Łódź".encode("iso-8859-2"), "iso-8859-2", "Łódź"),
            ("ação".encode("utf-16-be"), None, "ação"),
            ("ação".encode("utf-32"), None, "ação"),
            (b"a\x81\xe7", None, "a\x81ç"),
        ],
    )
    def test_the_encoding_is_found(self, raw: bytes, declared: str | None, text: str) -> None:
        assert decode(raw, declared) == text


class TestSniffing:
    @pytest.mark.parametrize(
        ("raw", "form"),
        [
            (b"texto", Format.TEXT),
            (b"%PDF-1.4 ...", Format.PDF),
            (b"\n\n%PDF-1.4 ...", Format.PDF),
            (b"HTTP/1.1 200 OK\n\n%PDF-1.4\n1 0 obj\n<<>>", Format.PDF),
            (b"lixo\n%PDF-1.4\n%\x01\x02\x03\x04\x0e\x0f\x10\x11", Format.PDF),
            ("Um PDF começa com %PDF-1.7 e termina com %%EOF.".encode(), Format.TEXT),
            (b"PK\x03\x04....", Format.ZIP),
            (make_docx()[:8192], Format.DOCX),
            (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", Format.PNG),
            (b"\xff\xd8\xff\xe0\x00\x10JFIF", Format.JPEG),
            (b"II*\x00\x08\x00\x00\x00", Format.TIFF),
            (b"RIFF\x10\x00\x00\x00WEBPVP8 ", Format.WEBP),
            (b"{\\rtf1 texto}", Format.RTF),
            (b"\xef\xbb\xbf{\\rtf1 texto}", Format.RTF),
            (b"From: a@b\r\nSubject: x\r\n\r\ntexto", Format.EML),
            (b"From ana Fri Nov 20\nFrom: a@b\nDate: x\n\ntexto", Format.EML),
            (b"De: Ana\nPara: Bruno\n\nUm recado", Format.TEXT),
            (b"nome;idade\nAna;30\nBia;41\n", Format.CSV),
            (b"nome,idade\nAna,30\nBia,41\n", Format.CSV),
            ("Olá, Ana,\nvolto logo, espero.\n".encode(), Format.TEXT),
            (b"Nome: Ana\nIdade: 30\n", Format.TEXT),
            (b"Rua A, 10\nRua B, 20\nRua C, 30\n", Format.TEXT),
            (b"I - a soberania;\nII - a cidadania;\nIII - a dignidade;\n", Format.TEXT),
            (b"Foi; e voltou.\nViu; e venceu.\nDisse; e calou.\n", Format.TEXT),
            (b"nome;idade\nAna;30\n", Format.TEXT),
            (b"  <!DOCTYPE html><p>x", Format.HTML),
            (b"<?xml version='1.0'?><!-- x --><html>", Format.HTML),
            ("<html>".encode("utf-16"), Format.HTML),
            (b"BM e outras siglas", Format.TEXT),
            (b"From here on", Format.TEXT),
            (b"a <b> c", Format.TEXT),
        ],
    )
    def test_the_content_decides(self, raw: bytes, form: Format) -> None:
        assert sniff(raw) is form

    @pytest.mark.parametrize(
        ("raw", "cause"),
        [
            (b"", Cause.EMPTY),
            (b"GIF89a\x01\x00", Cause.UNSUPPORTED_TYPE),
            (b"\x7fELF\x02\x01\x01", Cause.UNSUPPORTED_TYPE),
            (b"MZ\x90\x00\x03\x00", Cause.UNSUPPORTED_TYPE),
            (b"\x1f\x8b\x08\x00\x00\x00", Cause.UNSUPPORTED_TYPE),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1....", Cause.LEGACY_OFFICE),
            (bytes(range(256)) * 8, Cause.UNSUPPORTED_TYPE),
        ],
    )
    def test_what_there_is_no_parser_for_is_refused(self, raw: bytes, cause: Cause) -> None:
        with pytest.raises(ParsingFailure) as failure:
            sniff(raw)
        assert failure.value.cause is cause

    def test_a_thousand_comments_do_not_stop_it(self) -> None:
        began = time.perf_counter()
        assert sniff(b"<!---->" * 1000 + b"x") is Format.TEXT
        assert time.perf_counter() - began < 1


class TestMarkdown:
    def test_the_text_is_kept_and_its_headings_noted(self) -> None:
        raw = "# Título **um** #\ntexto\n\n## Sub\n```\n# código\n```\nfim"
        text = read_text(raw)
        assert text.text == raw
        assert titles(text) == [(1, "Título um"), (2, "Sub")]
        assert text.title == "Título um"

    def test_plain_text_has_no_headings(self) -> None:
        assert titles(read_text("Capítulo 1\n\nNúmero #1 da lista")) == []

    def test_a_form_feed_begins_a_page(self) -> None:
        text = read_text("um\fdois\f\fquatro")
        assert [
            Outline.of(text).page_at(text.text.index(word)) for word in ("um", "dois", "quatro")
        ] == [
            1,
            2,
            4,
        ]


class TestHtml:
    def test_a_list_without_words_or_within_a_cell_marks_nothing_after_it(self) -> None:
        cells = "<table><tr><td>x</td><td><ul><li>i</li><li>j</li></ul></td></tr></table>"
        page = f"{cells}<p>depois</p><ul><li></li></ul><p>fim</p>"
        assert read_html(page).text == "x | i j\n\ndepois\n\nfim"

    def test_what_a_reader_sees_is_kept(self) -> None:
        text = read_html(
            "<title> Meu  título </title><nav>menu</nav><h1>A &amp; B</h1><p>um <b>dois</b>\n três"
            "<br>quatro<script>x()</script></p><p hidden>oculto</p><ul><li>a</li><li><p>b</p></li>"
            "</ul><ol><li>c<li>d</ol><ol start=3><li>e</ol><pre>  x\n    y</pre>"
            "<footer>rodapé</footer>"
        )
        assert text.title == "Meu título"
        assert text.text == (
            "A & B\n\num dois três\nquatro\n- a\n- b\n1. c\n2. d\n3. e\n\n  x\n    y"
        )
        assert titles(text) == [(1, "A & B")]

    def test_table_rows_stay_readable(self) -> None:
        text = read_html(
            "<table><tr><th>Faixa<th>Alíquota<tr><td><p>até</p><p>2.259,20</p><td>isento</table>"
        )
        assert text.text == "Faixa | Alíquota\naté 2.259,20 | isento"

    def test_a_table_for_layout_is_not_a_row(self) -> None:
        text = read_html("<table><tr><td>menu<td><h2>Título</h2><p>texto</p></table>")
        assert titles(text) == [(2, "Título")]
        assert text.text == "menu\n\nTítulo\n\ntexto"

    def test_the_main_element_is_the_page(self) -> None:
        text = read_html("<div>banner</div><main><p>o texto</p><aside>nota</aside></main>")
        assert text.text == "o texto\n\nnota"

    @pytest.mark.parametrize("charset", ["punycode", "utf-7", "base64", "nada"])
    def test_a_declared_charset_that_is_none_is_ignored(self, charset: str) -> None:
        page = f"<meta charset={charset}><p>ação".encode("latin-1")
        assert normalise(extract_html(page, charset=charset), LIMITS).text == "ação"


class TestPdf:
    def test_pages_are_known_and_sentences_whole(self) -> None:
        first = "Os servidores em exercício têm direito\na trinta dias de férias por ano.\nFim."
        text = read_pdf(make_pdf(first, "Segunda página.", title="Manual"))
        assert text.title == "Manual"
        assert text.text == (
            "Os servidores em exercício têm direito a trinta dias de férias por ano.\nFim.\n\n"
            "Segunda página."
        )
        assert Outline.of(text).page_at(text.text.index("Segunda")) == 2

    def test_bookmarks_are_headings(self) -> None:
        names = ("Férias", "Licenças")
        pages = [f"{name}\nAté dois anos." for name in names]
        text = read_pdf(make_pdf(*pages, bookmarks=names))
        assert titles(text) == [(1, name) for name in names]
        lines = [text.text[heading.char_start :].split("\n")[0] for heading in text.headings]
        assert lines == list(names)

    def test_too_many_pages_are_refused(self) -> None:
        with pytest.raises(ParsingFailure) as failure:
            parse(make_pdf("a", "b", "c"), Format.PDF, Limits(max_pages=2))
        assert failure.value.cause is Cause.TOO_LONG


def test_a_hyphen_at_a_line_end_goes_unless_it_belongs_there() -> None:
    lines = "O direi-\nto da Lei 8.112-\n90 no Estado-\nMembro, CEP 70000-\n000, ADMINIS-\nTRAR."
    text = read_pdf(make_pdf(lines)).text
    assert text.replace("\n", " ") == (
        "O direito da Lei 8.112-90 no Estado-Membro, CEP 70000-000, ADMINISTRAR."
    )


class TestDocx:
    def test_headings_and_tables_are_kept(self) -> None:
        text = read_docx(make_docx(heading="Férias"))
        assert titles(text) == [(1, "Férias")]
        assert text.text == (f"Férias\n\n{PARAGRAPH}\n\nFaixa | Alíquota\naté R$ 2.259,20 | isento")

    def test_headings_of_a_portuguese_word_are_known_by_their_style(self) -> None:
        document = docx.Document()
        document.styles["Heading 2"].element.set(
            "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}styleId", "Ttulo2"
        )
        document.add_paragraph("Licenças", style="Heading 2")
        raw = BytesIO()
        document.save(raw)
        assert titles(read_docx(raw.getvalue())) == [(2, "Licenças")]

    def test_insertions_and_content_controls_are_read_and_deletions_not(self) -> None:
        document = docx.Document()
        body = document.element.body
        for xml in (
            "<w:p {0}><w:r><w:t>Antes, </w:t></w:r><w:ins><w:r><w:t>novo</w:t></w:r></w:ins></w:p>",
            "<w:p {0}><w:del><w:r><w:delText>apagado</w:delText></w:r></w:del></w:p>",
            "<w:sdt {0}><w:sdtContent><w:p><w:r><w:t>A</w:t></w:r></w:p></w:sdtContent></w:sdt>",
        ):
            body.insert(0, parse_xml(xml.format(nsdecls("w"))))
        raw = BytesIO()
        document.save(raw)
        assert read_docx(raw.getvalue()).text == "A\n\nAntes, novo"

    def test_text_is_not_taken_twice_from_a_fallback(self) -> None:
        paragraph = b"<w:p><w:r><w:t>caixa</w:t></w:r></w:p>"
        namespace = b"http://schemas.openxmlformats.org/markup-compatibility/2006"
        box = (
            b'<mc:AlternateContent xmlns:mc="%s"><mc:Choice Requires="wps">%s</mc:Choice>'
            b"<mc:Fallback>%s</mc:Fallback></mc:AlternateContent>"
        ) % (namespace, paragraph, paragraph)
        assert read_docx(with_body(make_docx(), box)).text.count("caixa") == 1
        drawn = b"<w:p><w:r><w:t>junto: </w:t></w:r><w:r>%s</w:r></w:p>" % box
        assert read_docx(with_body(make_docx(), drawn)).text.count("caixa") == 1

    def test_a_hyphen_that_holds_a_number_together_is_read(self) -> None:
        run = "<w:t>Lei 8.112</w:t><w:noBreakHyphen/><w:t>90, extra</w:t><w:softHyphen/>"
        body = f"<w:p><w:r>{run}<w:t>ordinária</w:t></w:r></w:p>".encode()
        text = read_docx(with_body(make_docx(), body)).text
        assert text.startswith("Lei 8.112-90, extraordinária\n")

    def test_what_was_moved_is_read_where_it_is_now(self) -> None:
        run = b"<w:r><w:t>mudou</w:t></w:r>"
        moved = b"<w:p><w:moveFrom>%s</w:moveFrom></w:p><w:p><w:moveTo>%s</w:moveTo></w:p>"
        assert read_docx(with_body(make_docx(), moved % (run, run))).text.count("mudou") == 1

    def test_notes_are_read_below_what_refers_to_them(self) -> None:
        document = docx.Document()
        document.add_paragraph("Prazo de dez dias")._p.append(
            parse_xml(f'<w:r {nsdecls("w")}><w:footnoteReference w:id="2"/></w:r>')
        )
        document.add_paragraph("Fim.")
        notes = (
            f'<w:footnotes {nsdecls("w")}><w:footnote w:type="separator" w:id="0"><w:p/>'
            '</w:footnote><w:footnote w:id="2"><w:p><w:r><w:t>Dias úteis.</w:t></w:r></w:p>'
            "</w:footnote></w:footnotes>"
        )
        kind = "application/vnd.openxmlformats-officedocument.wordprocessingml.footnotes+xml"
        package = document.part.package
        part = Part(PackURI("/word/footnotes.xml"), kind, notes.encode(), package)
        document.part.relate_to(part, RELATIONSHIP_TYPE.FOOTNOTES)
        raw = BytesIO()
        document.save(raw)
        assert read_docx(raw.getvalue()).text == "Prazo de dez dias\n\nDias úteis.\n\nFim."
