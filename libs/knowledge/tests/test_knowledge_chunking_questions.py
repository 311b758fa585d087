"""Question-answer pages: a question and its answer are never apart."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knowledge_files import PARAGRAPH

from knowledge.chunking import LARGEST_CHUNK, SMALLEST_CHUNK, Sizes, cut, structured
from knowledge.chunking.questions import questions
from knowledge.models import Chunking
from knowledge.outline import Outline
from knowledge.parsing.extraction import Limits
from knowledge.parsing.html import extract_html
from knowledge.parsing.normalising import NormalisedText, normalise
from knowledge.parsing.plain_text import extract_text


def text_of(raw: str) -> NormalisedText:
    return normalise(extract_text(raw, Limits()), Limits())


def titles(text: NormalisedText) -> list[str]:
    return [question.title for question in questions(text)]


@pytest.mark.parametrize(
    "raw",
    [
        "# Ajuda\n\n## Quanto custa?\nDez reais.\n\n## Onde fica?\nNa praça.",
        "**P: Quanto custa?**\nR: Dez reais.\n\n**P: Onde fica?**\nR: Na praça.",
        "Pergunta 1: Quanto custa?\nResposta: Dez reais.\n\nPergunta 2: Onde fica?\nResposta: Lá.",
        "Quanto custa?\n\nDez reais.\n\nOnde fica?\n\nNa praça.",
        "1. Quanto custa?\nDez reais.\n2. Onde fica?\nNa praça.",
        "- Quanto custa?\n  Dez reais.\n- Onde fica?\n  Na praça.",
    ],
)
def test_questions_are_marked_in_many_ways(raw: str) -> None:
    assert titles(text_of(raw)) == ["Quanto custa?", "Onde fica?"]


def test_definition_lists_and_accordions_are_questions() -> None:
    page = (
        "<body><h1>Ajuda</h1><dl><dt>Quanto custa?</dt><dd>Dez reais.</dd></dl>"
        "<details><summary>Onde fica?</summary><p>Na praça.</p></details>"
        "<h3><button aria-expanded='false'>Quem pode?</button></h3><div>Todos.</div>"
        "<button>Até quando?</button><div>Até março.</div><button>Enviar</button></body>"
    )
    text = normalise(extract_html(page.encode()), Limits())

    assert titles(text) == ["Quanto custa?", "Onde fica?", "Quem pode?", "Até quando?"]
    assert "Enviar" not in text.text


@pytest.mark.parametrize(
    "raw",
    ["P. Silva assinou.", "Será que é assim? Sim, é assim.", "???", "é isto que\nquer saber?", ""],
)
def test_what_only_looks_like_a_question_is_none(raw: str) -> None:
    assert questions(NormalisedText(raw)) == []


def test_a_question_and_its_answer_share_a_chunk_named_by_it() -> None:
    answer = " ".join([PARAGRAPH] * 3)
    page = text_of("# Ajuda\n\n" + "\n\n".join(f"## Pergunta {n}?\n\n{answer}" for n in "abc"))

    passages = cut(page, Chunking.QA, Sizes.chosen(400, None))

    assert [passage.heading for passage in passages] == [f"Ajuda > Pergunta {n}?" for n in "abc"]
    assert [passage.content.count("?") for passage in passages] == [1, 1, 1]


def test_short_pairs_share_a_chunk_and_none_is_torn() -> None:
    raw = "# Ajuda\n\n" + "\n\n".join(f"**P: Item {n}?**\nR: É o item {n}." for n in range(90))
    page = text_of(raw)

    passages = cut(page, Chunking.QA)

    assert 1 < len(passages) < 20
    for passage in passages:
        assert passage.content.count("P: ") == passage.content.count("R: ") > 1
        assert passage.heading == "Ajuda"
    outline = Outline.of(structured(page, Chunking.QA))
    assert outline.heading_at(raw.index("É o item 7.")) == "Ajuda > Item 7?"


asked = st.sampled_from(
    [
        "P: Um?",
        "R: dois.",
        "## Três?",
        "Quatro?",
        "cinco",
        "# Seis",
        "sete oito " * 40,
        "?",
        "\u0301?",
    ]
)


@settings(deadline=None)
@given(
    st.lists(asked, min_size=1, max_size=50), st.sampled_from(["\n", "\n\n"]), st.integers(64, 200)
)
def test_passages_of_any_page_are_exact_sized_and_complete(
    parts: list[str], between: str, size: int
) -> None:
    text = text_of("x" + between + between.join(parts))

    passages = cut(text, Chunking.QA, Sizes.chosen(size, None))

    covered: set[int] = set()
    for passage in passages:
        assert text.text[passage.char_start : passage.char_end] == passage.content
        assert 0 < passage.token_count <= size
        covered.update(range(passage.char_start, passage.char_end))
    assert not "".join(c for at, c in enumerate(text.text) if at not in covered).strip()


def test_sizes_are_chosen_within_bounds() -> None:
    assert Sizes.chosen(None, None) == Sizes()
    assert Sizes.chosen(SMALLEST_CHUNK, 32).overlap == 32
    assert Sizes.chosen(LARGEST_CHUNK, None).most == LARGEST_CHUNK
    for size, overlap in [
        (SMALLEST_CHUNK - 1, None),
        (LARGEST_CHUNK + 1, None),
        (100, 51),
        (100, -1),
    ]:
        with pytest.raises(ValueError, match="chunk"):
            Sizes.chosen(size, overlap)


@settings(deadline=None)
@given(st.integers(64, 300), st.sampled_from(Chunking), st.data())
def test_chosen_sizes_hold_whatever_the_strategy(
    size: int, strategy: Chunking, data: st.DataObject
) -> None:
    overlap = data.draw(st.none() | st.integers(0, size // 2))
    count = data.draw(st.integers(1, 12))
    text = text_of("# Título\n\n" + "\n\n".join([PARAGRAPH, "Quem é?"] * count))
    for passage in cut(text, strategy, Sizes.chosen(size, overlap)):
        assert passage.token_count <= size
