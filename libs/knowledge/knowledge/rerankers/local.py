"""A cross-encoder in this process, where sentence-transformers is installed.

It brings PyTorch along, so it is nobody's dependency.
"""

import asyncio
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from knowledge.rerankers.port import RerankingFailed


class LocalReranker:
    """The model is loaded with the first search; one search at a time has the processor."""

    recipient = None

    def __init__(self, model: str) -> None:
        self.name = model
        self._model: Any = None
        self._turn = asyncio.Lock()

    async def rerank(self, question: str, passages: Sequence[str]) -> list[float]:
        """Scores as the model gives them."""
        if not passages:
            return []
        async with self._turn:
            try:
                return await asyncio.to_thread(self._predict, question, list(passages))
            except Exception as error:  # whatever a model that is not ours raises
                raise RerankingFailed(type(error).__name__) from error

    async def close(self) -> None:
        """Holds nothing open."""

    def _predict(self, question: str, passages: list[str]) -> list[float]:
        if self._model is None:
            self._model = import_module("sentence_transformers").CrossEncoder(self.name)
        return [float(score) for score in self._model.predict([(question, p) for p in passages])]
