"""Asking clamd whether a file is infected, by its INSTREAM command over TCP."""

import asyncio
import struct
from collections.abc import AsyncIterable
from contextlib import suppress
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import structlog

from core_api.modules.attachments.exceptions import AttachmentInfected, ScannerUnavailable

_log = structlog.get_logger(__name__)
_LONGEST_ANSWER: Final = 4096


class Scanner:
    """One clamd. Nothing is kept open between two files."""

    def __init__(self, url: str, *, timeout: timedelta) -> None:
        parts = urlsplit(url)
        self._host, self._port = str(parts.hostname), int(parts.port or 0)
        self._timeout = timeout.total_seconds()

    async def check(self, chunks: AsyncIterable[bytes]) -> None:
        """Raises AttachmentInfected; ScannerUnavailable when there is no answer to rely on."""
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._ask(chunks)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as error:
            _log.warning("virus_scanner_unavailable", cause=type(error).__name__)
            raise ScannerUnavailable from None
        if answer.endswith("FOUND"):
            _log.warning("infected_upload_refused", signature=answer[:200])
            raise AttachmentInfected
        if answer != "stream: OK":
            # Its own limit, a database it is loading: not a verdict, so not a reason to trust.
            _log.warning("virus_scanner_unavailable", cause=answer[:200])
            raise ScannerUnavailable

    async def _ask(self, chunks: AsyncIterable[bytes]) -> str:
        reader, writer = await asyncio.open_connection(self._host, self._port)
        try:
            # clamd hangs up at its limit while we are still sending; what it said is there to read.
            with suppress(ConnectionError):
                writer.write(b"zINSTREAM\0")
                async for chunk in chunks:
                    writer.write(struct.pack(">I", len(chunk)) + chunk)
                    await writer.drain()
                writer.write(struct.pack(">I", 0))
                await writer.drain()
            answer = await reader.readuntil(b"\0")
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
        return answer[:_LONGEST_ANSWER].rstrip(b"\0").decode("utf-8", "replace").strip()
