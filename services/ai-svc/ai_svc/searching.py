"""What searching and asking do alike: the question's vector, and the counting of searches."""

from collections.abc import Sequence
from typing import Final, Literal

import structlog
from prometheus_client import Counter

from knowledge.embedders.port import Embedder, EmbeddingFailed
from knowledge.search import Passage, QueryEmbedding, embed_question

log = structlog.get_logger(__name__)

SEARCHES: Final = Counter(
    "rag_searches_total", "Searches; result is found or nothing", ["kind", "result"]
)


async def embedded(embedder: Embedder, text: str) -> QueryEmbedding | None:
    """The question's vector; without the embedder the lexical leg answers alone.

    Never called inside a transaction: it may take a provider.
    """
    try:
        return await embed_question(embedder, text)
    except EmbeddingFailed as error:
        log.warning("question_not_embedded", reason=error.reason)
        return None


def searched(kind: Literal["search", "ask"], passages: Sequence[Passage]) -> None:
    """Counts a search, whoever wanted it."""
    SEARCHES.labels(kind, "found" if passages else "nothing").inc()
