"""Reading streams as one member of a consumer group: new, own pending and abandoned entries."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from chassis.messaging.entries import Entry, as_text, entries_of


@dataclass(frozen=True, slots=True)
class PendingEntry:
    """An entry delivered to this member and not acknowledged."""

    stream: str
    id: str
    deliveries: int

    @property
    def key(self) -> str:
        """As `Entry.key`."""
        return f"{self.stream} {self.id}"


class GroupReader:
    """Redis commands only; decides nothing."""

    def __init__(self, redis: Redis, group: str, streams: Sequence[str]) -> None:
        self.streams = tuple(streams)
        self._redis = redis
        self._group = group

    async def create_groups(self) -> None:
        """From the beginning of each stream, which is created when it does not exist."""
        for stream in self.streams:
            try:
                await self._redis.xgroup_create(stream, self._group, id="0", mkstream=True)
            except ResponseError as error:
                if not str(error).startswith("BUSYGROUP"):
                    raise

    async def read(self, member: str, count: int, block: timedelta | None) -> list[list[Entry]]:
        """Up to `count` new entries of each stream. Groups that Redis forgot are created again."""
        milliseconds = None if block is None else max(1, int(block.total_seconds() * 1000))
        try:
            found = await self._redis.xreadgroup(
                self._group,
                member,
                dict.fromkeys(self.streams, ">"),
                count=count,
                block=milliseconds,
            )
        except ResponseError as error:
            if not _group_is_gone(error):
                raise
            await self.create_groups()
            return []
        return [entries_of(as_text(stream), raw) for stream, raw in _pairs(found)]

    async def own_pending(self, member: str, count: int) -> list[PendingEntry]:
        """What was delivered to this member and is not settled, oldest first in each stream."""
        pipeline = self._redis.pipeline(transaction=False)
        for stream in self.streams:
            pipeline.xpending_range(stream, self._group, "-", "+", count, consumername=member)
        found = await self._execute(pipeline)
        return [
            PendingEntry(stream, as_text(row["message_id"]), int(row["times_delivered"]))
            for stream, rows in zip(self.streams, found, strict=True)
            for row in rows
        ]

    async def fetch(self, member: str, wanted: Iterable[PendingEntry]) -> list[list[Entry]]:
        """Own pending entries with their content; counts as another delivery."""
        by_stream: dict[str, list[Any]] = {}
        for item in wanted:
            by_stream.setdefault(item.stream, []).append(item.id)
        if not by_stream:
            return []
        pipeline = self._redis.pipeline(transaction=False)
        for stream, ids in by_stream.items():
            pipeline.xclaim(stream, self._group, member, 0, ids)
        found = await self._execute(pipeline)
        return [entries_of(stream, raw) for stream, raw in zip(by_stream, found, strict=True)]

    async def take_over(self, member: str, idle: timedelta, count: int) -> int:
        """Makes entries this member's own that another one has held for longer than `idle`."""
        pipeline = self._redis.pipeline(transaction=False)
        for stream in self.streams:
            pipeline.xautoclaim(
                stream,
                self._group,
                member,
                int(idle.total_seconds() * 1000),
                count=count,
                justid=True,
            )
        return sum(len(ids) for ids in await self._execute(pipeline))

    async def acknowledge(self, entries: Iterable[Entry], *, and_delete: str) -> None:
        """Settles entries; those of `and_delete`, a stream without other readers, are removed."""
        by_stream: dict[str, list[str]] = {}
        for entry in entries:
            by_stream.setdefault(entry.stream, []).append(entry.id)
        if not by_stream:
            return
        pipeline = self._redis.pipeline(transaction=False)
        for stream, ids in by_stream.items():
            pipeline.xack(stream, self._group, *ids)
            if stream == and_delete:
                pipeline.xdel(stream, *ids)
        await pipeline.execute()

    async def lag(self) -> Mapping[str, tuple[int, int]]:
        """Per stream: entries the group has not read yet, and those read and not settled."""
        pipeline = self._redis.pipeline(transaction=False)
        for stream in self.streams:
            pipeline.xinfo_groups(stream)
        found = await pipeline.execute(raise_on_error=False)
        lags: dict[str, tuple[int, int]] = {}
        for stream, groups in zip(self.streams, found, strict=True):
            if isinstance(groups, Exception):
                continue
            for group in groups:
                if as_text(group["name"]) == self._group:
                    lags[stream] = int(group.get("lag") or 0), int(group["pending"])
        return lags

    async def _execute(self, pipeline: Any) -> list[Any]:
        """Answers; an empty one for a stream whose group Redis forgot."""
        results = await pipeline.execute(raise_on_error=False)
        for number, result in enumerate(results):
            if isinstance(result, ResponseError) and _group_is_gone(result):
                results[number] = []
            elif isinstance(result, Exception):
                raise result
        return list(results)


def _group_is_gone(error: ResponseError) -> bool:
    # UNBLOCKED: the stream was deleted while a read was waiting on it.
    return str(error).startswith(("NOGROUP", "UNBLOCKED"))


def _pairs(found: Any) -> Iterable[tuple[Any, Any]]:
    if not found:
        return []
    if isinstance(found, dict):  # RESP3
        return [(stream, batch) for stream, batch in found.items()]
    return list(found)
