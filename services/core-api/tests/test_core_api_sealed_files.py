"""Sealed files: what was put in comes out, and what was changed does not open."""

import struct
from collections.abc import AsyncIterator, Callable, Mapping

import pytest

from chassis.security.sealing import SealBroken
from core_api.modules.subject_data.sealed_files import SealedFile, new_key, sealed_size
from shared_schemas.ids import OrganizationId, new_id

PIECE = 64 * 1024
TENANT, FILE, KEY = OrganizationId(new_id()), new_id(), new_key()
HEAD = b"COGEP-SEALED-1\n"
NOTHING: Mapping[str, object] = {}


def sealed_file(**changes: object) -> SealedFile:
    given = {"organization_id": TENANT, "file_id": FILE, "key": KEY} | changes
    return SealedFile(**given)  # type: ignore[arg-type]  # tests change one of them


async def closed(plain: bytes) -> bytes:
    return b"".join([part async for part in sealed_file().sealed(plain)])


async def opened(
    stored: bytes, size: int = 10_000, changes: Mapping[str, object] = NOTHING
) -> bytes:
    async def parts() -> AsyncIterator[bytes]:
        for start in range(0, len(stored), size):
            yield stored[start : start + size]

    return b"".join([part async for part in sealed_file(**changes).opened(parts())])


def pieces(stored: bytes) -> list[bytes]:
    """The sealed pieces, each with its length before it."""
    found, at = [], len(HEAD)
    while at < len(stored):
        (length,) = struct.unpack_from(">I", stored, at)
        found.append(stored[at : at + 4 + length])
        at += 4 + length
    return found


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE, 500_000])
@pytest.mark.parametrize("parts", [1_000_000, 7_919])
async def test_what_was_sealed_opens_whatever_the_parts_it_arrives_in(
    size: int, parts: int
) -> None:
    plain = bytes(number % 251 for number in range(size))

    stored = await closed(plain)

    assert await opened(stored, parts) == plain
    assert len(stored) <= sealed_size(size)
    assert size < 40 or plain[:40] not in stored


CHANGES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "the last piece is cut off": lambda parts: parts[:-1],
    "a piece is left out": lambda parts: [parts[0], *parts[2:]],
    "two pieces are swapped": lambda parts: [parts[1], parts[0], *parts[2:]],
    "a piece comes twice": lambda parts: [parts[0], *parts],
    "a bit is changed": lambda parts: [parts[0][:-1] + bytes([parts[0][-1] ^ 1]), *parts[1:]],
    "it ends within a piece": lambda parts: [*parts[:-1], parts[-1][:-5]],
    "something follows": lambda parts: [*parts, b"\0\0"],
    "a length is absurd": lambda parts: [b"\xff\xff\xff\xff", *parts],
    "nothing is left": lambda _: [],
}


@pytest.mark.parametrize("what", CHANGES)
async def test_changed_file_does_not_open(what: str) -> None:
    stored = await closed(bytes(3 * PIECE))

    changed = HEAD + b"".join(CHANGES[what](pieces(stored)))

    with pytest.raises(SealBroken):
        await opened(changed)


@pytest.mark.parametrize(
    "changes",
    [{"key": new_key()}, {"file_id": new_id()}, {"organization_id": new_id()}],
    ids=["another key", "another file", "another organization"],
)
async def test_file_opens_nowhere_else(changes: dict[str, object]) -> None:
    with pytest.raises(SealBroken):
        await opened(await closed(b"dados"), changes=changes)


@pytest.mark.parametrize("stored", [b"", b"nada", b"%PDF-1.7 em claro", HEAD[:5]])
async def test_what_was_never_sealed_does_not_open(stored: bytes) -> None:
    with pytest.raises(SealBroken):
        await opened(stored)
