"""Five wrong passwords a minute for one address and user name; the right one clears the count."""

from collections import deque
from typing import Final

from devstack.oidc.keys import Clock

_ATTEMPTS: Final = 5
_WINDOW_SECONDS: Final = 60.0
_MOST_CALLERS: Final = 10_000


class LoginLimit:
    """Counts attempts before they are judged, so that parallel guesses are counted too."""

    def __init__(self, *, now: Clock, enabled: bool) -> None:
        self._now = now
        self._enabled = enabled
        self._attempts: dict[tuple[str, str], deque[float]] = {}

    def attempt(self, address: str, username: str) -> int | None:
        """Count one attempt. The seconds to wait when there were too many, otherwise None."""
        if not self._enabled:
            return None
        now = self._now()
        if len(self._attempts) >= _MOST_CALLERS:
            self._forget_old(now)
        attempts = self._attempts.setdefault(_caller(address, username), deque())
        while attempts and attempts[0] <= now - _WINDOW_SECONDS:
            attempts.popleft()
        if len(attempts) >= _ATTEMPTS:
            return int(attempts[0] + _WINDOW_SECONDS - now) + 1
        attempts.append(now)
        return None

    def succeeded(self, address: str, username: str) -> None:
        """The password was right: whoever types it may log in as often as they like."""
        self._attempts.pop(_caller(address, username), None)

    def _forget_old(self, now: float) -> None:
        old = now - _WINDOW_SECONDS
        self._attempts = {
            caller: attempts for caller, attempts in self._attempts.items() if attempts[-1] > old
        }


def _caller(address: str, username: str) -> tuple[str, str]:
    return address, username.strip().casefold()
