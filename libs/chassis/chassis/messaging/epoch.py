"""Notices that Redis has lost something: emptied, restarted from an old file, or failed over."""

import secrets
from enum import Enum
from typing import Any

from redis.asyncio import Redis

from chassis.messaging.entries import as_text
from chassis.messaging.streams import epoch_key


class Loss(Enum):
    """What has to be published again."""

    NOTHING = "nothing"
    TAIL = "tail"
    """The last moments: Redis came back from a file or replica that was a little behind."""
    EVERYTHING = "everything"
    """Redis came back empty."""


class EpochMark:
    """A key the relay renews with every batch; a lost or older value tells what Redis forgot.

    Its value is `<run id of the server>/<random>`. Within one run of the server nothing is lost;
    across runs, the random part tells whether the last batch survived.
    """

    def __init__(self, redis: Redis, schema: str) -> None:
        self._redis = redis
        self._key = epoch_key(schema)
        self._run_id = ""
        self._expected: str | None = None

    async def first_look(self) -> Loss:
        """At the start of a relay, which does not know what its predecessor wrote last."""
        self._run_id = await self._current_run()
        found = await self._redis.get(self._key)
        if found is None:
            return Loss.EVERYTHING
        self._expected = as_text(found)
        written_in = self._expected.partition("/")[0]
        return Loss.NOTHING if written_in == self._run_id else Loss.TAIL

    async def look(self) -> Loss:
        """While there is nothing to publish."""
        return self._judge(await self._redis.get(self._key))

    def renew(self, pipeline: Any) -> str:
        """Adds the renewal to a batch. XX: a lost key stays lost until `restore`."""
        value = self._fresh()
        pipeline.set(self._key, value, xx=True, get=True)
        return value

    def renewed(self, value: str, previous: bytes | str | None) -> Loss:
        """What the answer to `renew` means."""
        loss = self._judge(previous)
        if loss is Loss.NOTHING:
            self._expected = value
        return loss

    async def restore(self) -> None:
        """After the outbox was told to publish again: from here on Redis counts as complete."""
        self._run_id = await self._current_run()
        self._expected = self._fresh()
        await self._redis.set(self._key, self._expected)

    def _judge(self, found: bytes | str | None) -> Loss:
        if found is None:
            return Loss.EVERYTHING
        return Loss.NOTHING if as_text(found) == self._expected else Loss.TAIL

    def _fresh(self) -> str:
        return f"{self._run_id}/{secrets.token_hex(8)}"

    async def _current_run(self) -> str:
        server = await self._redis.info("server")
        return str(server.get("run_id", ""))
