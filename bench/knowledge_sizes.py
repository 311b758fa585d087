"""How large the search's tables and indexes are, and how long the indexes take to be made."""

import time
from typing import Final

import asyncpg

from bench.figures import Figure, figure

# What a chunk costs, in the order of the table; the texts of versions are the documents' own.
RELATIONS: Final = {
    "chunks, rows": "ai.chunks",
    "chunks, vectors (TOAST)": None,
    "index of stems (GIN)": "ai.ix_chunks_stem_keys",
    "other indexes of chunks": None,
    "signatures, with their key": "ai.chunk_signatures",
}
_SIZES: Final = """
SELECT pg_relation_size(c.oid) AS rows, pg_relation_size(c.reltoastrelid) AS vectors,
  pg_relation_size('ai.ix_chunks_stem_keys') AS stems, pg_indexes_size(c.oid) AS indexes,
  (SELECT sum(pg_total_relation_size(relid))
   FROM pg_partition_tree('ai.chunk_signatures'))::bigint AS signatures,
  (SELECT count(*) FROM ai.chunks) AS chunks
FROM pg_class c WHERE c.oid = 'ai.chunks'::regclass
"""
_REBUILT: Final = {
    "index of stems (GIN), made anew": "REINDEX INDEX ai.ix_chunks_stem_keys",
    "signatures, made anew": (
        "CREATE TEMP TABLE remade AS SELECT organization_id, id, document_id, embedding_model,"
        " binary_quantize(embedding)::bit(1536) FROM ai.chunks"
    ),
}


async def bytes_per_chunk(connection: asyncpg.Connection) -> dict[str, float]:
    """By relation, of all there is now."""
    row = await connection.fetchrow(_SIZES)
    count = max(1, row["chunks"])
    sizes = (
        row["rows"],
        row["vectors"],
        row["stems"],
        row["indexes"] - row["stems"],
        row["signatures"],
    )
    return {name: size / count for name, size in zip(RELATIONS, sizes, strict=True)}


def size_figures(large: dict[str, float], together: dict[str, float]) -> list[Figure]:
    """Of the large organization alone, and of all organizations."""
    return [
        line
        for name in RELATIONS
        for line in (
            figure(f"{name}, one organization", [large[name]], "bytes/chunk"),
            figure(f"{name}, with the small ones", [together[name]], "bytes/chunk"),
        )
    ]


async def build_figures(connection: asyncpg.Connection) -> list[Figure]:
    """Seconds to make each anew over all chunks."""
    found = []
    for name, statement in _REBUILT.items():
        begun = time.perf_counter()
        await connection.execute(statement)
        found.append(figure(name, [time.perf_counter() - begun], "s"))
    return found
