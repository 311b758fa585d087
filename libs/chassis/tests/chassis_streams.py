"""Bytes as streams, for what reads them in parts."""

from collections.abc import AsyncIterator


async def in_parts(raw: bytes, size: int = 65_536) -> AsyncIterator[bytes]:
    """Bytes as an upload brings them."""
    for start in range(0, len(raw), size):
        yield raw[start : start + size]
