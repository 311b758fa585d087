"""Taking the bytes of one request: into objects of bounded size, each counted as it is stored.

Two requests for the same stretch do not wait for each other. Each stores what it gets under keys of
its own, and the first to say so in the database wins; the other is told where the upload stands.
So a sender that lost its line may go on at once, whatever still hangs on our side.
"""

from collections.abc import AsyncIterator
from typing import Final
from uuid import UUID

import structlog
from starlette.requests import ClientDisconnect

from ai_svc.modules.uploads.completing import complete
from ai_svc.modules.uploads.exceptions import PartBeyondEnd
from ai_svc.modules.uploads.models import Upload
from ai_svc.modules.uploads.protocol import Checksum
from ai_svc.modules.uploads.repository import Part, Uploads, check_position
from ai_svc.modules.uploads.storing import drop, part_key
from ai_svc.workshop import Workshop
from shared_schemas.actor import Actor

SEGMENT_BYTES: Final = 8 * 1024 * 1024
"""What a killed service can lose of one request."""
_log = structlog.get_logger(__name__)


class Body:
    """The bytes of a request, cut into segments. A sender that hangs up has sent what it has."""

    def __init__(
        self, chunks: AsyncIterator[bytes], most: int, announced: int, checksum: Checksum | None
    ) -> None:
        self._chunks = chunks
        self._most = most
        self._announced = announced
        self._checksum = checksum
        self._waiting = b""
        self._seen = 0
        self.broken = False

    async def has_more(self) -> bool:
        """Whether there is anything left for a segment."""
        while not self._waiting and not self.broken:
            try:
                self._waiting = await anext(self._chunks)
            except StopAsyncIteration:
                return False
            except ClientDisconnect:
                self.broken = True
                return False
            self._seen += len(self._waiting)
            if self._seen > self._most:
                raise PartBeyondEnd(size=self._announced)
            if self._checksum is not None:
                self._checksum.digest.update(self._waiting)
        return bool(self._waiting)

    async def segment(self) -> AsyncIterator[bytes]:
        """Up to SEGMENT_BYTES."""
        left = SEGMENT_BYTES
        while left and await self.has_more():
            piece, self._waiting = self._waiting[:left], self._waiting[left:]
            left -= len(piece)
            yield piece


class Receiving:
    """One PATCH."""

    def __init__(self, workshop: Workshop, actor: Actor, upload_id: UUID) -> None:
        self._workshop = workshop
        self._actor = actor
        self._upload_id = upload_id

    async def receive(
        self, offset: int, chunks: AsyncIterator[bytes], checksum: Checksum | None
    ) -> Upload:
        """The upload as it stands afterwards. Raises UploadNotFound, OffsetConflict, PartBeyondEnd,
        ChecksumMismatch, DocumentRefused."""
        upload = await self._read()
        check_position(upload, offset)
        body = Body(chunks, upload.size_bytes - offset, upload.size_bytes, checksum)
        waiting: list[Part] = []  # stored, and not counted yet
        try:
            while await body.has_more():
                part = await self._store(body, offset)
                waiting.append(part)
                offset += part.size_bytes
                if checksum is None and offset < upload.size_bytes:
                    await self._count(waiting)
            if checksum is not None and not body.broken:
                checksum.verify()
            if waiting and checksum is not None and body.broken:
                return await self._read()  # nobody can say whether it is what was sent
            if waiting and offset == upload.size_bytes:
                # As one: there is no moment with all the bytes and no document.
                await complete(self._workshop, self._actor, upload, waiting)
                waiting.clear()
            elif waiting:
                await self._count(waiting)
        finally:
            await drop(self._workshop.storage, [part.storage_key for part in waiting])
        return await self._read()

    async def _store(self, body: Body, offset: int) -> Part:
        key = part_key(self._actor.organization_id, self._upload_id)
        stored = await self._workshop.storage.put_stream(
            key, body.segment(), max_bytes=SEGMENT_BYTES
        )
        return Part(offset, stored.size_bytes, key)

    async def _count(self, waiting: list[Part]) -> None:
        async with self._workshop.database.transaction(self._actor.organization_id) as session:
            await Uploads(session, self._actor).add(self._upload_id, waiting)
        waiting.clear()

    async def _read(self) -> Upload:
        database = self._workshop.database
        async with database.transaction(self._actor.organization_id, read_only=True) as session:
            return await Uploads(session, self._actor).get(self._upload_id)
