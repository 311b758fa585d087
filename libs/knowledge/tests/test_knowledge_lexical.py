"""The analyzer and the two halves of LEX: what is folded, stemmed, hashed, weighed, corrected."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pgvector import SparseVector

from knowledge.lexical import analyze, detect_language, fold, index_chunk, words
from knowledge.lexical.analyzer import (
    FIRST_BIGRAM,
    FIRST_GRAM,
    LONGEST_WORD,
    gram_terms,
    pair,
    stem_term,
)
from knowledge.lexical.meeting import Meeting
from knowledge.lexical.query import understand
from knowledge.lexical.statistics import SMALLEST_COLLECTION, Statistics
from knowledge.lexical.vector import MOST_ENTRIES, document_vector
from knowledge.lexical.vocabulary import Vocabulary, edit_distance
from knowledge.models import LEXICAL_DIMENSIONS, Language

PT, EN = Language.PORTUGUESE, Language.ENGLISH


def statistics_of(*texts: str, language: Language = PT) -> Statistics:
    """As if each text were a chunk."""
    vectors = [analyze(text, language) for text in texts]
    terms = np.concatenate(
        [np.unique(np.concatenate([v.stem_terms, v.gram_terms])) for v in vectors]
    )
    distinct, counts = np.unique(terms, return_counts=True)
    stems = sorted({stem for vector in vectors for stem in vector.stems})
    return Statistics(len(texts), distinct, counts.astype(np.int32), Vocabulary(stems))


def score(question: str, text: str, statistics: Statistics) -> float:
    """The inner product PostgreSQL computes."""
    query = understand(question, statistics).vector
    weights = dict(zip(query.indices(), query.values(), strict=True))
    vector, _ = index_chunk(title="", heading=None, content=text, language=detect_language(text))
    pairs = zip(vector.indices(), vector.values(), strict=True)
    return float(sum(weights.get(term, 0.0) * weight for term, weight in pairs))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Ação JUDICIAL", "acao judicial"),
        ("a\u0303o", "ao"),
        ("nº 3º, 2ª", "no 3o, 2a"),
        ("ﬁnança", "financa"),
        ("Straße", "straße"),
        ("ASCII only", "ascii only"),
    ],
)
def test_text_is_folded(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_composed_and_decomposed_accents_are_the_same_words() -> None:
    assert words("Informação") == words("Informac\u0327a\u0303o") == ["informacao"]


def test_words_are_letters_and_digits_only() -> None:
    assert words("R$ 1.037,40 - e-mail_x@y.br") == [
        "r", "1", "037", "40", "e", "mail", "x", "y", "br",
    ]  # fmt: skip


def test_accents_are_folded_before_stemming_on_both_sides() -> None:
    assert analyze("informações", PT).stems == analyze("informacoes", PT).stems


def test_stop_words_have_grams_but_no_stem() -> None:
    analysis = analyze("o que é de para", PT)

    assert analysis.stems == []
    assert len(analysis.gram_terms) > 0


def test_kinds_of_terms_have_ranges_of_their_own() -> None:
    analysis = analyze("O servidor público pede férias pelo portal.", PT)

    assert (analysis.stem_terms < FIRST_GRAM).all()
    assert ((analysis.gram_terms >= FIRST_GRAM) & (analysis.gram_terms < FIRST_BIGRAM)).all()
    assert (analysis.bigram_terms >= FIRST_BIGRAM).all()
    assert (analysis.bigram_terms < LEXICAL_DIMENSIONS).all()
    assert len(analysis.bigram_terms) == len(analysis.stems) - 1


def test_bigrams_know_their_order() -> None:
    first, second = np.array([1], np.int32), np.array([2], np.int32)
    assert pair(first, second) != pair(second, first)


def test_endless_word_is_cut() -> None:
    assert words("a" * 10_000) == ["a" * LONGEST_WORD]


def test_short_words_have_one_gram() -> None:
    assert len(gram_terms("a")) == 1
    assert len(gram_terms("lei")) == 2


def test_hashes_are_the_same_in_every_process() -> None:
    code = "from knowledge.lexical.analyzer import stem_term; print(stem_term('feri'))"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(other.stdout) == stem_term("feri") == 14806228


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Como eu peço a segunda via da certidão?", PT),
        ("How do I get a copy of the certificate?", EN),
        ("SharePoint", PT),
        ("", PT),
    ],
)
def test_language_is_told_by_stop_words(text: str, language: Language) -> None:
    assert detect_language(text) is language


def test_title_counts_twice_and_heading_once() -> None:
    def weight(title: str, heading: str | None) -> float:
        vector, _ = index_chunk(title=title, heading=heading, content="texto " * 50, language=PT)
        entries = dict(zip(vector.indices(), vector.values(), strict=True))
        return float(entries.get(stem_term(analyze("férias", PT).stems[0]), 0.0))

    assert weight("Férias", None) > 1.2 * weight("Outro", "Férias")
    assert weight("Outro", "Férias") > weight("Outro", None) == 0


def test_stems_for_the_candidates_are_distinct() -> None:
    _, stems = index_chunk(title="Férias", heading="Férias", content="férias", language=PT)
    assert stems == analyze("férias", PT).stems


def test_chunk_of_random_words_stays_within_pgvectors_limit() -> None:
    text = " ".join(f"{number:x}zz{number * 7919:x}" for number in range(8000))

    vector, _ = index_chunk(title="", heading=None, content=text, language=PT)

    assert len(vector.indices()) == MOST_ENTRIES


def test_vector_is_written_as_pgvector_writes_it() -> None:
    vector, _ = index_chunk(title="Férias", heading=None, content="férias " * 40, language=PT)

    entries = dict(zip(vector.indices(), vector.values(), strict=True))
    assert vector.to_text() == SparseVector(entries, LEXICAL_DIMENSIONS).to_text()


@given(st.text(max_size=400))
def test_any_text_becomes_a_valid_vector(text: str) -> None:
    vector, stems = index_chunk(title=text, heading=text, content=text, language=PT)

    indices = vector.indices()
    assert indices == sorted(set(indices))
    assert all(0 <= index < LEXICAL_DIMENSIONS for index in indices)
    assert all(0 < value < 2.2 for value in vector.values())
    assert all(stem.isalnum() for stem in stems)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ("rouanet", "rouanet", 0),
        ("ruanet", "rouanet", 1),
        ("rouante", "rouanet", 1),
        ("certidao", "certifo", 2),
        ("abcd", "wxyz", 3),
        ("curto", "muitolongo", 3),
    ],
)
def test_edit_distance(first: str, second: str, distance: int) -> None:
    assert edit_distance(first, second, 2) == edit_distance(second, first, 2) == distance


def test_unknown_stem_finds_its_nearest_neighbours_only() -> None:
    vocabulary = Vocabulary(["rouanet", "rouen", "ruan", "roupa", "lei"])

    assert vocabulary.nearest("ruanet") == ["rouanet"]
    assert vocabulary.nearest("xyzwk") == []
    assert vocabulary.nearest("le") == []
    assert vocabulary.nearest("2026") == []
    assert Vocabulary([]).nearest("rouanet") == []


def test_rare_terms_weigh_more_than_frequent_ones() -> None:
    statistics = statistics_of(*["férias do servidor"] * 400, "licença do servidor")
    rare, frequent, unknown = (
        statistics.idf(analyze(word, PT).stem_terms)[0] for word in ("licença", "férias", "xerife")
    )
    assert unknown > rare > frequent >= 0


def test_small_collections_do_not_let_unknown_words_outweigh_known_ones() -> None:
    statistics = statistics_of("férias do servidor", "licença")
    known, unknown = (
        statistics.idf(analyze(word, PT).stem_terms)[0] for word in ("férias", "xerife")
    )
    assert unknown / known < 1.3
    assert statistics.chunk_count < SMALLEST_COLLECTION


def test_question_with_every_word_covers_more_than_one_without() -> None:
    texts = ["O pagamento das férias sai em dois dias.", "O refeitório abre às onze."]
    statistics = statistics_of(*texts)
    question = understand("Quando sai o pagamento das férias?", statistics)

    right, wrong = (score("Quando sai o pagamento das férias?", t, statistics) for t in texts)

    assert right / question.ideal > 0.7
    assert wrong / question.ideal < 0.2


@given(
    st.lists(
        st.sampled_from(
            ["a", "nova", "lei", "de", "férias", "e", "ação", "the", "of", "4,5", "<b>", "Lei."]
        )
    )
)
def test_text_meets_a_question_as_its_vector_would(written: list[str]) -> None:
    texts = [" ".join(written), " ".join(written[::2]), ""]
    statistics = statistics_of("a ação de férias da nova lei", "lei")
    question = understand("a nova lei de férias e a ação", statistics)
    weights = dict(zip(question.vector.indices(), question.vector.values(), strict=True))
    meeting = Meeting(question.vector)

    for text in texts:
        analysis = analyze(text, detect_language(text))
        vector = document_vector(analysis)
        pairs = zip(vector.indices(), vector.values(), strict=True)
        met = meeting.of(text)

        assert met.score == sum(weights.get(term, 0.0) * weight for term, weight in pairs)
        assert met.stems == set(analysis.stem_terms.tolist())


def test_misspelt_word_scores_almost_like_the_right_one() -> None:
    text = "A lei Rouanet incentiva a cultura."
    statistics = statistics_of(text, "Outro texto sobre esporte.")

    right, wrong = (score(q, text, statistics) for q in ("lei rouanet", "lei ruanet"))

    assert 0.6 < wrong / right < 1
    assert "rouanet" in understand("lei ruanet", statistics).stems


def test_mistake_does_not_count_as_something_nobody_wrote_about() -> None:
    statistics = statistics_of("A garantia constitucional incentiva a cultura.")

    right, misspelt, foreign = (
        understand(question, statistics).ideal
        for question in ("constitucional", "constitucinoal", "paralelepípedo")
    )

    assert misspelt < right < foreign


def test_word_is_read_by_the_stemmer_that_knows_it() -> None:
    statistics = statistics_of("Printers are installed by technicians.", language=EN)

    assert set(understand("installing printer", statistics).stems) == {"instal", "printer"}


@pytest.mark.parametrize("question", ["", "o que é de", "???", "🙂"])
def test_question_without_content_is_empty(question: str) -> None:
    assert understand(question, statistics_of("férias")).empty
