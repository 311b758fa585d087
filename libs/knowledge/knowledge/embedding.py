"""Vectors of a document's passages: by the embedder, or made here where they may not leave; and how
they are written."""

from collections.abc import Sequence
from functools import cache
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from chassis.data.database import Database
from knowledge.embedders.local import LocalEmbedder
from knowledge.embedders.port import Embedder, Vectors
from knowledge.transfers import documents_may_leave
from shared_schemas.ids import OrganizationId

_HERE: Final = LocalEmbedder()
_WIDEST: Final = 12
"""Of a number of half precision with a comma."""


class MustStayHere(Exception):
    """The document may not, or may no longer, be sent to the embedder."""


async def embed_passages(
    database: Database,
    embedder: Embedder,
    organization_id: OrganizationId,
    document_id: UUID,
    texts: Sequence[str],
) -> Vectors:
    """Asks before the passages leave. Raises MustStayHere, EmbeddingFailed."""
    if embedder.recipient is not None:
        async with database.transaction(organization_id, read_only=True) as session:
            may = await documents_may_leave(
                session, organization_id, [document_id], embedder.recipient
            )
        if not may:
            raise MustStayHere
    return await embedder.embed(texts)


async def embed_here(texts: Sequence[str]) -> Vectors:
    """Their model is called `KEPT_HERE`, which says why."""
    return await _HERE.embed(texts)


def compact(vectors: Vectors) -> NDArray[np.float16]:
    """As precise as the column is."""
    return vectors.astype(np.float16)


def embedding_text_of(vector: NDArray[np.float16]) -> str:
    """As PostgreSQL reads it, to be cast to the column's type: 10 µs. A list of numbers would be
    converted one by one, on the event loop."""
    written = _every_number()[vector.view(np.uint16)].tobytes().decode("ascii")
    return f"[{written.rstrip(' ,')}]"


@cache
def _every_number() -> NDArray[np.bytes_]:
    """The shortest text of each number of half precision, by its bits. 60 ms, once."""
    numbers = np.arange(2**16, dtype=np.uint16).view(np.float16)
    return np.array([f"{number!s},".ljust(_WIDEST) for number in numbers], dtype=f"S{_WIDEST}")
