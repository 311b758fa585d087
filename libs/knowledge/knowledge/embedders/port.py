"""What the rest of the system knows of an embedder."""

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.recipients import Recipient

Vector = NDArray[np.float32]
"""One text: `dimensions` numbers of unit length (or all zero, for a text without a single word)."""
Vectors = NDArray[np.float32]
"""One row per text."""
Idf = Callable[[NDArray[np.int32]], NDArray[np.float64]]
"""Hashed terms (stems, 4-grams of `knowledge.lexical`) → how telling each is to an organization."""


class EmbeddingFailed(Exception):
    """The provider did not give vectors. `retry` says whether trying again later may help."""

    def __init__(self, reason: str, *, retry: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry = retry


class Embedder(Protocol):
    """Vectors of different models never meet: every chunk records `model`."""

    @property
    def model(self) -> str:
        """Name and version; changes whenever the same text would get another vector."""

    @property
    def recipient(self) -> Recipient | None:
        """Who is sent the texts, and so has to be allowed them (`knowledge.transfers`). None: they
        stay in this process."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """The vectors of passages, in order. Raises EmbeddingFailed."""

    async def embed_query(self, text: str, *, idf: Idf | None = None) -> Vector:
        """The vector of a question. Embedders that know words by training ignore `idf`."""

    async def close(self) -> None:
        """Gives back what it holds open."""
