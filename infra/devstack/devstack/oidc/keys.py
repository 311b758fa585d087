"""The signing keys: one signs, the next is already published, the old ones until their tokens end.

They live in one file (mode 0600) below the state folder. Another process may rotate them while
the provider runs: the file is read again whenever it changed.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

from devstack.errors import DevstackError

ALGORITHM: Final = "RS256"
_KEY_SIZE: Final = 2048

Clock = Callable[[], float]
"""Seconds since the epoch. Handed in, so that tests decide what time it is."""


class KeysUnreadable(DevstackError):
    """The key file is damaged."""


@dataclass(frozen=True, slots=True)
class Retired:
    """A key that signs no more; `until` is when the last token it signed has expired."""

    key: RSAKey
    until: float


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The keys of one moment."""

    current: RSAKey
    upcoming: RSAKey
    retired: tuple[Retired, ...] = ()

    def public(self, now: float) -> KeySet:
        """What verifiers are told: the next key is there before anything is signed with it."""
        alive = (retired.key for retired in self.retired if retired.until > now)
        return KeySet([self.current, self.upcoming, *alive])


class SigningKeys:
    """The key file. Made on first use; `rotate` moves every key one step on."""

    def __init__(
        self, state_dir: Path, *, token_lifetime: timedelta, now: Clock = time.time
    ) -> None:
        self._path = state_dir / "keys.json"
        self._token_lifetime = token_lifetime.total_seconds()
        self._now = now
        self._seen: tuple[int, int] | None = None
        self._ring = self._load_or_create()

    def current(self) -> RSAKey:
        """The key that signs."""
        return self._read().current

    def public(self) -> KeySet:
        """Every key a valid token may be signed with, and the next one. For verifying here, too."""
        return self._read().public(self._now())

    def rotate(self) -> str:
        """Sign with the next key from now on; return its id.

        Tokens signed before stay valid: their key is published until the last of them expired.
        """
        with self._locked():
            ring, now = self._parse(), self._now()
            retired = Retired(ring.current, now + self._token_lifetime + 60)
            alive = tuple(each for each in ring.retired if each.until > now)
            self._write(KeyRing(ring.upcoming, _generate(), (retired, *alive)))
        return _kid(self.current())

    def _read(self) -> KeyRing:
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            return self._load_or_create()
        if (stat.st_mtime_ns, stat.st_ino) != self._seen:
            self._ring = self._parse()
            self._seen = (stat.st_mtime_ns, stat.st_ino)
        return self._ring

    def _load_or_create(self) -> KeyRing:
        with self._locked():
            if not self._path.exists():
                self._write(KeyRing(_generate(), _generate()))
            self._path.chmod(0o600)
        return self._read()

    def _parse(self) -> KeyRing:
        try:
            stored: dict[str, Any] = json.loads(self._path.read_text("utf-8"))
            return KeyRing(
                current=RSAKey.import_key(stored["current"]),
                upcoming=RSAKey.import_key(stored["next"]),
                retired=tuple(
                    Retired(RSAKey.import_key(each["key"]), float(each["until"]))
                    for each in stored["retired"]
                ),
            )
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise KeysUnreadable(
                f"The signing keys in {self._path} are damaged: delete the file, new ones are made."
            ) from error

    def _write(self, ring: KeyRing) -> None:
        stored = {
            "current": ring.current.as_dict(private=True),
            "next": ring.upcoming.as_dict(private=True),
            # Only the public half of a retired key is worth keeping.
            "retired": [{"key": each.key.as_dict(), "until": each.until} for each in ring.retired],
        }
        new = self._path.with_suffix(".new")
        new.unlink(missing_ok=True)
        descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(stored, file)
        new.replace(self._path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _generate() -> RSAKey:
    return RSAKey.generate_key(
        _KEY_SIZE, parameters={"use": "sig", "alg": ALGORITHM}, auto_kid=True
    )


def _kid(key: RSAKey) -> str:
    return str(key.kid)
