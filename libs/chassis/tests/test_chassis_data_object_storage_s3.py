"""The same storage on S3, configured by the usual variables."""

from collections.abc import AsyncIterator

import pytest
from chassis_s3_server import S3Server
from chassis_streams import in_parts

from chassis.data.object_storage import ObjectMissing, ObjectStorage, ObjectTooLarge
from chassis.settings import StorageSettings

MEGABYTE = 1024 * 1024


@pytest.fixture
async def server() -> AsyncIterator[S3Server]:
    running = S3Server()
    await running.start()
    yield running
    await running.stop()


@pytest.fixture
def s3(server: S3Server, monkeypatch: pytest.MonkeyPatch) -> ObjectStorage:
    """What production configures for MinIO, Hetzner or AWS."""
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "example",
        "AWS_REGION": "eu-central-1",
    }.items():
        monkeypatch.setenv(name, value)
    return ObjectStorage.at(StorageSettings(url="s3://bucket"))


async def test_a_small_object_is_one_request(s3: ObjectStorage, server: S3Server) -> None:
    await s3.put_stream("o/d/original", in_parts(b"texto"), max_bytes=100)
    assert server.objects == {"o/d/original": b"texto"}
    assert server.requests == ["PUT o/d/original"]
    assert all(server.signed)


async def test_a_large_object_goes_in_parts(s3: ObjectStorage, server: S3Server) -> None:
    raw = b"0123456789abcdef" * (12 * MEGABYTE // 16)
    await s3.put_stream("o/d/original", in_parts(raw), max_bytes=50 * MEGABYTE)
    assert server.objects == {"o/d/original": raw}
    file = await s3.open("o/d/original")
    assert b"".join([part async for part in file.parts]) == raw


async def test_too_large_a_stream_leaves_nothing(s3: ObjectStorage, server: S3Server) -> None:
    with pytest.raises(ObjectTooLarge):
        await s3.put_stream("o/d/original", in_parts(b"x" * 9 * MEGABYTE), max_bytes=8 * MEGABYTE)
    assert not server.objects


async def test_objects_are_listed_and_deleted(s3: ObjectStorage, server: S3Server) -> None:
    server.objects = {"o/1/original": b"a", "o/1/page": b"b", "o/2/original": b"c"}
    assert await s3.delete_prefix("o/1/") == 2
    assert [listed.key async for listed in s3.list()] == ["o/2/original"]
    await s3.delete("o/2/original")
    await s3.delete("o/2/original")
    assert not server.objects


async def test_a_missing_object_has_a_cause(s3: ObjectStorage) -> None:
    with pytest.raises(ObjectMissing):
        await s3.open("o/d/original")
