"""The pytest plugin that plants people: what tests send as personal data is looked for in what must
never hold any (logs, spans, labels of metrics, events, dead letters, all that is put on a stream).

Values are taken from the requests themselves, so that no test has to do anything; a test whose
values turn up there fails, and says which one turned up where.
"""

import functools
import json
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
import pytest

PERSONAL: Final = frozenset(
    {
        "name", "email", "phone", "document", "address", "number", "street", "subject",
        "description", "body", "note", "text", "question", "content", "title", "reason", "comment",
    }
)  # fmt: skip
"""Fields of requests whose values are about somebody, or are somebody's words."""
PATHS: Final = re.compile(r"/(clients|tickets|public|privacy|chat|rag/(ask|search|documents))\b")
ALWAYS: Final = frozenset({"Júlia Prado", "Certidão atrasada", "A segunda via não chegou."})
"""What factories plant by themselves."""
MARKER: Final = "leaks_on_purpose"
"""Of a test that puts personal data where none may be, to see that it is found or erased."""
_SHORTEST: Final = 7
_MOST: Final = 200
_ON_STREAMS: Final = frozenset({"XADD", "PUBLISH"})
_OF_A_RUN: Final = re.compile(r"chat:[0-9a-f-]+:run:[0-9a-f-]+\Z")
"""The one kind of stream that holds words: an answer on its way to who asked, for minutes, erased
by its key."""


@dataclass
class Watch:
    """What one test has planted, and what was written meanwhile."""

    planted: set[str] = field(default_factory=lambda: set(ALWAYS))
    everything: dict[str, str] = field(default_factory=lambda: dict.fromkeys(ALWAYS, "factories"))
    """Of the whole run, with the test that planted it: for what is looked through at its end."""
    test: str = ""
    written: list[tuple[str, str]] = field(default_factory=list)

    def begin(self, test: str) -> None:
        """Another test."""
        self.test, self.planted, self.written = test, set(ALWAYS), []

    def plant(self, request: httpx.Request) -> None:
        """The personal values of a request."""
        if request.method in {"POST", "PUT", "PATCH"} and PATHS.search(request.url.path):
            try:
                values = set(_personal(json.loads(request.content)))
            except (httpx.RequestNotRead, ValueError, RecursionError):
                return  # a stream, a form, or nothing that anybody could read
            self.planted |= values
            self.everything |= dict.fromkeys(values, self.test)

    def note(self, where: str, *said: object) -> None:
        """Something was written where no personal data may be."""
        self.written.append((where, " ".join(map(str, said))))

    def found(self) -> list[str]:
        """Each planted value that turned up, and where."""
        return [
            f"{where}: {value!r} in {said[:300]!r}"
            for where, said in self.written
            for value in leaked(said, self.planted)
        ]

    def found_in(self, where: str, text: str) -> list[str]:
        """The same for what other processes wrote during the whole run, and which test it was."""
        return [
            f"{where}: {value!r}, planted by {self.everything[value]}"
            for value in leaked(text, self.everything)
        ]


WATCH: Final = Watch()


def leaked(text: str, planted: Iterable[str]) -> list[str]:
    """Which of the values are in the text, as they are or as JSON writes them."""
    return [
        value
        for value in sorted(planted)
        if value in text or (not value.isascii() and json.dumps(value)[1:-1] in text)
    ]


def pytest_collection_finish() -> None:
    """Whatever the tests use is imported by now; what nobody imported writes nothing."""
    _watch_requests()
    _watch_logs()
    _watch_events()
    _watch_streams()
    _watch_telemetry()


@pytest.fixture(autouse=True)
def nothing_personal_is_written(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fails the test whose values were written where none may be."""
    WATCH.begin(request.node.nodeid)
    yield
    found = WATCH.found()
    if found and request.node.get_closest_marker(MARKER) is None:
        pytest.fail("personal data was written:\n" + "\n".join(found[:10]), pytrace=False)


def _watch_requests() -> None:
    def before(_client: Any, request: httpx.Request, **_: Any) -> None:
        WATCH.plant(request)

    _before(httpx.AsyncClient, "send", before)
    _before(httpx.Client, "send", before)


def _watch_logs() -> None:
    ours = sys.modules.get("chassis.observability.logging")
    if ours is not None:
        _before(ours._Stdout, "write", lambda _out, text: WATCH.note("log", text))  # noqa: SLF001

    def record(_logger: logging.Logger, record: logging.LogRecord) -> None:
        error = record.exc_info and record.exc_info[1]
        WATCH.note(
            f"log of {record.name}",
            record.getMessage(),
            "".join(traceback.format_exception(error)) if error else "",
        )

    _before(logging.Logger, "callHandlers", record)


def _watch_events() -> None:
    outbox: Any = sys.modules.get("chassis.messaging.outbox")
    if outbox is not None:
        published = outbox._values  # noqa: SLF001

        @functools.wraps(published)
        def values(session: Any, event: Any) -> dict[str, Any]:
            row: dict[str, Any] = published(session, event)
            WATCH.note(f"event {row['event_type']}", row["envelope"])
            return row

        outbox._values = values  # noqa: SLF001


def _watch_streams() -> None:
    client: Any = sys.modules.get("redis.asyncio.client")
    if client is None:
        return

    def sent(_redis: Any, *command: Any, **_: Any) -> None:
        if command and command[0] in _ON_STREAMS and not _OF_A_RUN.match(_text(command[1])):
            WATCH.note(f"{command[0]} {command[1]}", *map(_text, command[2:]))

    _before(client.Redis, "execute_command", sent)
    _before(client.Pipeline, "execute_command", sent)


def _watch_telemetry() -> None:
    metrics: Any = sys.modules.get("prometheus_client.metrics")
    if metrics is not None:
        _before(
            metrics.MetricWrapperBase,
            "labels",
            lambda metric, *values, **named: WATCH.note(
                f"label of {metric._name}",  # noqa: SLF001
                *values,
                *named.values(),
            ),
        )
    spans: Any = sys.modules.get("opentelemetry.sdk.trace")
    if spans is not None:
        _before(
            spans.Span,
            "end",
            lambda span, *_, **__: WATCH.note(
                f"span {span.name}",
                dict(span.attributes or {}),
                [(each.name, dict(each.attributes or {})) for each in span.events],
            ),
        )


def _before(owner: Any, name: str, watch: Callable[..., None]) -> None:
    """Has `watch` see every call of a method first. Once: pytest may be run within a test."""
    method = getattr(owner, name)
    if getattr(method, "is_watched", False):
        return

    @functools.wraps(method)
    def watched(*args: Any, **kwargs: Any) -> Any:
        watch(*args, **kwargs)
        return method(*args, **kwargs)

    watched.is_watched = True  # type: ignore[attr-defined]  # a mark of ours
    setattr(owner, name, watched)


def _personal(value: Any, name: str = "") -> Iterator[str]:
    """The values of personal fields, however deep."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _personal(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _personal(inner, name)
    elif isinstance(value, str) and name in PERSONAL and len(value.strip()) >= _SHORTEST:
        yield value.strip()[:_MOST]


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
