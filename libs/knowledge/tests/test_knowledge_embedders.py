"""Embedders: the built-in one, and one of a provider over the wire."""

import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from knowledge_embedding_server import EmbeddingServer
from knowledge_files import PARAGRAPH
from pydantic import SecretStr, ValidationError

from knowledge.embedders import EmbeddingFailed
from knowledge.embedders.configured import embedder_for, open_embedder
from knowledge.embedders.local import LocalEmbedder
from knowledge.embedders.openai import OpenAIEmbedder
from knowledge.embedding import embedding_text_of
from knowledge.settings import EmbeddingSettings


def test_every_number_is_written_as_it_is() -> None:
    numbers = np.arange(2**16, dtype=np.uint16).view(np.float16)
    finite = numbers[np.isfinite(numbers)]

    written = embedding_text_of(finite).strip("[]").split(",")

    # As pgvector reads them: each as a float, then rounded to half precision.
    assert np.array_equal(np.array(written, dtype=np.float32).astype(np.float16), finite)


class TestLocal:
    async def test_vectors_are_of_unit_length_and_the_same_every_time(self) -> None:
        embedder = LocalEmbedder()
        first = await embedder.embed([PARAGRAPH, "Outro texto.", ""])
        second = await embedder.embed([PARAGRAPH])
        assert first.shape == (3, embedder.dimensions)
        assert np.allclose(np.linalg.norm(first, axis=1), [1, 1, 0])
        assert np.array_equal(first[0], second[0])

    async def test_texts_about_the_same_are_closer(self) -> None:
        leave, again, other = await LocalEmbedder().embed(
            [
                "O servidor tem direito a férias de trinta dias.",
                "Servidores têm direito a ferias anuais de 30 dias.",
                "O imposto de renda incide sobre o rendimento mensal.",
            ]
        )
        assert leave @ again > 0.4 > 0.15 > leave @ other

    async def test_a_question_is_weighted_by_what_its_terms_tell(self) -> None:
        embedder = LocalEmbedder()
        plain = await embedder.embed_query("prazo de férias")
        weighted = await embedder.embed_query(
            "prazo de férias", idf=lambda terms: np.arange(1, len(terms) + 1, dtype=np.float64)
        )
        assert not np.allclose(plain, weighted)
        assert np.isclose(np.linalg.norm(weighted), 1)

    async def test_a_paragraph_takes_less_than_a_millisecond(self) -> None:
        embedder = LocalEmbedder()
        texts = [f"{PARAGRAPH} {number}" for number in range(200)]
        await embedder.embed(texts[:10])
        began = time.process_time()
        await embedder.embed(texts)
        assert (time.process_time() - began) / len(texts) < 0.001

    async def test_a_vector_does_not_depend_on_the_texts_beside_it(self) -> None:
        texts = [PARAGRAPH, "", "de", "Outro texto.", "The lazy dog is here with a fox."]
        together = await LocalEmbedder().embed(texts)
        alone = [(await LocalEmbedder().embed([text]))[0] for text in texts]
        assert np.array_equal(together, alone)

    async def test_no_text_is_no_vector(self) -> None:
        assert (await LocalEmbedder().embed([])).shape == (0, 1536)


@pytest.fixture
async def server() -> AsyncIterator[EmbeddingServer]:
    running = EmbeddingServer()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
async def embedder(server: EmbeddingServer) -> AsyncIterator[OpenAIEmbedder]:
    made = OpenAIEmbedder(
        api_key="sk-test",
        base_url=server.url,
        model="text-embedding-3-small",
        dimensions=1536,
        timeout=timedelta(seconds=5),
        max_retries=2,
    )
    yield made
    await made.close()


class TestProvider:
    async def test_a_hundred_texts_go_into_a_request(
        self, embedder: OpenAIEmbedder, server: EmbeddingServer
    ) -> None:
        server.shuffled = True
        vectors = await embedder.embed(["x" * number for number in range(1, 251)])
        assert [len(request["input"]) for request in server.requests] == [100, 100, 50]
        assert server.requests[0]["dimensions"] == 1536
        assert server.requests[0]["encoding_format"] == "float"
        assert set(server.authorizations) == {"bearer sk-test"}
        assert vectors.argmax(axis=1).tolist() == list(range(1, 251))
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1)

    async def test_a_question_is_one_vector(self, embedder: OpenAIEmbedder) -> None:
        assert (await embedder.embed_query("abc")).argmax() == 3

    @pytest.mark.parametrize("fault", [429, 500, 503, 0])
    async def test_a_passing_fault_is_retried(
        self, embedder: OpenAIEmbedder, server: EmbeddingServer, fault: int
    ) -> None:
        server.faults = [fault]
        assert len(await embedder.embed(["a"])) == 1
        assert len(server.requests) == 2

    @pytest.mark.parametrize(
        ("fault", "later"),
        [(500, True), (429, True), (0, True), (401, False), (400, False), (404, False)],
    )
    async def test_a_lasting_fault_says_whether_to_come_back(
        self, embedder: OpenAIEmbedder, server: EmbeddingServer, fault: int, later: bool
    ) -> None:
        server.faults = [fault] * 3
        with pytest.raises(EmbeddingFailed) as failure:
            await embedder.embed(["a"])
        assert failure.value.retry is later
        assert "sk-test" not in str(failure.value)

    @pytest.mark.parametrize("body", [{}, [], {"data": None}, {"data": [{"index": 0}]}, "x"])
    async def test_an_answer_without_vectors_is_refused(
        self, embedder: OpenAIEmbedder, server: EmbeddingServer, body: Any
    ) -> None:
        server.body = body
        with pytest.raises(EmbeddingFailed) as failure:
            await embedder.embed(["a"])
        assert not failure.value.retry

    async def test_vectors_of_another_length_are_refused(
        self, embedder: OpenAIEmbedder, server: EmbeddingServer
    ) -> None:
        server.dimensions = 8
        with pytest.raises(EmbeddingFailed):
            await embedder.embed(["a"])


class TestSettings:
    def test_without_a_provider_the_built_in_one_is_used(self) -> None:
        assert isinstance(embedder_for(EmbeddingSettings(provider="local")), LocalEmbedder)

    def test_a_provider_needs_its_key(self) -> None:
        with pytest.raises(ValidationError, match="OPENAI_API_KEY"):
            EmbeddingSettings(provider="openai")

    def test_a_provider_is_named_in_the_model(self) -> None:
        made = embedder_for(EmbeddingSettings(provider="openai", api_key=SecretStr("k"), model="m"))
        assert made.model == "m"

    async def test_leaving_closes_what_was_opened(self, monkeypatch: pytest.MonkeyPatch) -> None:
        closed: list[str] = []

        async def close(embedder: OpenAIEmbedder) -> None:
            closed.append(embedder.model)

        monkeypatch.setattr(OpenAIEmbedder, "close", close)
        settings = EmbeddingSettings(provider="openai", api_key=SecretStr("k"), model="m")
        async with open_embedder(settings):
            assert not closed
        assert closed == ["m"]
