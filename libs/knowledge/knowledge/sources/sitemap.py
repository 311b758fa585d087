"""Reading sitemaps (https://www.sitemaps.org/protocol.html), index files too, within bounds.

Whoever wrote it may want to harm: nothing is expanded, nothing outside the site is followed, a file
that is named twice is read once, and packed ones unpack no further than a plain one may be long.
"""

import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

import httpx

from knowledge.failures import DocumentTooLarge, SitemapElsewhere, SitemapInvalid
from knowledge.fetching import UrlFetcher
from knowledge.sources.entries import Entry, Listing

MAX_FILES: Final = 50
MAX_DEPTH: Final = 3
_MAX_BYTES: Final = 50 * 1024 * 1024
"""Of one file, unpacked, as the protocol says."""
_LONGEST_VALUE: Final = 2_000
_GZIP: Final = b"\x1f\x8b"
_STEP: Final = 256 * 1024


async def read_sitemap(
    fetcher: UrlFetcher, url: str, *, most: int, under: str | None = None
) -> Listing:
    """The pages of the sitemap's own site, each once; `under`: whose path begins so. Where the
    address leads to another one, as example.org to www.example.org, that is the site's name, too.
    Raises DocumentRefused."""
    own = _Site({_site_of(url)})
    waiting = [(url, 0)]
    read: set[str] = set()
    pages: dict[str, Entry] = {}
    is_whole = True
    while waiting:
        address, depth = waiting.pop(0)
        if address in read:
            continue
        if len(read) >= MAX_FILES:
            is_whole = False
            break
        read.add(address)
        async for found in _read(fetcher, address):
            if not own.has(found, at_first=depth == 0):
                continue
            if found.is_index:
                if depth < MAX_DEPTH:
                    waiting.append((found.address, depth + 1))
                else:
                    is_whole = False
            elif under is None or httpx.URL(found.address).path.startswith(under):
                if found.address not in pages and len(pages) >= most:
                    return Listing(tuple(pages.values()), is_whole=False)
                pages[found.address] = Entry(found.address, found.lastmod)
    own.check()
    return Listing(tuple(pages.values()), is_whole)


@dataclass(slots=True)
class _Found:
    address: str
    lastmod: str | None
    is_index: bool
    listed_by: str = ""
    """The site that answered with the file."""


@dataclass(slots=True)
class _Site:
    """What a site calls itself: by the address that was given, and by the one that leads to."""

    names: set[str]
    is_met: bool = False
    other: str = ""

    def has(self, found: _Found, *, at_first: bool) -> bool:
        """Whether it is the site's. `at_first`: listed by the file that was named."""
        if at_first:
            self.names.add(found.listed_by)
        site = _site_of(found.address)
        is_own = site in self.names
        self.is_met = self.is_met or is_own
        self.other = self.other or ("" if is_own else site)
        return is_own

    def check(self) -> None:
        """Raises SitemapElsewhere when all there is was another's."""
        if self.other and not self.is_met:
            raise SitemapElsewhere(site=self.other)


@dataclass(slots=True)
class _Parser:
    """Fed as the bytes arrive; holds one entry at a time."""

    found: list[_Found] = field(default_factory=list)
    is_sitemap: bool = False
    _kind: str = ""
    _inside: str = ""
    _values: dict[str, str] = field(default_factory=dict)

    def begin(self, name: str, _attributes: object) -> None:
        local = name.rpartition(" ")[2]
        if local in ("urlset", "sitemapindex"):
            self.is_sitemap = True
        elif local in ("url", "sitemap"):
            self._kind, self._values = local, {}
        self._inside = local

    def text(self, text: str) -> None:
        if self._kind and self._inside in ("loc", "lastmod"):
            value = self._values.get(self._inside, "") + text
            self._values[self._inside] = value[: _LONGEST_VALUE + 1]

    def end(self, name: str) -> None:
        self._inside = ""
        local = name.rpartition(" ")[2]
        if local != self._kind:
            return
        address = self._values.get("loc", "").strip()
        if 0 < len(address) <= _LONGEST_VALUE and _site_of(address):
            lastmod = self._values.get("lastmod", "").strip()[:40] or None
            self.found.append(_Found(address.partition("#")[0], lastmod, local == "sitemap"))
        self._kind = ""


def _refuse(*_: object) -> None:
    raise SitemapInvalid


async def _read(fetcher: UrlFetcher, url: str) -> AsyncIterator[_Found]:
    parsed = _Parser()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = parsed.begin
    parser.EndElementHandler = parsed.end
    parser.CharacterDataHandler = parsed.text
    # Entities are declared there, which expand to gigabytes; no sitemap needs one.
    parser.StartDoctypeDeclHandler = _refuse
    try:
        async with fetcher.open(url, of_any_type=True) as page:
            async for part in _unpacked(page.body):
                parser.Parse(part, False)
                for found in parsed.found:
                    found.listed_by = _site_of(page.url)
                    yield found
                parsed.found.clear()
            parser.Parse(b"", True)
    except expat.ExpatError as error:
        raise SitemapInvalid from error
    if not parsed.is_sitemap:
        raise SitemapInvalid


async def _unpacked(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """A packed file is known by its first bytes, whatever it is called."""
    unpacker: zlib._Decompress | None = None
    is_first, size = True, 0
    async for part in body:
        if is_first:
            is_first = False
            if part.startswith(_GZIP):
                unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        for piece in _inflated(unpacker, part) if unpacker is not None else (part,):
            size += len(piece)
            if size > _MAX_BYTES:
                raise DocumentTooLarge.over(_MAX_BYTES)
            yield piece


def _inflated(unpacker: "zlib._Decompress", part: bytes) -> Iterator[bytes]:
    try:
        while part:
            yield unpacker.decompress(part, _STEP)
            part = unpacker.unconsumed_tail
    except zlib.error as error:
        raise SitemapInvalid from error


def _site_of(url: str) -> str:
    """Host and port; nothing for what is no address of the Web."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        return ""
    return parsed.netloc.decode("ascii").lower() if parsed.scheme in ("http", "https") else ""
