"""Laws: every provision is found, and called as one cites it."""

import bisect

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knowledge_files import PARAGRAPH

from knowledge.chunking import Sizes, count_tokens, cut, structured, suited
from knowledge.chunking.law_names import law_name
from knowledge.chunking.laws import provisions
from knowledge.models import Chunking
from knowledge.outline import Outline
from knowledge.parsing.extraction import Limits
from knowledge.parsing.normalising import NormalisedText, normalise
from knowledge.parsing.plain_text import extract_text

LGPD = """LEI Nº 13.709, DE 14 DE AGOSTO DE 2018
Lei Geral de Proteção de Dados Pessoais

CAPÍTULO III
DOS DIREITOS DO TITULAR

Art. 17. Toda pessoa natural tem assegurada a titularidade de seus dados pessoais.

Art. 18. O titular dos dados pessoais tem direito a obter do controlador:

I - confirmação da existência de tratamento;
II - acesso aos dados, nos termos do
art. 5º, X, desta Lei;
a) em formato simplificado; ou
b) por declaração completa;

§ 3º Os direitos serão exercidos mediante requerimento expresso.

Parágrafo único. Esta linha não existe na lei.

Seção II
Art. 19-A. A confirmação será providenciada.

Requerimento

Art. 20. O titular tem direito a solicitar a revisão.
"""

SMALL = Sizes.chosen(64, None)


def text_of(raw: str) -> NormalisedText:
    return normalise(extract_text(raw, Limits()), Limits())


def labels(raw: str) -> list[str]:
    return [each.label for each in provisions(raw)]


def test_every_provision_is_found_under_its_label() -> None:
    assert labels(LGPD) == [
        "Capítulo III – DOS DIREITOS DO TITULAR",
        "Art. 17",
        "Art. 18",
        "Art. 18, I",
        "Art. 18, II",
        "Art. 18, II, a",
        "Art. 18, II, b",
        "Art. 18, § 3º",
        "Art. 18, parágrafo único",
        "Seção II",
        "Art. 19-A",
        "Art. 20",
    ]


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("Art. 7o-A. São direitos da advogada:", "Art. 7º-A"),
        ("Artigo 12 - São brasileiros:", "Art. 12"),
        ("**Art. 9º** É assegurado o direito de greve.", "Art. 9º"),
        ("ART. 3° O Estado", "Art. 3º"),
        ("### Art. 10. Texto", "Art. 10"),
    ],
)
def test_articles_are_written_in_many_ways(line: str, label: str) -> None:
    assert labels(line) == [label]


@pytest.mark.parametrize(
    "line",
    [
        "Art. 5º, XI, da Constituição.",
        "Art. 5º da Constituição Federal.",
        "art. 5º é citado aqui.",
        "Artur 5 vezes.",
        "I - sem artigo não há inciso;",
        "§ 1º nem parágrafo.",
        "Capítulo encerrado.",
    ],
)
def test_a_reference_begins_no_provision(line: str) -> None:
    assert labels(line) == []


def test_articles_quoted_by_an_amending_law_are_its_own_text() -> None:
    law = (
        "Art. 1º A Lei nº 9 passa a vigorar assim:\n\n"
        "“Art. 2º Texto novo.\n\n§ 1º Mais.” (NR)\n\n"
        "Art. 2º Fim."
    )
    assert labels(law) == ["Art. 1º", "Art. 2º"]


def test_a_short_article_is_never_torn_and_shares_a_chunk_under_its_chapter_only() -> None:
    passages = cut(text_of(LGPD), Chunking.LAW)

    assert [passage.heading for passage in passages] == [
        "Capítulo III – DOS DIREITOS DO TITULAR > LGPD, Arts. 17 e 18",
        "Capítulo III – DOS DIREITOS DO TITULAR > Seção II > LGPD, Arts. 19-A e 20",
    ]
    assert passages[1].content.startswith("Seção II\nArt. 19-A.")


def test_a_part_of_a_long_article_says_what_it_goes_on_from() -> None:
    passages = cut(text_of(LGPD), Chunking.LAW, SMALL)

    parts = [passage for passage in passages if "Art. 18" in (passage.heading or "")]
    assert len(parts) > 1
    assert parts[0].heading is not None
    assert parts[0].heading.split(" > ")[-1].startswith("LGPD, Art. 18, caput")
    assert parts[-1].heading is not None
    assert (
        "O titular dos dados pessoais tem direito a obter do controlador > LGPD, Art. 18, "
        in parts[-1].heading
    )


def test_a_rubric_belongs_to_the_article_below_it() -> None:
    code = "\n\n".join(
        f"Crime número {'abcde'[n]}\n\nArt. {120 + n}. {PARAGRAPH}" for n in range(5)
    )
    for passage in cut(
        text_of(f"Art. 119. Começo.\n\n{code}"), Chunking.LAW, Sizes.chosen(100, None)
    )[1:]:
        assert passage.content.startswith("Crime") or "Art." not in passage.content


def test_whatever_the_offset_the_outline_knows_the_label() -> None:
    text = text_of(LGPD)
    outline = Outline.of(structured(text, Chunking.LAW))

    at = text.text.index("por declaração completa")
    assert outline.heading_at(at) == (
        "Capítulo III – DOS DIREITOS DO TITULAR > LGPD, Art. 18, II, b"
    )
    assert outline.heading_at(text.text.index("Art. 20.")) == (
        "Capítulo III – DOS DIREITOS DO TITULAR > Seção II > LGPD, Art. 20"
    )


def test_laws_are_recognised_and_reports_about_them_are_not() -> None:
    assert suited(text_of(LGPD), Chunking.AUTO) is Chunking.LAW
    report = "\n\n".join(
        f"Art. {n}. Citado.\n\n" + "\n\n".join([PARAGRAPH] * 9) for n in range(1, 9)
    )
    assert suited(text_of(report), Chunking.AUTO) is Chunking.SEMANTIC
    assert suited(text_of(PARAGRAPH), Chunking.AUTO) is Chunking.SEMANTIC
    assert suited(text_of(PARAGRAPH), Chunking.LAW) is Chunking.LAW


def test_a_provision_without_end_is_cut_like_a_text() -> None:
    text = text_of("Art. 1º Começo\n" + "linha de um anexo\n" * 5_000)
    passages = cut(text, Chunking.LAW)
    assert all(passage.token_count > 600 for passage in passages[:-1])
    assert {passage.heading for passage in passages} == {"Art. 1º"}


def test_a_text_without_articles_is_cut_by_its_paragraphs() -> None:
    text = text_of("\n\n".join([PARAGRAPH] * 20))
    assert cut(text, Chunking.LAW) == cut(text, Chunking.SEMANTIC)


@pytest.mark.parametrize(
    ("title", "text", "name"),
    [
        ("LGPD", "", "LGPD"),
        (None, LGPD, "LGPD"),
        ("Lei nº 8.906/1994 (Estatuto da Advocacia)", "", "Lei 8.906/1994"),
        ("Constituição da República Federativa do Brasil de 1988", "", "CF"),
        (None, "CONSTITUIÇÃO DO ESTADO DE MINAS GERAIS", "CE"),
        ("Código", "LEI MUNICIPAL N. 12, DE 5 DE MAIO DE 1999", "Lei 12/1999"),
        ("Regimento", "nos termos da Lei nº 8.666, de 21 de junho de 1993", None),
        ("Lei de Acesso à Informação (LAI)", "", "LAI"),
    ],
)
def test_a_law_is_called_as_it_is_cited(title: str | None, text: str, name: str | None) -> None:
    assert law_name(title, text) == name


legal = st.sampled_from([
    "Art. 1º Um.", "Art. 2º-A", "Art.", "§ 1º a", "Parágrafo único.", "I - um;", "II) dois", "a) x",
    "1. y", "TÍTULO I", "CAPÍTULO II Do", "“Art. 9º z", "fim” (NR)", "texto " * 30, "Rubrica",
    "\u0301", " ", "ANEXO I", "IIII - quatro", "§ único", "Art. 9999. w",
])  # fmt: skip


@settings(deadline=None)
@given(
    st.lists(legal, min_size=1, max_size=60), st.sampled_from(["\n", "\n\n"]), st.integers(64, 200)
)
def test_passages_of_any_law_are_exact_sized_and_complete(
    parts: list[str], between: str, size: int
) -> None:
    text = text_of("x" + between + between.join(parts))

    passages = cut(text, Chunking.LAW, Sizes.chosen(size, None))

    covered: set[int] = set()
    for passage in passages:
        assert text.text[passage.char_start : passage.char_end] == passage.content
        assert 0 < passage.token_count <= size
        assert passage.token_count == count_tokens(passage.content)
        assert not covered.intersection(range(passage.char_start, passage.char_end))
        covered.update(range(passage.char_start, passage.char_end))
    assert not "".join(c for at, c in enumerate(text.text) if at not in covered).strip()
    starts = [each.start for each in provisions(text.text)]
    assert starts == sorted(set(starts))
    assert bisect.bisect_left(starts, len(text.text)) == len(starts)
