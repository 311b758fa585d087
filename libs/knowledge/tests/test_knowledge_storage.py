"""Originals in the storage: failures in the document's terms, and nothing left behind."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta

import pytest
from knowledge_factories import Knowledge, in_parts, make_actor

from chassis.data import object_storage as module
from chassis.data.object_storage import ListedObject, ObjectStorage
from knowledge.deletion import sweep
from knowledge.failures import DocumentTooLarge, OriginalMissing
from knowledge.storage import open_original, original_key, put_original, read_original
from shared_schemas.ids import new_id


async def test_too_large_a_document_is_refused(storage: ObjectStorage) -> None:
    with pytest.raises(DocumentTooLarge):
        await put_original(storage, "a/b/original", in_parts(b"x" * 11), max_bytes=10)
    assert [listed async for listed in storage.list()] == []


async def test_a_missing_original_has_a_cause(storage: ObjectStorage) -> None:
    with pytest.raises(OriginalMissing):
        await open_original(storage, "a/b/original")
    with pytest.raises(OriginalMissing):
        await read_original(storage, "a/b/original")


@pytest.mark.committed
async def test_the_sweep_deletes_what_no_document_stands_for(knowledge: Knowledge) -> None:
    storage, database = knowledge.ingestion.storage, knowledge.ingestion.database
    kept = await knowledge.submit_file(b"fica")
    orphan = original_key(make_actor("beto").organization_id, new_id(), new_id())
    await storage.put_stream(orphan, in_parts(b"sobra"), max_bytes=10)
    await storage.put_stream("outra-coisa", in_parts(b"alheio"), max_bytes=10)

    assert await sweep(database, storage, grace=timedelta(hours=1)) == 0
    assert await sweep(database, storage, grace=timedelta(seconds=-1)) == 1

    keys = {listed.key async for listed in storage.list()}
    assert keys == {(await knowledge.version(kept)).storage_key, "outra-coisa"}


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
            original_key(organization_id, new_id(), new_id()), in_parts(b"sobra"), max_bytes=10
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
