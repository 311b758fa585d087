"""What sites allow programs to read: their robots.txt (RFC 9309), asked once an hour per site."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

import httpx
from protego import Protego

from knowledge.failures import RobotsDisallowed

AGENT: Final = "COGEP-Assist"
USER_AGENT: Final = f"{AGENT}/1 (document ingestion)"
MAX_ROBOTS_BYTES: Final = 500 * 1024
"""What lies beyond is ignored, as RFC 9309 §2.5 allows."""

_KEPT_SECONDS: Final = 3600.0
_MOST_SITES: Final = 1_000
_LONGEST_DELAY: Final = 30.0


class RobotsRules:
    """The rules of the sites asked lately. `fetch` raises when a site cannot say."""

    def __init__(
        self,
        fetch: Callable[[httpx.URL], Awaitable[bytes | None]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Protego]] = OrderedDict()

    async def check(self, url: httpx.URL) -> None:
        """Raises RobotsDisallowed, RobotsUnavailable."""
        if url.path == "/robots.txt":
            return
        rules = await self._of(url)
        if not rules.can_fetch(str(url), AGENT):
            raise RobotsDisallowed

    def known_delay(self, url: httpx.URL) -> float:
        """Seconds the site wants between two requests; more than half a minute is half a minute.
        Nothing before it was asked."""
        known = self._known.get(_site(url))
        said = known[1].crawl_delay(AGENT) if known is not None else None
        return min(max(float(said or 0.0), 0.0), _LONGEST_DELAY)

    async def _of(self, url: httpx.URL) -> Protego:
        site = _site(url)
        known = self._known.get(site)
        if known is not None and known[0] > self._clock():
            return known[1]
        text = await self._fetch(httpx.URL(f"{site}/robots.txt"))
        rules = Protego.parse((text or b"").decode("utf-8", "replace"))
        self._known[site] = (self._clock() + _KEPT_SECONDS, rules)
        self._known.move_to_end(site)
        if len(self._known) > _MOST_SITES:
            self._known.popitem(last=False)
        return rules


def _site(url: httpx.URL) -> str:
    return f"{url.scheme}://{url.netloc.decode('ascii')}"
