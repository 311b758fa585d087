"""Finding a word, and what was made of it, wherever the service keeps anything."""

import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import asyncpg
from redis.asyncio import Redis

from knowledge.lexical import index_chunk
from knowledge.models import Language


def forms_of(word: str) -> list[bytes]:
    """The word's beginning, as its stem has it; and hashed, as the lexical index knows it: in the
    order of our arrays, and in that of PostgreSQL's sparse vectors."""
    vector, _ = index_chunk(title="", heading=None, content=word, language=Language.PORTUGUESE)
    orders: tuple[Literal["little", "big"], ...] = ("little", "big")
    hashes = [int(term).to_bytes(4, order) for term in vector.indices() for order in orders]
    return [word[:-3].encode(), *hashes]


async def in_tables(connection: asyncpg.Connection, forms: Iterable[bytes]) -> dict[str, int]:
    """Table → rows of schema `ai` in which any column of any type holds one of the forms.

    Which tables there are is read from the catalogue: a new one is looked through as well.
    """
    tables = await connection.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'ai'::regnamespace"
        " AND relkind IN ('r', 'p', 'm') ORDER BY 1"
    )
    found: dict[str, int] = {}
    for (table,) in tables:
        columns = await _columns(connection, table)
        rows = await connection.fetch(f'SELECT {columns} FROM ai."{table}"')
        hits = sum(any(_holds(value, forms) for value in row.values()) for row in rows)
        if hits:
            found[table] = hits
    return found


async def _columns(connection: asyncpg.Connection, table: str) -> str:
    """Bytes as they are, sparse vectors as the bytes of their numbers, everything else as text."""
    rows = await connection.fetch(
        "SELECT attname, format_type(atttypid, atttypmod) AS kind FROM pg_attribute"
        " WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped",
        f'ai."{table}"',
    )
    forms = {"bytea": "{}", "sparsevec": "sparsevec_send({})"}
    return ", ".join(
        forms.get(row["kind"].partition("(")[0], "{}::text").format(f'"{row["attname"]}"')
        for row in rows
    )


async def in_redis(redis: Redis, forms: Iterable[bytes]) -> list[str]:
    """Keys whose name, or value of whatever type, holds one of the forms."""
    found: list[str] = []
    async for key in redis.scan_iter(count=1_000):
        name = key if isinstance(key, bytes) else key.encode()
        value = await _value(redis, name)
        if _holds(name, forms) or _holds(repr(value), forms):
            found.append(name.decode())
    return found


async def _value(redis: Redis, key: bytes) -> Any:
    kind: Any = await redis.type(key)
    kind = kind.decode()
    if kind == "stream":
        return await redis.xrange(key)
    if kind == "hash":
        return await redis.hgetall(key)
    if kind == "list":
        return await redis.lrange(key, 0, -1)
    if kind == "set":
        return await redis.smembers(key)
    if kind == "zset":
        return await redis.zrange(key, 0, -1)
    return await redis.get(key)


def in_objects(folder: Path, forms: Iterable[bytes]) -> list[str]:
    """Files whose path or content holds one of the forms."""
    return [
        str(path.relative_to(folder))
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (_holds(str(path), forms) or _holds(path.read_bytes(), forms))
    ]


def _holds(value: Any, forms: Iterable[bytes]) -> bool:
    if value is None:
        return False
    raw = value if isinstance(value, bytes) else str(value).encode()
    whole = raw
    if raw[:1] == b"\x78":  # zlib, should somebody compress what they keep
        try:
            whole = raw + zlib.decompress(raw)
        except zlib.error:
            whole = raw
    lower = whole.lower()
    return any(form in (lower if form.isalpha() else whole) for form in forms)
