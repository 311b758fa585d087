"""The made-up collection of the scale bench: repeatable, with rows as the pipeline writes them."""

import pytest
from bench.knowledge_calls import recall
from bench.knowledge_rows import CHUNKS, CHUNKS_OF_DOCUMENT, Collection, Lexicon, rows, tsvector

from shared_schemas.ids import new_id


@pytest.fixture(scope="module")
def collection() -> Collection:
    """One lexicon for all tests: it takes a fifth of a second."""
    return Collection(Lexicon())


def test_same_number_is_the_same_document(collection: Collection) -> None:
    title, made = Collection(Lexicon()).document(3)
    again_title, again = collection.document(3)

    assert title == again_title
    assert [each.content for each in made] == [each.content for each in again]
    assert len(made) == CHUNKS_OF_DOCUMENT
    assert collection.document(4)[0] != title


def test_question_is_made_of_its_chunks_words(collection: Collection) -> None:
    text, number, vector = collection.question(17)

    chunk = collection.document(17 // CHUNKS_OF_DOCUMENT)[1][17 % CHUNKS_OF_DOCUMENT]
    asked = set(text.removeprefix("qual ").removesuffix("?").split(" de "))
    assert number == 17
    assert asked <= set(chunk.subject_words)
    assert float(vector @ chunk.embedding) > 0.8


def test_chunks_stand_at_their_offsets(collection: Collection) -> None:
    (document,) = rows(collection, [5], new_id())
    columns = CHUNKS.split()
    content = document.version[8]

    for row in document.chunks:
        chunk = dict(zip(columns, row, strict=True))
        assert content[chunk["char_start"] : chunk["char_end"]] == chunk["content"]
        assert chunk["document_id"] == document.document[0]
    moved = document.moved(other := new_id())
    assert {chunk[1] for chunk in moved.chunks} == {moved.document[1]} == {other}
    assert moved.document[0] != document.document[0]


def test_lexemes_are_written_once_and_in_order() -> None:
    assert tsvector(["b", "a", "b"]) == b"\0\0\0\2a\0\0\0b\0\0\0"


def test_recall_is_the_mean_share_of_the_true_ones() -> None:
    assert recall([{"a", "x"}, {"c"}], [{"a", "b"}, {"c"}]) == 0.75
