"""Writes collections by COPY, each process its share, through the real analyzer."""

import asyncio
import multiprocessing
import random
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from typing import Any, Final
from uuid import UUID

import asyncpg

from bench.knowledge_rows import (
    CHUNKS,
    CHUNKS_OF_DOCUMENT,
    DOCUMENTS,
    VERSIONS,
    Collection,
    DocumentRows,
    Lexicon,
    Row,
    rows,
)
from shared_schemas.ids import new_id

PROCESSES: Final = 2
DOCUMENTS_AT_ONCE: Final = 100
POOL: Final = 800
"""Documents whose analysis the small organizations share; each draws its own from them."""


async def fill(url: str, organization_id: UUID, documents: Sequence[int]) -> None:
    """One organization's documents, by number, in all processes at once."""
    shares = [documents[part::PROCESSES] for part in range(PROCESSES)]
    await _in_processes(_fill_large, [(url, organization_id, share) for share in shares])


async def fill_small(url: str, organizations: Sequence[UUID], chunks_of_each: int) -> None:
    """Many organizations of so many chunks each."""
    shares = [organizations[part::PROCESSES] for part in range(PROCESSES)]
    wanted = chunks_of_each // CHUNKS_OF_DOCUMENT
    tasks = [(url, share, wanted, part) for part, share in enumerate(shares)]
    await _in_processes(_fill_small, tasks)


async def _in_processes(function: Any, tasks: Iterable[tuple[Any, ...]]) -> None:
    # Not a fork: the bench's threads hold locks.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(PROCESSES, mp_context=context) as pool:
        loop = asyncio.get_running_loop()
        await asyncio.gather(*(loop.run_in_executor(pool, function, *task) for task in tasks))


def _fill_large(url: str, organization_id: UUID, documents: Sequence[int]) -> None:
    collection = Collection(Lexicon())
    made = rows(collection, documents, organization_id)
    asyncio.run(_copy(url, made))


def _fill_small(url: str, organizations: Sequence[UUID], documents: int, part: int) -> None:
    collection = Collection(Lexicon())
    first = 10_000_000 + part * POOL
    size = min(POOL, documents * len(organizations))
    pool = list(rows(collection, range(first, first + size), new_id()))
    dice = random.Random(part)
    drawn = (
        entry.moved(organization_id)
        for organization_id in organizations
        for entry in dice.sample(pool, documents)
    )
    asyncio.run(_copy(url, drawn))


async def _copy(url: str, made: Iterator[DocumentRows]) -> None:
    connection = await asyncpg.connect(url)
    schemas = {"sparsevec": "public", "halfvec": "public", "tsvector": "pg_catalog"}
    for name, schema in schemas.items():
        await connection.set_type_codec(
            name, schema=schema, encoder=bytes, decoder=bytes, format="binary"
        )
    try:
        while batch := list(islice(made, DOCUMENTS_AT_ONCE)):
            await _write(connection, "documents", DOCUMENTS, [each.document for each in batch])
            versions = [each.version for each in batch]
            await _write(connection, "document_versions", VERSIONS, versions)
            chunks = [chunk for each in batch for chunk in each.chunks]
            await _write(connection, "chunks", CHUNKS, chunks)
    finally:
        await connection.close()


async def _write(
    connection: asyncpg.Connection, table: str, columns: str, records: Sequence[Row]
) -> None:
    await connection.copy_records_to_table(
        table, schema_name="ai", columns=columns.split(), records=records
    )
