"""A proxy on the loopback for libraries that connect by themselves: it connects to addresses that
were checked, as `knowledge.fetching` does, and to no other.

What speaks TLS stays sealed from end to end: the proxy sees a name and bytes.
"""

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import httpx

from knowledge.addresses import AddressPolicy
from knowledge.failures import UrlRefused
from knowledge.fetching import Resolver

_MAX_HEAD: Final = 64 * 1024
_PATIENCE: Final = 30.0
_CONNECT_SECONDS: Final = 5.0
_PIECE: Final = 64 * 1024
_READING: Final = frozenset({"GET", "HEAD"})


class CheckedProxy:
    """`refused` says whether it had to keep somebody from an address."""

    def __init__(self, policy: AddressPolicy, resolver: Resolver) -> None:
        self._policy = policy
        self._resolver = resolver
        self.refused = False
        self.url = ""

    @asynccontextmanager
    async def running(self) -> AsyncIterator["CheckedProxy"]:
        """Listens meanwhile."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MAX_HEAD)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_PATIENCE):
                head = await reader.readuntil(b"\r\n\r\n")
                method, target, _ = head.decode("latin-1").split(" ", 2)
            await self._pass_on(method, target, head, reader, writer)
        except UrlRefused:
            self.refused = True
            writer.write(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError):
            writer.write(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
        finally:
            with contextlib.suppress(OSError):
                await writer.drain()
            writer.close()

    async def _pass_on(
        self,
        method: str,
        target: str,
        head: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        tunnel = method == "CONNECT"
        if not tunnel and method not in _READING:
            raise ValueError(method)
        url = self._policy.check_url(f"https://{target}/" if tunnel else target)
        port = url.port or (443 if url.scheme == "https" else 80)
        far_reader, far_writer = await self._connect(url.host, port)
        try:
            if tunnel:
                writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
                await asyncio.gather(_pipe(reader, far_writer), _pipe(far_reader, writer))
            else:
                far_writer.write(_as_origin(method, url, head))
                await _pipe(far_reader, writer)
        finally:
            far_writer.close()

    async def _connect(
        self, host: str, port: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        addresses = await self._resolver(host, port)
        parsed = [ipaddress.ip_address(address.partition("%")[0]) for address in addresses]
        if not parsed or not all(self._policy.permits(address) for address in parsed):
            raise UrlRefused
        async with asyncio.timeout(_CONNECT_SECONDS):
            return await asyncio.open_connection(addresses[0], port)


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(_PIECE):
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def _as_origin(method: str, url: httpx.URL, head: bytes) -> bytes:
    """The request as the origin gets it: its own form, and the connection ends with the answer."""
    lines = head.decode("latin-1").split("\r\n")[1:]
    kept = [
        line for line in lines if line and not line.lower().startswith(("proxy-", "connection:"))
    ]
    first = f"{method} {url.raw_path.decode('ascii')} HTTP/1.1"
    return "\r\n".join([first, *kept, "Connection: close", "", ""]).encode("latin-1")
