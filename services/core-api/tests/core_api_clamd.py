"""clamd as far as its INSTREAM command goes, on a port of its own."""

import asyncio
import struct
from dataclasses import dataclass, field

EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@dataclass
class Clamd:
    """Speaks the protocol of clamd(8). `mood`: how it is today."""

    mood: str = "well"
    limit: int = 30 * 1024 * 1024
    commands: list[bytes] = field(default_factory=list)
    received: list[bytes] = field(default_factory=list)
    port: int = 0

    async def start(self) -> None:
        """Listens on the loopback interface."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Hangs up on everybody."""
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        """For CLAMD_URL."""
        return f"tcp://127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the caller went away, as it may
        finally:
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.commands.append(await reader.readuntil(b"\0"))
        if self.mood == "silent":
            await reader.read()  # never answers; the caller's patience ends
            return
        if self.mood == "rude":
            return
        body = bytearray()
        while length := struct.unpack(">I", await reader.readexactly(4))[0]:
            if len(body) + length > self.limit:
                writer.write(b"INSTREAM size limit exceeded. ERROR\0")
                await writer.drain()
                return
            body += await reader.readexactly(length)
        self.received.append(bytes(body))
        if self.mood == "unsure":
            writer.write(b"stream: Unable to allocate memory ERROR\0")
            return
        answer = b"stream: Eicar-Test-Signature FOUND\0" if EICAR in body else b"stream: OK\0"
        writer.write(answer)
        await writer.drain()
