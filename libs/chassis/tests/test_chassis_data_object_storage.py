"""Objects in a local folder: whole or not at all."""

from pathlib import Path

import pytest
from chassis_streams import in_parts

from chassis.data.object_storage import ObjectMissing, ObjectStorage, ObjectTooLarge
from chassis.settings import StorageSettings

MEGABYTE = 1024 * 1024


@pytest.fixture
def storage(tmp_path: Path) -> ObjectStorage:
    """An empty folder."""
    return ObjectStorage.at(StorageSettings(url=(tmp_path / "objects").as_uri()))


@pytest.mark.parametrize("size", [0, 10, MEGABYTE, 7 * MEGABYTE])
async def test_a_stream_is_kept_measured_and_read_again(storage: ObjectStorage, size: int) -> None:
    raw = bytes(range(256)) * (size // 256) + b"x" * (size % 256)

    stored = await storage.put_stream("a/b/original", in_parts(raw), max_bytes=50 * MEGABYTE)

    file = await storage.open("a/b/original")
    assert (stored.size_bytes, file.size_bytes, stored.head) == (size, size, raw[:8192])
    assert b"".join([part async for part in file.parts]) == raw
    assert await storage.read("a/b/original") == raw


@pytest.mark.parametrize("size", [MEGABYTE, 9 * MEGABYTE])
async def test_too_large_a_stream_leaves_nothing(storage: ObjectStorage, size: int) -> None:
    with pytest.raises(ObjectTooLarge):
        await storage.put_stream("a/b/original", in_parts(b"x" * size), max_bytes=size - 1)
    assert [listed async for listed in storage.list()] == []


async def test_a_missing_object_has_a_cause(storage: ObjectStorage) -> None:
    with pytest.raises(ObjectMissing):
        await storage.open("a/b/original")
    with pytest.raises(ObjectMissing):
        await storage.read("a/b/original")


async def test_a_prefix_is_deleted_and_only_that(storage: ObjectStorage) -> None:
    for key in ("o/1/original", "o/1/page", "o/10/original"):
        await storage.put_stream(key, in_parts(b"x"), max_bytes=10)
    assert await storage.delete_prefix("o/1/") == 2
    assert [listed.key async for listed in storage.list()] == ["o/10/original"]


async def test_an_object_is_deleted_once_or_twice(storage: ObjectStorage) -> None:
    await storage.put_stream("o/1", in_parts(b"x"), max_bytes=10)
    await storage.put_stream("o/11", in_parts(b"x"), max_bytes=10)
    await storage.delete("o/1")
    await storage.delete("o/1")
    assert [listed.key async for listed in storage.list()] == ["o/11"]


async def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "meus objetos ção"
    storage = ObjectStorage.at(StorageSettings(url=folder.as_uri()))
    await storage.put_stream("k", in_parts(b"x"), max_bytes=10)
    assert (folder / "k").read_bytes() == b"x"
