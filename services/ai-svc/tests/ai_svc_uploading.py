"""Uploading in parts, as a tus client does."""

import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
from ai_svc_factories import Person

UPLOADS = "/api/v1/rag/uploads"
TUS = {"tus-resumable": "1.0.0"}


def metadata(**said: str) -> str:
    """As in `Upload-Metadata`."""
    return ",".join(f"{key} {base64.b64encode(said[key].encode()).decode()}" for key in said)


def checksum(content: bytes, algorithm: str = "sha256") -> str:
    """As in `Upload-Checksum`."""
    digest = hashlib.new(algorithm, content).digest()
    return f"{algorithm} {base64.b64encode(digest).decode()}"


async def begin(person: Person, size: int, **said: str) -> httpx.Response:
    """The answer to the creation."""
    headers = {**TUS, "upload-length": str(size), "upload-metadata": metadata(**said)}
    return await person.post(UPLOADS, headers=headers)


async def begun(person: Person, size: int, **said: str) -> str:
    """The address of a new upload."""
    answer = await begin(person, size, **said)
    assert answer.status_code == 201, answer.text
    return answer.headers["location"]


async def send(
    person: Person, location: str, offset: int, content: Any, **headers: str
) -> httpx.Response:
    """One PATCH."""
    said = {
        **TUS,
        "upload-offset": str(offset),
        "content-type": "application/offset+octet-stream",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return await person.call("PATCH", location, content=content, headers=said)


async def position(person: Person, location: str) -> int:
    """Where the upload stands, as HEAD says."""
    answer = await person.call("HEAD", location, headers=TUS)
    assert answer.status_code == 200
    return int(answer.headers["upload-offset"])


async def in_pieces(content: bytes, size: int) -> AsyncIterator[bytes]:
    """As a line brings them."""
    for start in range(0, len(content), size):
        yield content[start : start + size]


def parts(objects: Path) -> set[Path]:
    """What lies in the storage of uploads under way."""
    return {path for path in objects.glob("*/uploads/**/*") if path.is_file()}
