"""Files at rest: sealed piece by piece under a key of their own, so that any size passes through.

Each piece is bound to its file, its place and whether it is the last (the STREAM construction,
Hoang et al. 2015): pieces left out, swapped, or cut off at the end do not open.
"""

import os
import struct
from collections.abc import AsyncIterable, AsyncIterator, Iterator
from typing import Final
from uuid import UUID

from chassis.security.sealing import KEY_BYTES, Place, Seal, SealBroken
from shared_schemas.ids import OrganizationId

_PIECE_BYTES: Final = 64 * 1024
_HEAD: Final = b"COGEP-SEALED-1\n"
_LENGTH: Final = struct.Struct(">I")
_POSITION: Final = struct.Struct(">Q?")
_LARGEST_PIECE: Final = _PIECE_BYTES + 64  # nonce and tag
_KEY_FIELD: Final = "subject_data_files.key"
_CONTENT: Final = "subject_data_files.content"


def new_key() -> bytes:
    """For one file."""
    return os.urandom(KEY_BYTES)


def key_place(organization_id: OrganizationId, file_id: UUID) -> bytes:
    """What the file's key is bound to where it is sealed."""
    return Place(organization_id, file_id, _KEY_FIELD).bound()


class SealedFile:
    """Seals and opens the bytes of one file."""

    def __init__(self, organization_id: OrganizationId, file_id: UUID, key: bytes) -> None:
        self._seal = Seal(key)
        self._bound = Place(organization_id, file_id, _CONTENT).bound()

    async def sealed(self, plain: bytes) -> AsyncIterator[bytes]:
        """What is to be stored."""
        yield _HEAD
        for number, (piece, is_last) in enumerate(_pieces(plain)):
            closed = self._seal.close(piece, self._bound + _POSITION.pack(number, is_last))
            yield _LENGTH.pack(len(closed)) + closed

    async def opened(self, stored: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
        """The plain bytes, piece by piece, each proven before it is handed on. SealBroken."""
        number, held = 0, b""
        async for closed in _closed_pieces(stored):
            if held:
                yield self._open(held, number - 1, is_last=False)
            held, number = closed, number + 1
        if not held:
            raise SealBroken("nothing is in it")
        yield self._open(held, number - 1, is_last=True)

    def _open(self, closed: bytes, number: int, *, is_last: bool) -> bytes:
        return self._seal.open(closed, self._bound + _POSITION.pack(number, is_last))


def sealed_size(size_bytes: int) -> int:
    """At most so many bytes are stored for a plain file of this size."""
    pieces = size_bytes // _PIECE_BYTES + 1
    return len(_HEAD) + size_bytes + pieces * (_LARGEST_PIECE - _PIECE_BYTES + _LENGTH.size)


def _pieces(plain: bytes) -> Iterator[tuple[bytes, bool]]:
    """An empty file is one empty piece."""
    last = max(0, (len(plain) - 1) // _PIECE_BYTES)
    for number in range(last + 1):
        start = number * _PIECE_BYTES
        yield plain[start : start + _PIECE_BYTES], number == last


async def _closed_pieces(stored: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    waiting, begun = bytearray(), False
    async for part in stored:
        waiting += part
        if not begun and len(waiting) >= len(_HEAD):
            if not waiting.startswith(_HEAD):
                raise SealBroken("no sealed file")
            del waiting[: len(_HEAD)]
            begun = True
        while begun and (piece := _taken(waiting)) is not None:
            yield piece
    if waiting or not begun:
        raise SealBroken("cut off")


def _taken(waiting: bytearray) -> bytes | None:
    """The next piece, if it is there whole."""
    if len(waiting) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack_from(waiting)
    if length > _LARGEST_PIECE:
        raise SealBroken("a piece is too large")
    end = _LENGTH.size + length
    if len(waiting) < end:
        return None
    piece = bytes(waiting[_LENGTH.size : end])
    del waiting[:end]
    return piece
