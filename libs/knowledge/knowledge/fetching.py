"""Fetching a page someone named, without becoming their way into our network (SSRF).

Every host is resolved here, every address checked, and the connection made to a checked address,
while TLS and `Host` still see the name. So it goes for every redirect: a name that resolves
differently the second time (DNS rebinding) gains nothing.
"""

import asyncio
import ipaddress
import re
import socket
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Final

import httpcore
import httpx
from httpcore import AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream

from knowledge.addresses import AddressPolicy
from knowledge.failures import (
    DocumentTooLarge,
    RobotsUnavailable,
    TooManyRedirects,
    UnsupportedType,
    UrlNotFound,
    UrlRefused,
    UrlUnavailable,
)
from knowledge.parsing.sniffing import Format
from knowledge.robots import MAX_ROBOTS_BYTES, USER_AGENT, RobotsRules

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]

MAX_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_READ_TIMEOUT: Final = 10.0
_CONNECT_TIMEOUT: Final = 5.0
_READABLE: Final = re.compile(
    "|".join(re.escape(form.value) for form in Format)
    + r"|text/[a-z.+-]+|image/(?:jpg|tif)|application/(?:(?:x-)?pdf|xhtml\+xml|octet-stream|"
    # What servers call a file to be saved, and spreadsheets; the content decides then.
    r"x-download|force-download|markdown|csv|x-rtf|x-zip(?:-compressed)?|vnd\.ms-excel|msword)"
)
"""What is worth downloading: a film is not."""
_CHARSET: Final = re.compile(r"charset=[\"']?([A-Za-z0-9_.:-]{1,40})")


async def resolve(host: str, port: int) -> Sequence[str]:
    """Every address of a host, as the system's resolver gives them."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """An answer whose body is being read. `body` stops with DocumentTooLarge at the cap."""

    url: str
    media_type: str | None
    charset: str | None
    body: AsyncIterator[bytes]
    seen: "Seen"
    """To be asked with next time."""
    is_unchanged: bool = False
    """The server says it is what was seen last time. There is no body."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server said to recognise an answer by (RFC 9110 §8.8)."""

    etag: str | None = None
    last_modified: str | None = None

    def conditions(self) -> dict[str, str]:
        """The headers that ask for changes only."""
        said = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in said.items() if value}


NOTHING_SEEN: Final = Seen()


class UrlFetcher:
    """GETs a public URL within limits of time, size and redirects, where its robots.txt lets us."""

    def __init__(
        self,
        policy: AddressPolicy,
        *,
        max_bytes: int,
        timeout: timedelta = timedelta(seconds=60),
        resolver: Resolver = resolve,
    ) -> None:
        self._policy = policy
        self._max_bytes = max_bytes
        self._timeout = timeout.total_seconds()
        # No pooling: a connection is used for one answer, and never for another host's.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_keepalive_connections=0,
            network_backend=_CheckedBackend(policy, resolver),
        )
        self.robots = RobotsRules(self._robots_of)

    @asynccontextmanager
    async def open(
        self, url: str, *, seen: Seen = NOTHING_SEEN, of_any_type: bool = False
    ) -> AsyncIterator[FetchedPage]:
        """Follows redirects, each checked like the first. Raises DocumentRefused.

        With what was `seen` the answer may be that nothing has changed.
        """
        try:
            async with asyncio.timeout(self._timeout):
                for _ in range(MAX_REDIRECTS + 1):
                    target = self._policy.check_url(url)
                    await self.robots.check(target)
                    async with self._get(target, seen.conditions()) as response:
                        if response.status not in _REDIRECTS:
                            yield self._page(target, response, seen, of_any_type=of_any_type)
                            return
                        url = str(target.join(_header(response, b"location") or ""))
        except httpx.InvalidURL as error:
            raise UrlRefused from error
        except (TimeoutError, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise UrlUnavailable from error
        except httpcore.TimeoutException as error:
            raise UrlUnavailable from error
        raise TooManyRedirects

    async def close(self) -> None:
        """Closes connections still open."""
        await self._pool.aclose()

    @asynccontextmanager
    async def _get(
        self, url: httpx.URL, conditions: Mapping[str, str] = MappingProxyType({})
    ) -> AsyncIterator[httpcore.Response]:
        request = httpx.Request(
            "GET",
            url,
            headers={
                "User-Agent": USER_AGENT,
                "Accept": "text/html,application/pdf,text/plain;q=0.9,*/*;q=0.5",
                "Accept-Encoding": "gzip, identity",
                "Connection": "close",
                **conditions,
            },
        )
        async with self._pool.stream(
            "GET",
            str(url),
            headers=request.headers.raw,
            extensions={"timeout": {"connect": _CONNECT_TIMEOUT, "read": _READ_TIMEOUT}},
        ) as response:
            yield response

    async def _robots_of(self, url: httpx.URL) -> bytes | None:
        """The site's rules; None when it has none. Raises RobotsUnavailable."""
        try:
            for _ in range(MAX_REDIRECTS + 1):
                url = self._policy.check_url(str(url))
                async with self._get(url) as response:
                    if response.status in _REDIRECTS:
                        url = url.join(_header(response, b"location") or "")
                    elif response.status >= 500 or response.status == 429:
                        raise RobotsUnavailable
                    elif response.status != 200:
                        return None
                    else:
                        return await self._beginning(response, MAX_ROBOTS_BYTES)
        except (UnsupportedType, DocumentTooLarge):
            return None  # packed in a way nobody reads: as if there were none
        return None

    async def _beginning(self, response: httpcore.Response, most: int) -> bytes:
        text = b""
        async for part in self._body(response):
            text += part[: most - len(text)]
            if len(text) >= most:
                break
        return text

    def _page(
        self, url: httpx.URL, response: httpcore.Response, seen: Seen, *, of_any_type: bool
    ) -> FetchedPage:
        if response.status == 304 and seen.conditions():
            return FetchedPage(str(url), None, None, _nothing(), seen, is_unchanged=True)
        if response.status >= 500 or response.status in (408, 425, 429):
            raise UrlUnavailable
        if response.status != 200:
            raise UrlNotFound(status=response.status)
        declared = (_header(response, b"content-type") or "").lower()
        media_type = declared.split(";")[0].strip() or None
        if not of_any_type and media_type is not None and not _READABLE.fullmatch(media_type):
            raise UnsupportedType
        charset = _CHARSET.search(declared)
        return FetchedPage(
            str(url),
            media_type,
            charset and charset[1],
            self._body(response),
            Seen(_short(response, b"etag"), _short(response, b"last-modified")),
        )

    async def _body(self, response: httpcore.Response) -> AsyncIterator[bytes]:
        """The decoded body. Its own decompression: a small answer may unpack to gigabytes."""
        length = _header(response, b"content-length")
        if length is not None and length.isdigit() and int(length) > self._max_bytes:
            raise DocumentTooLarge.over(self._max_bytes)
        decode = _decoder(_header(response, b"content-encoding"))
        size = 0
        async for chunk in response.aiter_stream():
            for part in decode(chunk):
                size += len(part)
                if size > self._max_bytes:
                    raise DocumentTooLarge.over(self._max_bytes)
                yield part


class _CheckedBackend(AsyncNetworkBackend):
    """Connects to an address that was checked, not to a name that may change its mind."""

    def __init__(self, policy: AddressPolicy, resolver: Resolver) -> None:
        self._policy = policy
        self._resolver = resolver
        self._backend = AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's signature
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        try:
            addresses = await self._resolver(host, port)
        except OSError as error:
            raise httpcore.ConnectError(f"no address for {host}") from error
        parsed = [ipaddress.ip_address(address.partition("%")[0]) for address in addresses]
        # One bad address among good ones is refused as well: it is what rebinding looks like.
        if not parsed or not all(self._policy.permits(address) for address in parsed):
            raise UrlRefused
        last: Exception = httpcore.ConnectError("not tried")
        for address in addresses:
            try:
                return await self._backend.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last

    async def connect_unix_socket(self, *_: object, **__: object) -> AsyncNetworkStream:
        raise UrlRefused

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


def _short(response: httpcore.Response, name: bytes) -> str | None:
    """A header that is kept; a longer one is worth nothing to us."""
    found = _header(response, name)
    kept = found is not None and len(found) <= _LONGEST_KEPT and found.isprintable()
    return found if kept else None


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for part in nothing:
        yield part


def _header(response: httpcore.Response, name: bytes) -> str | None:
    found = next((value for key, value in response.headers if key.lower() == name), None)
    return found.decode("latin-1") if found is not None else None


def _decoder(encoding: str | None) -> Callable[[bytes], Iterable[bytes]]:
    """Unpacks gzip and deflate in steps of bounded size."""
    match (encoding or "identity").strip().lower():
        case "identity" | "":
            return lambda chunk: (chunk,)
        case "gzip" | "x-gzip":
            return _inflate(zlib.decompressobj(zlib.MAX_WBITS | 16))
        case "deflate":
            return _inflate(zlib.decompressobj())
        case _:
            raise UnsupportedType


def _inflate(unpacker: "zlib._Decompress") -> Callable[[bytes], Iterable[bytes]]:
    def steps(chunk: bytes) -> Iterable[bytes]:
        try:
            while chunk:
                yield unpacker.decompress(chunk, _STEP)
                chunk = unpacker.unconsumed_tail
        except zlib.error as error:
            raise UrlUnavailable from error

    return steps


_LONGEST_KEPT: Final = 200
_STEP: Final = 256 * 1024
