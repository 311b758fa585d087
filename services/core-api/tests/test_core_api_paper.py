"""Paper: whatever text it is given stands on the page as it was given."""

import pypdfium2
import pytest

from core_api.paper import Paper


def read(paper: Paper) -> list[str]:
    """The text of each page, without the breaks of lines."""
    document = pypdfium2.PdfDocument(paper.bytes())
    pages = [page.get_textpage().get_text_range() for page in document]
    document.close()
    return [" ".join(page.split()) for page in pages]


def a_paper() -> Paper:
    return Paper("Declaração", author="Prefeitura de Aurora", footer="Pedido 42")


def test_letters_of_portuguese_and_what_looks_like_markup_are_set_as_they_stand() -> None:
    letters = "áéíóú âêô ãõ à ü ç ÁÉÍÓÚ ÂÊÔ ÃÕ À Ü Ç ª º § – “aspas”"
    paper = a_paper()
    paper.heading("São João del-Rei")
    paper.paragraph(f"{letters} <b>negrito?</b> a&b <img src='http://exemplo.test'/>")

    (page,) = read(paper)

    assert letters in page
    assert "<b>negrito?</b> a&b <img src='http://exemplo.test'/>" in page
    assert "São João del-Rei" in page
    assert "Prefeitura de Aurora" in page
    assert "Pedido 42" in page
    assert "Página 1" in page


def test_character_the_typeface_lacks_is_visibly_missing_and_control_characters_are_left_out() -> (
    None
):
    paper = a_paper()
    paper.paragraph("antes \U0001f600 depois\x00\x07")

    (page,) = read(paper)

    assert "antes ? depois" in page


def test_long_values_go_on_over_pages_and_nothing_of_them_is_lost() -> None:
    paper = a_paper()
    words = [f"palavra{number}" for number in range(3_000)]
    paper.fields([("Texto", " ".join(words)), ("Depois", "ainda aqui")])
    paper.table(["Curta", "Longa"], [["x", " ".join(f"cela{number}" for number in range(2_000))]])

    text = " ".join(read(paper))

    assert all(word in text for word in (*words, "cela0", "cela1999", "ainda aqui"))


def test_word_without_a_space_is_broken_instead_of_leaving_the_page() -> None:
    paper = a_paper()
    paper.fields([("Código", "x" * 1_200)])

    assert "".join(read(paper)).count("x") == 1_200


def test_header_of_a_table_stands_on_every_page() -> None:
    paper = a_paper()
    paper.table(["Número", "Assunto"], [[str(n), f"Assunto {n}"] for n in range(200)])

    pages = read(paper)

    assert len(pages) > 2
    assert all("Número Assunto" in page for page in pages)


def test_nothing_to_show_is_no_error() -> None:
    paper = a_paper()
    paper.fields([])
    paper.table(["Vazia"], [])
    paper.bullets([])
    paper.paragraph("")

    assert len(read(paper)) == 1


@pytest.mark.parametrize("row", [["só uma"], ["uma", "duas", "três"]])
def test_row_of_another_length_than_the_header_is_refused(row: list[str]) -> None:
    with pytest.raises(ValueError, match="cells for 2 columns"):
        a_paper().table(["A", "B"], [row])


def test_shares_of_another_number_than_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="a share for every column"):
        a_paper().table(["A", "B"], [], [1])
