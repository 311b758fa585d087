"""How long to wait before the next attempt."""

import random
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling from `first` up to `longest`, with jitter: what failed together comes apart."""

    first: timedelta
    longest: timedelta

    def after(self, failures: int) -> timedelta:
        """The pause after so many failures in a row (1, 2, 3 …): half to all of the step."""
        step = min(self.longest, self.first * int(2 ** min(max(failures, 1) - 1, 30)))
        return step * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, keeps no secret
