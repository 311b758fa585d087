"""What the rest of the system knows of a reranker."""

from collections.abc import Sequence
from typing import Protocol

from knowledge.recipients import Recipient


class RerankingFailed(Exception):
    """No scores came: unreachable, too slow, or an answer that is none. Search goes on without."""


class Reranker(Protocol):
    """Reads question and passage together, which is slow and knows more."""

    @property
    def name(self) -> str:
        """Of the model."""

    @property
    def recipient(self) -> Recipient | None:
        """Who is sent question and passages; None: they stay in this process."""

    async def rerank(self, question: str, passages: Sequence[str]) -> list[float]:
        """A score per passage, in their order; higher is better. Raises RerankingFailed.

        Never called inside a transaction: it may take a provider.
        """

    async def close(self) -> None:
        """Gives back what it holds open."""
