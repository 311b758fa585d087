"""Embeddings from OpenAI or any server that speaks its protocol, through the official client."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import numpy as np
from openai import APIConnectionError, APIError, APIStatusError, AsyncOpenAI

from knowledge.embedders.port import EmbeddingFailed, Idf, Vector, Vectors
from knowledge.recipients import OPENAI, Recipient

BATCH: Final = 100
"""Texts per request. 100 chunks of 1,000 tokens stay below the API's 300,000 tokens per request."""
_RETRIED_LATER: Final = frozenset({408, 409, 429})


class OpenAIEmbedder:
    """Batches, timeouts and retries; a failure that remains says whether to try later."""

    def __init__(
        self,
        *,
        api_key: str,
        base_url: str | None,
        model: str,
        dimensions: int,
        timeout: timedelta,
        max_retries: int,
        recipient: Recipient = OPENAI,
    ) -> None:
        self.model = model
        self.recipient = recipient
        self.dimensions = dimensions
        self._client = AsyncOpenAI(
            api_key=api_key,
            base_url=base_url,
            timeout=timeout.total_seconds(),
            max_retries=max_retries,
        )

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One request per hundred texts, one after the other: providers limit tokens per minute."""
        batches = [
            await self._embed_batch(texts[start : start + BATCH])
            for start in range(0, len(texts), BATCH)
        ]
        return np.concatenate(batches) if batches else np.zeros((0, self.dimensions), np.float32)

    async def embed_query(self, text: str, *, idf: Idf | None = None) -> Vector:  # noqa: ARG002 - the model has its own sense of what is telling
        """The vector of a question."""
        vectors = await self._embed_batch([text])
        return np.asarray(vectors[0], dtype=np.float32)

    async def close(self) -> None:
        """Closes the pooled connections."""
        await self._client.close()

    async def _embed_batch(self, texts: Sequence[str]) -> Vectors:
        try:
            response = await self._client.embeddings.with_raw_response.create(
                # Blank input is refused by the API.
                input=[text if text.strip() else "-" for text in texts],
                model=self.model,
                dimensions=self.dimensions,
                encoding_format="float",  # the default, base64, is unknown to other servers
            )
        except APIStatusError as error:
            later = error.status_code >= 500 or error.status_code in _RETRIED_LATER
            raise EmbeddingFailed(f"HTTP {error.status_code}", retry=later) from error
        except APIConnectionError as error:  # also timeouts
            raise EmbeddingFailed(type(error).__name__, retry=True) from error
        except APIError as error:
            raise EmbeddingFailed(type(error).__name__, retry=False) from error
        return self._checked(_rows(response.content), len(texts))

    def _checked(self, rows: list[list[float]], wanted: int) -> Vectors:
        """Unit vectors of the promised shape, or an error before anything is stored."""
        if len(rows) != wanted or any(len(row) != self.dimensions for row in rows):
            raise EmbeddingFailed("vectors of another number or length than asked for", retry=False)
        vectors = np.asarray(rows, dtype=np.float32)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        if not np.isfinite(lengths).all():
            raise EmbeddingFailed("vectors with values that are no numbers", retry=False)
        lengths[lengths == 0] = 1
        unit: Vectors = vectors / lengths
        return unit


def _rows(answer: bytes) -> list[list[float]]:
    """The vectors in the order of the texts. The client would look at every number of them as a
    value of its own: half of the time a question takes to be embedded."""
    try:
        items = sorted(json.loads(answer)["data"], key=lambda item: item["index"])
        return [item["embedding"] for item in items]
    except (ValueError, KeyError, TypeError) as error:
        raise EmbeddingFailed("an answer without vectors", retry=False) from error
