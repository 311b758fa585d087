"""The embedder the settings ask for."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from knowledge.embedders.local import LocalEmbedder
from knowledge.embedders.port import Embedder
from knowledge.recipients import Recipient
from knowledge.settings import EmbeddingSettings


def embedder_for(settings: EmbeddingSettings) -> Embedder:
    """`local` needs nothing; `openai` any server that speaks the protocol."""
    if settings.provider == "local" or settings.api_key is None:
        return LocalEmbedder()
    from knowledge.embedders.openai import OpenAIEmbedder  # noqa: PLC0415 - 40 MB for whoever does not use it

    return OpenAIEmbedder(
        api_key=settings.api_key.get_secret_value(),
        base_url=settings.base_url,
        model=settings.model,
        dimensions=settings.dimensions,
        timeout=settings.timeout,
        max_retries=settings.max_retries,
        recipient=Recipient(settings.recipient, settings.country),
    )


@asynccontextmanager
async def open_embedder(settings: EmbeddingSettings) -> AsyncIterator[Embedder]:
    """The same; leaving closes its connections."""
    embedder = embedder_for(settings)
    try:
        yield embedder
    finally:
        await embedder.close()
