"""How long one request may take in all, and its parts."""

import asyncio
from dataclasses import dataclass
from typing import Self

from ai_svc.provider_settings import ProviderSettings


@dataclass(frozen=True, slots=True)
class Clock:
    """Of one request of a chain, over all providers and attempts. Times are the event loop's."""

    settings: ProviderSettings
    ends_at: float

    @classmethod
    def started(cls, settings: ProviderSettings, at_most: float | None = None) -> Self:
        """Now. `at_most`: seconds the asker allows itself."""
        total = settings.total_seconds
        return cls(settings, _now() + (total if at_most is None else min(total, at_most)))

    @property
    def left(self) -> float:
        """Seconds."""
        return self.ends_at - _now()

    def call(self) -> float:
        """When an attempt that begins now is given up."""
        return min(self.ends_at, _now() + self.settings.time_limit_seconds)

    def first_token(self) -> float:
        """When it is given up if nothing has come by then; only in a stream."""
        return min(self.call(), _now() + self.settings.first_token_seconds)


def _now() -> float:
    return asyncio.get_running_loop().time()
