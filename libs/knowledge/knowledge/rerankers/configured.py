"""The reranker the settings ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from knowledge.recipients import Recipient
from knowledge.rerankers.http import HttpReranker
from knowledge.rerankers.local import LocalReranker
from knowledge.rerankers.port import Reranker
from knowledge.settings import RerankerSettings


def reranker_for(settings: RerankerSettings) -> Reranker | None:
    """None by default: the order of the search stands."""
    if settings.provider == "none":
        return None
    if settings.provider == "local":
        return LocalReranker(settings.model)
    return HttpReranker(
        base_url=str(settings.base_url),
        model=settings.model,
        api_key=settings.api_key.get_secret_value() if settings.api_key else None,
        timeout=settings.timeout,
        recipient=Recipient(settings.recipient, settings.country),
    )


@asynccontextmanager
async def open_reranker(settings: RerankerSettings) -> AsyncIterator[Reranker | None]:
    """The same; leaving closes its connections."""
    reranker = reranker_for(settings)
    try:
        yield reranker
    finally:
        if reranker is not None:
            await reranker.close()
