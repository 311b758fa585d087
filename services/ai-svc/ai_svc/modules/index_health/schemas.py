"""The state of an index on the wire."""

from dataclasses import asdict
from typing import Self

from pydantic import BaseModel, Field

from knowledge.index_health import IndexHealth


class IndexHealthRead(BaseModel):
    """What there is, and what is wrong with it."""

    healthy: bool = Field(description="True when every fault is zero")
    embedding_model: str = Field(examples=["local-hash-1"])
    documents: int = Field(description="That can be searched")
    chunks: int
    orphaned_chunks: int = Field(description="Of a version that is not the current one")
    incomplete_documents: int = Field(description="With passages missing, or too many")
    missing_vectors: int = Field(description="Passages that one leg of the search cannot find")
    stale_models: int = Field(
        description="Passages embedded by a former model: they are being renewed"
    )
    forgotten_documents: int = Field(description="Unfinished, with nobody working on them")

    @classmethod
    def of(cls, health: IndexHealth, model: str) -> Self:
        """From a check."""
        healthy = not any(health.faults.values())
        return cls(healthy=healthy, embedding_model=model, **asdict(health))
