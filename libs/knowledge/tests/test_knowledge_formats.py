"""Every accepted format: its words, headings, rows and pages come out as they went in."""

import io
import re
import zipfile
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from typing import Final

import pytest
from bench.compound_file import message_tree, outlook_message
from bench.known_text import KnownText, Part, made_up, words_of
from bench.office_files import odt_of, write_docx, write_odt, write_pptx, write_xlsx, zipped
from bench.print_files import write_pdf
from bench.text_files import (
    COOKIES,
    MENU,
    write_csv,
    write_eml,
    write_epub,
    write_html,
    write_markdown,
    write_rtf,
)
from reportlab.platypus import SimpleDocTemplate, Table

from knowledge.parsing.causes import Cause, ParsingFailure
from knowledge.parsing.extraction import Limits
from knowledge.parsing.normalising import NormalisedText
from knowledge.parsing.parser import parse
from knowledge.parsing.sniffing import HEAD_BYTES, Format, sniff

LIMITS: Final = Limits()
KNOWN: Final = made_up(3, sections=2, paragraphs=2, page_breaks=True)
WRITTEN: Final = {
    Format.DOCX: write_docx(KNOWN),
    Format.PPTX: write_pptx(KNOWN),
    Format.ODT: write_odt(KNOWN),
    Format.RTF: write_rtf(KNOWN),
    Format.EPUB: write_epub(KNOWN),
    Format.HTML: write_html(KNOWN),
    Format.PDF: write_pdf(KNOWN),
}
ROWS: Final = (("Código", "Prazo", "Valor"), ("S1", "30 dias", "12"), ("S2", "", "7"))


def read(raw: bytes) -> NormalisedText:
    """As an upload is read: the content decides."""
    return parse(raw, sniff(raw[:HEAD_BYTES]), LIMITS)


def titles(text: NormalisedText) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in text.headings]


@pytest.mark.parametrize("form", WRITTEN)
class TestEveryFormat:
    def test_is_known_by_its_content(self, form: Format) -> None:
        assert sniff(WRITTEN[form][:HEAD_BYTES]) is form

    def test_keeps_every_word_in_its_order(self, form: Format) -> None:
        assert words_of(read(WRITTEN[form]).text) == KNOWN.words

    def test_keeps_its_headings_where_they_stand(self, form: Format) -> None:
        text = read(WRITTEN[form])
        assert [heading.title for heading in text.headings] == KNOWN.headings
        for heading in text.headings:
            assert text.text.startswith(heading.title, heading.char_start)

    def test_keeps_the_rows_of_its_tables_readable(self, form: Format) -> None:
        lines = read(WRITTEN[form]).text.splitlines()
        for row in KNOWN.rows:
            assert " | ".join(row) in lines


def test_slides_are_pages_with_their_notes_and_items() -> None:
    text = read(WRITTEN[Format.PPTX])
    assert len(text.page_starts) == len(KNOWN.headings)
    for start, heading in zip(text.page_starts, KNOWN.headings, strict=True):
        assert text.text[start:].lstrip().startswith(heading)


def test_a_shape_of_a_slide_is_not_read_again_from_its_fallback() -> None:
    members = {}
    with zipfile.ZipFile(io.BytesIO(WRITTEN[Format.PPTX])) as archive:
        for name in archive.namelist():
            xml = archive.read(name).decode()
            members[name] = re.sub(
                "(<p:sp>.*?</p:sp>)",
                '<mc:AlternateContent xmlns:mc="http://schemas.openxmlformats.org/'
                r'markup-compatibility/2006"><mc:Choice Requires="a14">\1</mc:Choice>'
                r"<mc:Fallback>\1</mc:Fallback></mc:AlternateContent>",
                xml,
            )
    assert "mc:Fallback" in "".join(members.values())
    assert words_of(read(zipped(members)).text) == KNOWN.words


def test_a_word_file_among_mislabelled_bytes_is_read_as_what_it_is() -> None:
    text = parse(WRITTEN[Format.DOCX], Format.XLSX, LIMITS)
    assert words_of(text.text) == KNOWN.words


class TestOdt:
    @pytest.mark.parametrize(
        ("body", "text"),
        [
            ('<text:p>O <text:span>prazo</text:span><text:s text:c="2"/>é</text:p>', "O prazo  é"),
            ("<text:p>a<text:tab/>b<text:line-break/>c</text:p>", "a\tb\nc"),
            (
                (
                    "<text:p>Texto<text:note><text:note-citation>1</text:note-citation><text:note-body>"
                    "<text:p>Nota.</text:p></text:note-body></text:note> segue.</text:p>"
                ),
                "Texto segue.\n\nNota.",
            ),
            (
                "<text:p><draw:text-box><text:p>caixa</text:p></draw:text-box>fora</text:p>",
                "fora\n\ncaixa",
            ),
            (
                (
                    "<text:tracked-changes><text:p>apagado</text:p></text:tracked-changes>"
                    "<text:section><text:p>fica</text:p></text:section>"
                ),
                "fica",
            ),
            (
                (
                    "<text:list><text:list-item><text:p>um</text:p><text:list><text:list-item>"
                    "<text:p>um.a</text:p></text:list-item></text:list></text:list-item>"
                    "<text:list-item><text:p>dois</text:p></text:list-item></text:list>"
                ),
                "- um\n- um.a\n- dois",
            ),
            (
                (
                    "<table:table><table:table-row><table:table-cell><text:p>a</text:p><text:p>b"
                    "</text:p></table:table-cell><table:table-cell "
                    'table:number-columns-repeated="2"><text:p>c'
                    "</text:p></table:table-cell></table:table-row><table:table-row>"
                    "<table:covered-table-cell/><table:table-cell><text:p>z</text:p></table:table-cell>"
                    "</table:table-row></table:table>"
                ),
                "a b | c | c\n | z",
            ),
        ],
        ids=["blanks", "breaks", "note", "box", "deleted", "lists", "cells"],
    )
    def test_what_writer_writes_is_read(self, body: str, text: str) -> None:
        assert read(odt_of(body)).text == text


def test_headers_and_pictures_of_an_rtf_are_no_text() -> None:
    raw = (
        b"{\\rtf1\\ansi{\\header {\\b cabe\\'e7alho}}A\\u231\\'e7\\u227 ?o \\{sim\\}\\par"
        b"{\\*\\footerl rodape}{\\pict\\pngblip 89504e47}{\\headerwidth fica} fim}"
    )
    assert read(raw).text.replace("\n\n", "\n") == "Ação {sim}\nfica fim"


class TestSheets:
    def test_each_cell_is_named_by_its_column(self) -> None:
        text = read(write_xlsx({"Serviços": ROWS, "Vazia": (), "Outra": ROWS}))
        assert titles(text) == [(1, "Serviços"), (1, "Outra")]
        assert "Código: S1 | Prazo: 30 dias | Valor: 12\nCódigo: S2 | Valor: 7" in text.text

    @pytest.mark.parametrize(
        ("delimiter", "encoding"), [(",", "utf-8"), (";", "cp1252"), ("\t", "utf-8-sig")]
    )
    def test_csv_is_cut_at_whatever_separates_it(self, delimiter: str, encoding: str) -> None:
        raw = write_csv(ROWS, delimiter=delimiter, encoding=encoding)
        assert sniff(raw) is Format.CSV
        assert read(raw).text.splitlines()[1] == "Código: S1 | Prazo: 30 dias | Valor: 12"

    def test_rows_without_a_header_are_a_table(self) -> None:
        text = read(write_csv((("1", "2"), ("3", "4"), ("5", "6"))))
        assert text.text == "1 | 2\n3 | 4\n5 | 6"

    def test_a_cell_keeps_its_line_breaks_to_itself(self) -> None:
        text = read(b'nome;nota\nBia;x\nAna;"duas\nlinhas; e mais"\n')
        assert text.text.splitlines()[-1] == "nome: Ana | nota: duas linhas; e mais"

    def test_the_header_of_a_long_table_in_word_comes_again(self) -> None:
        rows = (("Nome", "Valor"), *((f"s{n}", str(n)) for n in range(60)))
        text = read(write_docx(KnownText("", (Part(rows=rows),))))
        assert text.text.count("Nome | Valor") == 3
        assert "s59 | 59" in text.text

    def test_the_header_of_a_long_table_comes_again(self) -> None:
        rows = "".join(f"<tr><td>s{n}</td><td>{n}</td></tr>" for n in range(60))
        page = f"<html><table><tr><th>Nome</th><th>Valor</th></tr>{rows}</table>"
        assert read(page.encode()).text.count("Nome | Valor") == 3


class TestMails:
    def test_envelope_body_and_attachments_are_one_text(self) -> None:
        attached = {"pasta.docx": WRITTEN[Format.DOCX], "foto.bin": bytes(range(256))}
        text = read(write_eml("Férias da equipe", "Olá, segue a ação.", attachments=attached))
        assert text.title == "Férias da equipe"
        assert text.text.startswith("Férias da equipe\n\nDe: ana@aurora.example\nPara: equipe@")
        assert "Olá, segue a ação." in text.text
        assert (1, "pasta.docx") in titles(text)
        assert (2, KNOWN.headings[0]) in titles(text)
        assert "foto.bin\n\n[Não lido: tipo de arquivo não aceito.]" in text.text

    def test_a_mail_in_html_only_is_read(self) -> None:
        raw = (
            b"From: a@b.example\r\nSubject: =?utf-8?q?a=C3=A7=C3=A3o?=\r\nMIME-Version: 1.0\r\n"
            b"Content-Type: text/html; charset=iso-8859-1\r\n\r\n<h2>T\xedtulo</h2><p>corpo</p>"
        )
        text = read(raw)
        assert titles(text) == [(1, "ação"), (2, "Título")]

    def test_outlook_messages_are_read_with_what_is_attached(self) -> None:
        inner = outlook_message("De dentro", "Corpo de dentro")
        attached = {"nota.txt": "Anexo: ação".encode(), "carta.msg": inner}
        raw = outlook_message("Férias", "Olá.\r\n\r\nAté já.", sender="Ana", attachments=attached)
        text = read(raw)
        assert text.text.startswith("Férias\n\nDe: Ana\n\nOlá.\n\nAté já.")
        assert "Anexo: ação" in text.text
        assert (2, "De dentro") in titles(text)

    def test_an_embedded_outlook_message_is_read_too(self) -> None:
        inner = message_tree("De dentro", "Corpo de dentro", "Bia")
        text = read(outlook_message("De fora", "Corpo de fora", attachments={"carta": inner}))
        assert text.text == "De fora\n\nCorpo de fora\n\nDe dentro\n\nDe: Bia\n\nCorpo de dentro"


class TestArchives:
    def test_members_are_headings_of_one_document(self) -> None:
        known = made_up(5, sections=1, tables=False)
        text = read(zipped({"leis/a.md": write_markdown(known), "b.rtf": WRITTEN[Format.RTF]}))
        assert [title for level, title in titles(text) if level == 1] == ["leis/a.md", "b.rtf"]
        assert (2, known.headings[0]) in titles(text)
        assert text.page_starts == ()

    def test_what_cannot_be_read_is_said_where_it_would_stand(self) -> None:
        text = read(zipped({"a.txt": "texto", "b.pdf": b"%PDF-1.7 nada", "c.txt": "fim"}))
        assert (
            text.text
            == "a.txt\n\ntexto\n\nb.pdf\n\n[Não lido: arquivo corrompido.]\n\nc.txt\n\nfim"
        )

    def test_leftovers_of_programs_are_left_out(self) -> None:
        text = read(zipped({"__MACOSX/._a.txt": "x", "a.txt": "texto", ".DS_Store": "y"}))
        assert text.text == "a.txt\n\ntexto"

    def test_names_of_an_old_windows_keep_their_accents(self) -> None:
        raw = io.BytesIO()
        with zipfile.ZipFile(raw, "w") as archive:
            archive.writestr(zipfile.ZipInfo("a__o.txt"), "texto")
        dos = raw.getvalue().replace(b"a__o.txt", "ação.txt".encode("cp850"))
        assert read(dos).text.startswith("ação.txt")

    def test_when_nothing_can_be_read_the_first_cause_is_the_archives(self) -> None:
        with pytest.raises(ParsingFailure) as failure:
            read(zipped({"a.pdf": b"%PDF-1.7 nada"}))
        assert failure.value.cause is Cause.BROKEN


def test_what_a_signed_mail_carries_is_read() -> None:
    said = MIMEMultipart("alternative", _subparts=[MIMEText("corpo"), MIMEText("corpo", "html")])
    attached = MIMEApplication(b"anexo", "octet-stream")
    attached.add_header("Content-Disposition", "attachment", filename="a.txt")
    signature = MIMEApplication(b"\x30\x82\x00\x01", "pkcs7-signature")
    footer = MIMEText("rodapé da lista", _charset="utf-8")
    whole = MIMEMultipart("mixed", _subparts=[said, attached, footer])
    mail = MIMEMultipart("signed", _subparts=[whole, signature])
    mail["Subject"], mail["From"], mail["To"] = "Assinado", "a@b.br", "c@d.br"

    lines = read(mail.as_bytes()).text.split("\n\n")

    assert lines[2:] == ["corpo", "a.txt", "anexo", "anexo", "rodapé da lista"]


class TestMainContent:
    def test_the_article_is_kept_and_the_portal_left_out(self) -> None:
        page = write_html(KNOWN, framed=True)
        text = parse(page, Format.HTML, LIMITS, main_content=True)
        assert [heading.title for heading in text.headings] == KNOWN.headings
        assert words_of(text.text) == KNOWN.words
        assert MENU.split()[0] not in text.text
        assert text.title == KNOWN.title

    def test_an_upload_is_read_as_a_whole(self) -> None:
        text = parse(write_html(KNOWN, framed=True), Format.HTML, LIMITS)
        assert COOKIES in text.text
        assert MENU.split()[0] in text.text

    def test_a_page_without_an_article_is_read_as_a_whole(self) -> None:
        page = b"<html><title>Avisos</title><body><h1>Avisos</h1><p>Fechado hoje."
        assert parse(page, Format.HTML, LIMITS, main_content=True).text == "Avisos\n\nFechado hoje."

    def test_lists_within_lists_say_each_thing_once(self) -> None:
        items = "<li>RG<ul><li>frente</li><li>verso</li></ul> com foto</li>"
        items += "<li><p>CPF</p><p>ou CNPJ</p></li>"
        steps = "<ol><li>Peça<ul><li>no portal</li></ul></li><li>Pague</li></ol>"
        text = _article(f"<ul>{items}</ul><p>Depois:</p>{steps}")
        assert "- RG\ncom foto\n- frente\n- verso\n- CPF\nou CNPJ\n\n" in text
        assert "1. Peça\n- no portal\n2. Pague" in text

    def test_what_stands_beside_a_list_is_kept(self) -> None:
        mixed = "<div>Traga <b>sempre</b> isto:<br>o original<ul><li>RG</li></ul>e uma cópia</div>"
        text = _article(mixed)
        assert "Traga sempre isto:\no original\n\n- RG\n\ne uma cópia" in text


def _article(within: str) -> str:
    said = "A certidão é emitida em até trinta dias, a pedido do interessado no portal. " * 4
    page = f"<html><body><main><h1>Certidão</h1><p>{said}</p>{within}<p>Fim. {said}</p></main>"
    return parse(page.encode(), Format.HTML, LIMITS, main_content=True).text


class TestPdfTables:
    def test_a_cell_of_several_lines_stays_in_its_row(self) -> None:
        rows = (("Nome", "Obrigação", "Prazo", "Valor"), ("Ana", "palavra " * 12, "2 dias", "R$ 9"))
        text = read(write_pdf(KnownText("", (Part(rows=rows),))))
        assert f"Ana | {('palavra ' * 12).strip()} | 2 dias | R$ 9" in text.text

    def test_a_cell_over_several_columns_is_one(self) -> None:
        cells = [["Prazos do cadastro único", "", ""], ["Pedido", "30 dias", "R$ 5,00"]]
        style = [("GRID", (0, 0), (-1, -1), 0.5, "black"), ("SPAN", (0, 0), (-1, 0))]
        raw = io.BytesIO()
        SimpleDocTemplate(raw).build([Table(cells, colWidths=60, style=style)])
        text = read(raw.getvalue())
        assert text.text == "Prazos do cadastro único\nPedido | 30 dias | R$ 5,00"

    def test_bookmarks_go_before_the_size_of_letters(self) -> None:
        marked = read(write_pdf(KNOWN, bookmarks=True))
        assert [heading.title for heading in marked.headings] == KNOWN.headings
        plain = read(write_pdf(KNOWN))
        assert [heading.title for heading in plain.headings] == KNOWN.headings

    def test_a_title_on_every_page_is_no_heading(self) -> None:
        parts = [
            Part(page_break=True),
            Part("Manual do servidor", level=1),
            Part("Um texto. " * 40),
        ]
        text = read(write_pdf(KnownText("", tuple(parts * 6))))
        assert text.headings == ()
        assert text.text.count("Manual do servidor") == 6

    def test_the_dots_of_a_table_of_contents_are_left_out(self) -> None:
        lines = (Part("1. Introdução " + ". " * 40 + "4"), Part("2. Férias" + "." * 60 + "12"))
        text = read(write_pdf(KnownText("", lines)))
        assert text.text == "1. Introdução … 4\n2. Férias … 12"
