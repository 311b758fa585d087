"""Live updates: in order, resumed without loss, and never another organization's."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from core_api_factories import Person, PersonOf
from core_api_stream import Listening
from fastapi import FastAPI
from redis.asyncio import Redis

from chassis.messaging.streams import ENVELOPE, stream_of
from chassis.web.live import hub as hubs
from chassis.web.live.hub import Hub
from chassis.web.live.positions import Position
from chassis.web.live.reader import LiveReader
from chassis.web.live.updates import LiveUpdates
from core_api.modules.live.programme import PROGRAMME
from devstack.people import AURORA, BOREAL
from shared_schemas.events import BaseEvent, ClientUpdated, PrivacyErasureRequested, TicketUpdated
from shared_schemas.ids import OrganizationId, new_id


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    """An empty Redis database."""
    client = Redis.from_url(redis_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture
def hub(app: FastAPI) -> Hub:
    """A process that has just begun."""
    app.state.live = LiveUpdates(PROGRAMME)
    hub: Hub = app.state.live.hub
    return hub


@pytest.fixture
async def reader(redis: Redis, hub: Hub) -> LiveReader:
    reader = LiveReader(redis, hub, PROGRAMME)
    await reader.start()
    return reader


def happening(organization: Any = AURORA, event: type[BaseEvent] = TicketUpdated) -> BaseEvent:
    ids: dict[str, Any] = {"ticket_id": new_id(), "client_id": new_id(), "changed": ("status",)}
    if event is PrivacyErasureRequested:
        ids = {"client_id": new_id(), "privacy_request_id": new_id()}
    return event.caused(
        organization_id=OrganizationId(organization.id), correlation_id="test", **ids
    )


async def publish(redis: Redis, *events: BaseEvent) -> None:
    """As the relay does; then waits for the server's millisecond to be over."""
    for event in events:
        await redis.xadd(stream_of(event.event_type), {ENVELOPE: event.model_dump_json()})
    seconds, microseconds = await redis.time()
    now = seconds * 1000 + microseconds // 1000
    while (later := await redis.time())[0] * 1000 + later[1] // 1000 <= now:
        pass


async def listen(app: FastAPI, person: Person, last: str | None = None, **more: Any) -> Listening:
    headers = dict(person.headers) | ({"last-event-id": last} if last else {})
    return await Listening(app, headers, **more).begin()


async def test_an_event_is_told_with_ids_only(
    app: FastAPI, redis: Redis, reader: LiveReader, bruno: Person
) -> None:
    line = await listen(app, bruno)
    event = happening()

    await publish(redis, event)
    assert await reader.read_once() == 1

    await line.named("ready")
    told = await line.named("ticket.updated")
    assert told.data == {
        "type": "ticket.updated",
        "occurred_at": event.timestamp.isoformat(),
        "actor_id": None,
        "payload": json.loads(event.payload.model_dump_json()),
    }
    await line.hang_up()


async def test_two_organizations_interleaved_hear_of_their_own_only(
    app: FastAPI, redis: Redis, reader: LiveReader, ana: Person, beto: Person
) -> None:
    lines = {AURORA.id: await listen(app, ana), BOREAL.id: await listen(app, beto)}
    organizations, kinds = (AURORA, BOREAL), (TicketUpdated, ClientUpdated)
    events = [happening(one, kind) for kind in kinds for one in organizations]
    mixed = [happening(organizations[i % 2], kinds[i % 3 % 2]) for i in range(60)]

    await publish(redis, *events, *mixed)
    await reader.read_once()

    for organization_id, line in lines.items():
        await line.settle()
        told = [each for each in line.unread() if each.event != "ready"]
        own = [e for e in (*events, *mixed) if e.organization_id == organization_id]
        heard = {each.data["payload"]["client_id"] for each in told}
        assert len(told) == len(own) == 32
        assert heard == {str(e.payload.client_id) for e in own}  # type: ignore[attr-defined]  # both kinds have one
        await line.hang_up()


async def test_who_may_not_read_it_does_not_hear_of_it(
    app: FastAPI, redis: Redis, reader: LiveReader, davi: Person, bruno: Person
) -> None:
    officer, attendant = await listen(app, davi), await listen(app, bruno)

    await publish(redis, happening(event=PrivacyErasureRequested))
    await reader.read_once()
    await attendant.settle()

    assert [each.event for each in attendant.unread()] == ["ready"]
    await officer.named("ready")
    await officer.named("privacy.erasure_requested")
    for line in (officer, attendant):
        await line.hang_up()


async def test_broken_off_anywhere_it_resumes_without_loss_or_repetition(
    app: FastAPI, redis: Redis, reader: LiveReader, bruno: Person
) -> None:
    events = [happening(event=(TicketUpdated, ClientUpdated)[i % 2]) for i in range(30)]
    expected = [str(e.payload.client_id) for e in events]  # type: ignore[attr-defined]  # both kinds have one
    line = await listen(app, bruno)
    last = (await line.named("ready")).id
    heard: list[str] = []
    for number, event in enumerate(events):
        await publish(redis, event)
        await reader.read_once()
        if number % 3 == 0:
            told = await line.next()
            heard.append(told.data["payload"]["client_id"])
            last = told.id
            if number % 2 == 0:
                await line.hang_up()  # while nothing was lost yet, or in the middle of it
                line = await listen(app, bruno, last)
        if number % 3 == 2:
            for told in line.unread():
                if told.event != "ready":
                    heard.append(told.data["payload"]["client_id"])
                    last = told.id
            await line.hang_up()
            line = await listen(app, bruno, last)
    await line.settle()
    heard += [t.data["payload"]["client_id"] for t in line.unread() if t.event != "ready"]
    await line.hang_up()

    # The queue may deliver in pieces, but each once and in the order of publishing.
    assert heard == expected


async def test_a_process_that_begins_knows_the_last_minutes(
    app: FastAPI, redis: Redis, reader: LiveReader, bruno: Person
) -> None:
    line = await listen(app, bruno)
    seen = (await line.named("ready")).id
    await line.hang_up()
    missed = [happening() for _ in range(5)]
    await publish(redis, *missed)

    app.state.live = LiveUpdates(PROGRAMME)
    await LiveReader(redis, app.state.live.hub, PROGRAMME).start()
    line = await listen(app, bruno, seen)

    told = [await line.named("ticket.updated") for _ in missed]
    assert [each.data["payload"]["ticket_id"] for each in told] == [
        str(e.payload.ticket_id)  # type: ignore[attr-defined]  # of tickets
        for e in missed
    ]
    await line.hang_up()


async def test_a_process_behind_the_one_before_repeats_nothing(
    app: FastAPI, redis: Redis, reader: LiveReader, hub: Hub, bruno: Person
) -> None:
    event = happening()
    await publish(redis, event)
    raw: Any = await redis.xrange(stream_of("ticket.updated"))
    position = Position.of_entry(raw[0][0].decode(), "ticket.updated")
    assert position > hub.position

    line = await listen(app, bruno, str(position))
    await reader.read_once()
    await line.settle()

    assert [each.event for each in line.unread()] == ["ready"]
    await line.hang_up()


@pytest.mark.parametrize(
    "last", ["nonsense", "1", "1000000000000-0.ticket.updated", "9999999999999"]
)
async def test_a_position_out_of_memory_is_answered_with_reset(
    app: FastAPI, reader: LiveReader, bruno: Person, last: str
) -> None:
    line = await listen(app, bruno, last)
    told = await line.named("reset")
    assert told.id is not None
    await line.hang_up()
    again = await listen(app, bruno, told.id)
    await again.named("ready")
    await again.hang_up()


async def test_more_than_is_remembered_of_one_organization_is_a_reset(
    app: FastAPI,
    redis: Redis,
    reader: LiveReader,
    bruno: Person,
    beto: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hubs, "MEMORY_PER_ORGANIZATION", 3)
    begun = []
    for person in (bruno, beto):
        line = await listen(app, person)
        begun.append((await line.named("ready")).id)
        await line.hang_up()
    await publish(redis, *(happening() for _ in range(5)), happening(BOREAL))
    await reader.read_once()

    busy, quiet = await listen(app, bruno, begun[0]), await listen(app, beto, begun[1])

    assert [told.event for told in (await busy.next(), await quiet.next())] == [
        "reset",
        "ticket.updated",
    ]
    for line in (busy, quiet):
        assert {told.event for told in line.unread()} <= {"ready"}
        await line.hang_up()


async def test_a_listener_that_does_not_keep_up_is_dropped_and_holds_nobody_up(
    app: FastAPI, redis: Redis, reader: LiveReader, hub: Hub, bruno: Person, vera: Person
) -> None:
    slow, quick = await listen(app, bruno, asleep=True), await listen(app, vera)
    await quick.named("ready")

    for _ in range(3):
        await publish(redis, *(happening() for _ in range(hubs.QUEUE - 10)))
        await reader.read_once()
        await quick.settle()

    assert hub.size == 1
    assert len(quick.unread()) == 3 * (hubs.QUEUE - 10)
    slow.wake()
    await slow.ended()
    told = slow.unread()
    assert told[-1].event == "reset"
    back = await listen(app, bruno, told[-1].id)
    assert (await back.next()).event in {"ready", "ticket.updated"}
    for line in (back, quick):
        await line.hang_up()


async def test_the_end_of_the_token_ends_the_connection(
    app: FastAPI, reader: LiveReader, hub: Hub, person: PersonOf
) -> None:
    soon = person("bruno", exp=int(time.time()) - 9)  # within the leeway of ten seconds
    line = await listen(app, soon)

    await line.ended()

    assert [each.event for each in line.unread()] == ["ready", "expired"]
    assert hub.size == 0


async def test_a_quiet_line_is_kept_open_by_comments(
    app: FastAPI, reader: LiveReader, bruno: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chassis.web.live.streaming.HEARTBEAT_SECONDS", 0.01)
    line = await listen(app, bruno)
    await line.named("ready")
    line._parse(await line._chunks.get())
    assert line.comments == 1
    await line.hang_up()


async def test_who_hangs_up_is_forgotten_at_once(
    app: FastAPI, reader: LiveReader, hub: Hub, bruno: Person
) -> None:
    line = await listen(app, bruno)
    await line.named("ready")
    assert hub.size == 1
    await line.hang_up()
    assert hub.size == 0


async def test_shutting_down_ends_everybody_and_takes_nobody_new(
    app: FastAPI, reader: LiveReader, hub: Hub, bruno: Person, vera: Person
) -> None:
    lines = [await listen(app, one) for one in (bruno, vera)]
    hub.close()
    for line in lines:
        await line.ended()
    late = await listen(app, bruno)
    await late.ended()
    assert (hub.size, late.status) == (0, 503)


async def test_nobody_without_a_token_listens_and_none_before_it_has_begun(
    app: FastAPI, hub: Hub, bruno: Person
) -> None:
    stranger = await Listening(app, {}).begin()
    await stranger.ended()
    early = await listen(app, bruno)
    await early.ended()
    assert (stranger.status, early.status) == (401, 503)


async def test_presence_is_passed_on_within_the_organization(
    app: FastAPI, reader: LiveReader, bruno: Person, beto: Person
) -> None:
    ours, theirs = await listen(app, bruno), await listen(app, beto)
    said = {"ticket_id": str(new_id()), "activity": "viewing"}

    reader.pass_on_saying(f"channel:{AURORA.id}:presence", json.dumps(said).encode())
    for broken in (b"{", b"[]", b"x" * 5000):
        reader.pass_on_saying(f"channel:{AURORA.id}:presence", broken)
    reader.pass_on_saying("channel:nobody:presence", b"{}")
    await theirs.settle()

    await ours.named("ready")
    told = await ours.named("presence")
    assert (told.data, told.id) == (said, None)
    assert [each.event for each in theirs.unread()] == ["ready"]
    for line in (ours, theirs):
        await line.hang_up()


async def test_an_entry_that_is_no_event_stops_nothing(
    app: FastAPI, redis: Redis, reader: LiveReader, bruno: Person
) -> None:
    line = await listen(app, bruno)
    await redis.xadd(stream_of("ticket.updated"), {ENVELOPE: b"{"})
    await publish(redis, event := happening())
    await reader.read_once()
    await line.named("ready")
    told = await line.named("ticket.updated")
    assert told.data["payload"] == event.model_dump(mode="json")["payload"]
    assert line.unread() == []
    await line.hang_up()


async def test_thousands_hear_of_it_at_once(
    app: FastAPI, redis: Redis, reader: LiveReader, hub: Hub, bruno: Person, beto: Person
) -> None:
    lines = [await listen(app, beto if i % 10 == 0 else bruno) for i in range(2_000)]
    for line in lines:
        await line.named("ready")
    await publish(redis, *(happening() for _ in range(10)))

    began = time.perf_counter()
    await reader.read_once()
    heard = await asyncio.gather(*(lines[i].next() for i in range(2_000) if i % 10))
    seconds = time.perf_counter() - began

    assert len(heard) == 1_800
    assert all(not lines[i].unread() for i in range(0, 2_000, 10))
    assert seconds < 5, "0.2 s on a quiet machine"
    await asyncio.gather(*(line.hang_up() for line in lines))
    assert hub.size == 0
