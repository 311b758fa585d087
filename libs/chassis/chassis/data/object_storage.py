"""Objects: a local folder or S3, through the same store.

The first part of every key is the organization's id, the second says what it is.
"""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import LocalStore, ObjectStore, from_url

from chassis.settings import StorageSettings

HEAD_BYTES: Final = 8192
"""How much of an object's beginning `put_stream` gives back, to tell its format by."""
PAGE: Final = 1000
"""Objects in one page of a listing; S3 gives no more."""
STORAGE_FAILURES: Final = (BaseError, OSError)
"""What a store raises when it cannot do what it was asked."""

_PART_BYTES: Final = 5 * 1024 * 1024  # the least S3 takes for a part of a multipart upload
_ONE_REQUEST_BYTES: Final = 1024 * 1024  # a multipart upload takes three requests or more
_READ_BYTES: Final = 1024 * 1024


class ObjectTooLarge(Exception):
    """The stream went on after the last byte accepted. Nothing is stored."""

    def __init__(self, max_bytes: int) -> None:
        super().__init__(f"more than {max_bytes} bytes")
        self.max_bytes = max_bytes


class ObjectMissing(Exception):
    """There is no object of this key."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What `put_stream` has written: its measures, and the first bytes to tell its format by."""

    key: str
    size_bytes: int
    sha256: str
    head: bytes


@dataclass(frozen=True, slots=True)
class OpenObject:
    """An object being read: its size, and its bytes as they arrive."""

    size_bytes: int
    parts: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One entry of a listing."""

    key: str
    modified_at: datetime


class ObjectStorage:
    """Writes are atomic: an object is there whole, or not at all."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    @classmethod
    def at(cls, settings: StorageSettings) -> "ObjectStorage":
        """The storage the settings name; a local folder is created."""
        parts = urlsplit(settings.url)
        if parts.scheme == "file":
            folder = Path(unquote(parts.path))
            return cls(LocalStore(folder, mkdir=True, automatic_cleanup=True))
        return cls(from_url(settings.url))

    async def put_stream(
        self, key: str, chunks: AsyncIterable[bytes], *, max_bytes: int
    ) -> StoredObject:
        """Stores a stream in little memory. Raises ObjectTooLarge, storing nothing."""
        measure = _Measure(chunks, max_bytes)
        parts = measure.parts()
        beginning = bytearray()
        async for part in parts:
            beginning += part
            if len(beginning) > _ONE_REQUEST_BYTES:
                whole = _chain(bytes(beginning), parts)
                await obstore.put_async(self._store, key, whole, chunk_size=_PART_BYTES)
                break
        else:
            await obstore.put_async(self._store, key, bytes(beginning), use_multipart=False)
        return StoredObject(key, measure.size, measure.sha256.hexdigest(), bytes(measure.head))

    async def open(self, key: str) -> OpenObject:
        """The object's size and its bytes, as they arrive. Raises ObjectMissing."""
        try:
            found = await obstore.get_async(self._store, key)
        except FileNotFoundError as error:
            raise ObjectMissing(key) from error
        return OpenObject(found.meta["size"], _parts(found))

    async def ranges(self, key: str, size_bytes: int) -> AsyncIterator[bytes]:
        """The object's bytes, in requests of their own: for who takes minutes over them, longer
        than any connection waits. Raises ObjectMissing."""
        for start in range(0, size_bytes, _READ_BYTES):
            end = min(start + _READ_BYTES, size_bytes)
            try:
                part = await obstore.get_range_async(self._store, key, start=start, end=end)
            except FileNotFoundError as error:
                raise ObjectMissing(key) from error
            yield bytes(part)

    async def read(self, key: str) -> bytes:
        """All bytes of a small object. Raises ObjectMissing."""
        try:
            found = await obstore.get_async(self._store, key)
            return bytes(await found.bytes_async())
        except FileNotFoundError as error:
            raise ObjectMissing(key) from error

    async def delete(self, key: str) -> None:
        """Deletes one object. It may be gone already."""
        try:
            await obstore.delete_async(self._store, key)
        except (FileNotFoundError, NotFoundError):
            return  # S3 does not mind, a folder does

    async def delete_prefix(self, prefix: str, *, keep: str | None = None) -> int:
        """Deletes every object under the prefix but `keep`; returns how many there were."""
        keys = [listed.key async for listed in self.list(prefix) if listed.key != keep]
        if keys:
            await obstore.delete_async(self._store, keys)
        return len(keys)

    async def list(self, prefix: str = "") -> AsyncIterator[ListedObject]:
        """Every object under the prefix, in no order."""
        async for page in self.pages(prefix):
            for listed in page:
                yield listed

    async def folders(self) -> Sequence[str]:
        """The first parts of all keys: the organizations that have objects."""
        found = await obstore.list_with_delimiter_async(self._store)
        return [prefix.strip("/") for prefix in found["common_prefixes"]]

    async def pages(self, prefix: str = "") -> AsyncIterator[Sequence[ListedObject]]:
        """The same, as many at a time as one request brings. What is listed may be deleted."""
        async for page in obstore.list(self._store, prefix or None, chunk_size=PAGE):
            yield [ListedObject(found["path"], found["last_modified"]) for found in page]


class _Measure:
    """Passes a stream on in large parts, and counts, hashes and caps it on the way."""

    def __init__(self, chunks: AsyncIterable[bytes], max_bytes: int) -> None:
        self._chunks = chunks
        self._max_bytes = max_bytes
        self.size = 0
        self.sha256 = hashlib.sha256()
        self.head = bytearray()

    async def parts(self) -> AsyncIterator[bytes]:
        async for chunk in self._chunks:
            self.size += len(chunk)
            if self.size > self._max_bytes:
                raise ObjectTooLarge(self._max_bytes)
            if len(self.head) < HEAD_BYTES:
                self.head += chunk[: HEAD_BYTES - len(self.head)]
            self.sha256.update(chunk)
            yield chunk


async def _parts(found: "obstore.GetResult") -> AsyncIterator[bytes]:
    async for part in found.stream(min_chunk_size=_READ_BYTES):
        yield bytes(part)


async def _chain(beginning: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield beginning
    async for part in rest:
        yield part
