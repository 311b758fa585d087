"""Objects in a local folder: whole or not at all, and nothing left behind."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from knowledge_factories import Knowledge, in_parts, make_actor

from knowledge import storage as module
from knowledge.deletion import sweep
from knowledge.failures import DocumentTooLarge, OriginalMissing
from knowledge.settings import StorageSettings
from knowledge.storage import ListedObject, ObjectStorage, original_key
from shared_schemas.ids import new_id

MEGABYTE = 1024 * 1024


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
    with pytest.raises(DocumentTooLarge):
        await storage.put_stream("a/b/original", in_parts(b"x" * size), max_bytes=size - 1)
    assert [listed async for listed in storage.list()] == []


async def test_a_missing_object_has_a_cause(storage: ObjectStorage) -> None:
    with pytest.raises(OriginalMissing):
        await storage.open("a/b/original")
    with pytest.raises(OriginalMissing):
        await storage.read("a/b/original")


async def test_a_prefix_is_deleted_and_only_that(storage: ObjectStorage) -> None:
    for key in ("o/1/original", "o/1/page", "o/10/original"):
        await storage.put_stream(key, in_parts(b"x"), max_bytes=10)
    assert await storage.delete_prefix("o/1/") == 2
    assert [listed.key async for listed in storage.list()] == ["o/10/original"]


async def test_a_folder_may_have_any_name(tmp_path: Path) -> None:
    folder = tmp_path / "meus objetos ção"
    storage = ObjectStorage.at(StorageSettings(url=folder.as_uri()))
    await storage.put_stream("k", in_parts(b"x"), max_bytes=10)
    assert (folder / "k").read_bytes() == b"x"


@pytest.mark.committed
async def test_the_sweep_deletes_what_no_document_stands_for(knowledge: Knowledge) -> None:
    storage, database = knowledge.ingestion.storage, knowledge.ingestion.database
    kept = await knowledge.submit_file(b"fica")
    orphan = original_key(make_actor("beto").organization_id, new_id())
    await storage.put_stream(orphan, in_parts(b"sobra"), max_bytes=10)
    await storage.put_stream("outra-coisa", in_parts(b"alheio"), max_bytes=10)

    assert await sweep(database, storage, grace=timedelta(hours=1)) == 0
    assert await sweep(database, storage, grace=timedelta(seconds=-1)) == 1

    keys = {listed.key async for listed in storage.list()}
    assert keys == {original_key(make_actor().organization_id, kept), "outra-coisa"}


@pytest.mark.committed
async def test_the_sweep_is_done_with_a_page_before_it_asks_for_the_next(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many objects there are, it remembers one page of them."""
    database, real = knowledge.ingestion.database, knowledge.ingestion.storage
    monkeypatch.setattr(module, "PAGE", 2)
    organization_id = make_actor().organization_id
    for _ in range(5):
        await real.put_stream(
            original_key(organization_id, new_id()), in_parts(b"sobra"), max_bytes=10
        )
    left: list[int] = []
    pages = ObjectStorage.pages

    async def watched(
        storage: ObjectStorage, prefix: str = ""
    ) -> AsyncIterator[Sequence[ListedObject]]:
        async for page in pages(storage, prefix):
            if not prefix:
                left.append(len([key async for key in real.list(f"{organization_id}/")]))
            yield page

    monkeypatch.setattr(ObjectStorage, "pages", watched)
    assert await sweep(database, real, grace=timedelta(seconds=-1)) == 5

    assert left == [5, 3, 1]
