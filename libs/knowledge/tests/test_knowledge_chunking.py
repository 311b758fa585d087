"""Cutting: exact offsets, sizes, headings that lead and never trail."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from knowledge_files import PARAGRAPH

from knowledge.chunking import Passage, Sizes, count_tokens, cut
from knowledge.models import Chunking
from knowledge.parsing.extraction import Limits
from knowledge.parsing.normalising import NormalisedText, normalise
from knowledge.parsing.plain_text import extract_text

SMALL = Sizes(least=20, most=40, fixed=30, overlap=5, smallest_section=8, unit=40)


def markdown(text: str) -> NormalisedText:
    return normalise(extract_text(text, Limits()), Limits())


words = st.text("abcçã1. \n\t-#\u0301é日", min_size=1, max_size=40)


@settings(deadline=None)
@given(st.lists(words, min_size=1, max_size=60), st.sampled_from(Chunking))
def test_passages_are_exact_sized_and_complete(parts: list[str], strategy: Chunking) -> None:
    raw = "x " + "\n\n".join(parts)
    text = markdown(raw)

    passages = cut(text, strategy, SMALL)

    covered: set[int] = set()
    for number, passage in enumerate(passages):
        assert passage.position == number
        assert text.text[passage.char_start : passage.char_end] == passage.content
        assert passage.content == passage.content.strip()
        assert 0 < passage.token_count <= SMALL.most
        assert passage.token_count == count_tokens(passage.content)
        covered.update(range(passage.char_start, passage.char_end))
    left_out = "".join(text.text[at] for at in range(len(text.text)) if at not in covered)
    assert not left_out.strip()
    assert [p.char_start for p in passages] == sorted(p.char_start for p in passages)


@pytest.mark.parametrize("strategy", [Chunking.SEMANTIC, Chunking.HEADING])
def test_long_texts_become_chunks_of_512_to_1000_tokens(strategy: Chunking) -> None:
    passages = cut(markdown("\n\n".join([PARAGRAPH] * 200)), strategy)
    assert all(512 <= passage.token_count <= 1000 for passage in passages[:-1])


def test_fixed_windows_overlap() -> None:
    passages = cut(markdown(" ".join(map(str, range(3000)))), Chunking.FIXED)
    assert all(passage.token_count <= 768 for passage in passages)
    for before, after in pairwise(passages):
        assert after.char_start < before.char_end


def test_a_section_is_a_chunk_under_its_path() -> None:
    body = " ".join([PARAGRAPH] * 4)
    sections = "".join(f"## Seção {n}\n\n{body}\n\n" for n in range(3))
    passages = cut(markdown(f"# Manual\n\nIntrodução.\n\n{sections}"), Chunking.HEADING)
    assert [passage.heading for passage in passages] == [
        "Manual > Seção 0",  # with the introduction, too short for a chunk of its own
        "Manual > Seção 1",
        "Manual > Seção 2",
    ]
    assert passages[1].content.startswith("## Seção 1")


def test_no_chunk_ends_with_a_heading() -> None:
    text = "\n\n".join(
        f"## Seção {n}\n\n" + "\n\n".join([PARAGRAPH] * (n % 7 + 1)) for n in range(40)
    )
    for passage in cut(markdown(text), Chunking.SEMANTIC):
        assert not passage.content.splitlines()[-1].startswith("## ")


def test_a_word_longer_than_a_chunk_is_cut() -> None:
    passages = cut(markdown("x" * 100_000), Chunking.SEMANTIC)
    assert "".join(passage.content for passage in passages) == "x" * 100_000
    assert max(passage.token_count for passage in passages) <= 1000


def test_pages_are_those_the_chunks_begin_on() -> None:
    pages = "\f".join("\n\n".join([f"Página {n}."] + [PARAGRAPH] * 12) for n in range(1, 4))
    text = markdown(pages)
    for passage in cut(text, Chunking.SEMANTIC, SMALL):
        begun = text.text.count("Página", 0, passage.char_start + len("Página"))
        assert passage.page == begun


def test_portuguese_words_count_for_one_token_and_a_half() -> None:
    per_word = count_tokens(PARAGRAPH) / len(PARAGRAPH.split())
    assert 1.2 < per_word < 1.8


def test_a_passage_is_immutable() -> None:
    passage = Passage(0, "a", 0, 1, None, None, 1)
    with pytest.raises(AttributeError):
        passage.content = "b"  # type: ignore[misc]  # that is the point
