"""Edits over a text: the smallest patch, exact offsets, and nothing switched off that is found."""

from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from knowledge.chunk_edit_tables import EditKind
from knowledge.chunk_edits import Edit, apply, is_off, patch_between, separate
from knowledge.chunking import Cutting, Sizes, count_tokens, cut
from knowledge.models import Chunking
from knowledge.parsing.extraction import Limits
from knowledge.parsing.normalising import NormalisedText, normalise
from knowledge.parsing.plain_text import extract_text


def text_of(raw: str) -> NormalisedText:
    return normalise(extract_text(raw, Limits()), Limits())


def correction(original: str, replacement: str, at: int = 0) -> Edit:
    return Edit(uuid4(), EditKind.CORRECTION, original, replacement, at)


def switch_off(original: str) -> Edit:
    return Edit(uuid4(), EditKind.SWITCH_OFF, original, None, 0)


words = st.lists(st.sampled_from(["um", "dois", "três", "1", "R$", "é", "\n\n", "."]), max_size=40)


@given(words, words, words, words)
def test_patch_makes_a_stretch_read_as_corrected_and_nothing_else(
    before: list[str], former: list[str], after: list[str], corrected: list[str]
) -> None:
    lead, stretch, tail = (" ".join(part).strip() for part in (before, former, after))
    wanted = " ".join(corrected).strip()
    text = f"{lead}\n\n{stretch}\n\n{tail}"
    start = len(lead) + 2

    patch = patch_between(text, start, start + len(stretch), wanted)

    if patch is None:
        assert stretch == wanted
        return
    assert text[patch.char_start :][: len(patch.original)] == patch.original
    assert start <= patch.char_start
    edited = apply(
        NormalisedText(text), [correction(patch.original, patch.replacement, patch.char_start)]
    )
    if patch.original:
        assert edited.text.text == f"{lead}\n\n{wanted}\n\n{tail}"


def test_patch_is_small_but_stands_nowhere_else() -> None:
    line = "A taxa é de R$ 10,00 por ano e vence em março de cada ano, sem desconto.\n\n"
    text = line * 2 + "Para idosos: " + line
    start = text.index("Para idosos")

    patch = patch_between(text, start, len(text) - 2, text[start:-2].replace("10,00", "5,00"))

    assert patch is not None
    assert text.count(patch.original) == 1
    assert len(patch.original) < len(text) - start
    assert patch.original.startswith("Para idosos:")


def test_headings_and_pages_move_with_the_text() -> None:
    text = text_of("# Um\n\nPrimeiro texto.\n\f\n# Dois\n\nSegundo texto.\n\f\n# Três\n\nFim.")

    edited = apply(text, [correction("Primeiro texto.", "Um texto bem mais longo que antes.")]).text

    for heading in edited.headings:
        assert edited.text[heading.char_start :].startswith(f"# {heading.title}")
    assert [edited.text[start:].split()[1] for start in edited.page_starts] == [
        "Um",
        "Dois",
        "Três",
    ]


def test_heading_that_was_corrected_away_is_one_no_longer() -> None:
    text = text_of("# Um\n\nTexto.\n\n# Dois\n\nMais.")

    edited = apply(text, [correction("Texto.\n\n# Dois\n\nMais.", "Texto.\n\nMais.")]).text

    assert [heading.title for heading in edited.headings] == ["Um"]


def test_of_equal_stretches_the_nearest_is_corrected() -> None:
    text = NormalisedText("valor 10 reais\n\nvalor 10 reais\n\nvalor 10 reais")
    edited = apply(text, [correction("valor 10 reais", "valor 20 reais", 17)])
    assert edited.text.text == "valor 10 reais\n\nvalor 20 reais\n\nvalor 10 reais"


def test_what_meets_nothing_is_not_among_what_was_found() -> None:
    kept, lost, off = correction("dois", "2"), correction("quatro", "4"), switch_off("cinco")
    edited = apply(NormalisedText("um dois três"), [kept, lost, off])
    assert edited.found == {kept.id}
    assert edited.text.text == "um 2 três"
    assert edited.off == ()


def test_later_corrections_meet_what_earlier_ones_wrote() -> None:
    edits = [correction("um", "dois"), correction("dois", "três")]
    assert apply(NormalisedText("conta um"), edits).text.text == "conta três"


def test_switched_off_words_are_not_found_within_others() -> None:
    text = NormalisedText("arte e parte e arte")
    assert apply(text, [switch_off("arte")]).off == ((0, 4), (15, 19))
    assert apply(NormalisedText("xartex"), [switch_off("arte")]).off == ((1, 5),)


@given(words, words, words, st.sampled_from(Chunking), st.integers(64, 128))
def test_nothing_switched_off_is_enabled_and_everything_else_is(
    before: list[str], middle: list[str], after: list[str], strategy: Chunking, size: int
) -> None:
    hidden = f"segredo {' '.join(middle)} segredo"
    text = text_of(f"x {' '.join(before)}\n\n{hidden}\n\n{' '.join(after)} y")
    edit = switch_off(" ".join(part for part in [text_of(hidden).text.strip()]))
    edited = apply(text, [edit])

    passages = separate(text, cut(text, strategy, Sizes.chosen(size, None)), edited.off)

    assert [passage.position for passage in passages] == list(range(len(passages)))
    off = {at for start, end in edited.off for at in range(start, end)}
    enabled: set[int] = set()
    for passage in passages:
        span = range(passage.char_start, passage.char_end)
        assert text.text[passage.char_start : passage.char_end] == passage.content
        assert passage.token_count == count_tokens(passage.content) <= size
        assert passage.enabled != is_off(passage.char_start, passage.char_end, edited.off)
        if passage.enabled:
            enabled.update(span)
    assert not enabled & off
    missing = set(range(len(text.text))) - enabled - off
    assert not "".join(text.text[at] for at in sorted(missing)).strip()
    assert all(one[1] < other[0] for one, other in pairwise(edited.off))


@pytest.mark.parametrize(
    ("cutting", "key"),
    [
        (Cutting(), "auto"),
        (Cutting(Chunking.LAW, 300), "law/300"),
        (Cutting(Chunking.FIXED, 300, 0), "fixed/300/0"),
        (Cutting(Chunking.FIXED, None, 50), "fixed/768/50"),
    ],
)
def test_cutting_is_one_word(cutting: Cutting, key: str) -> None:
    assert cutting.key == key
    assert Cutting.read(key).key == key
    read = Cutting.read(key)
    assert (read.sizes.fixed, read.sizes.overlap) == (cutting.sizes.fixed, cutting.sizes.overlap)


@pytest.mark.parametrize(
    ("strategy", "size", "overlap"),
    [(Chunking.LAW, None, 10), (Chunking.FIXED, 100, 60), (Chunking.AUTO, 10, None)],
)
def test_sizes_that_do_not_go_together_are_refused(
    strategy: Chunking, size: int | None, overlap: int | None
) -> None:
    with pytest.raises(ValueError, match=r"overlap|tokens"):
        Cutting(strategy, size, overlap)
