"""Who is at a ticket: seen by colleagues, gone by itself, worth no error."""

import asyncio
import json
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest
from core_api_factories import TICKETS, Person, make_ticket, without_request_id
from core_api_teams import id_of
from fastapi import FastAPI
from redis.asyncio import Redis

from chassis.web.resources import Resources
from core_api.modules.presence.board import EXPIRES_AFTER, PresenceBoard, channel
from core_api.modules.presence.schemas import Activity
from devstack.people import AURORA, BOREAL
from shared_schemas.ids import OrganizationId, UserId, new_id

ORGANIZATION = OrganizationId(AURORA.id)


@pytest.fixture
async def redis(resources: Resources) -> Redis:
    """The service's Redis, without what others left at tickets."""
    async for key in resources.redis.scan_iter("presence:*"):
        await resources.redis.delete(key)
    return resources.redis


def _path(ticket: dict[str, Any]) -> str:
    return f"{TICKETS}/{ticket['id']}/presence"


async def _put(person: Person, ticket: dict[str, Any], activity: str) -> list[dict[str, Any]]:
    answer = await person.call("PUT", _path(ticket), json={"activity": activity})
    assert answer.status_code == 200, answer.text
    here: list[dict[str, Any]] = answer.json()["data"]
    return here


def _who(here: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(one["member_id"], one["activity"]) for one in here]


async def test_colleagues_see_each_other(ana: Person, bruno: Person, redis: Redis) -> None:
    ticket = await make_ticket(ana)
    me, them = await id_of(ana), await id_of(bruno)

    await _put(ana, ticket, "viewing")
    here = await _put(bruno, ticket, "viewing")
    replying = await _put(bruno, ticket, "replying")

    assert _who(here) == [(me, "viewing"), (them, "viewing")]
    assert _who(replying) == [(me, "viewing"), (them, "replying")]
    assert replying[1]["since"] >= here[1]["since"]
    left = await ana.delete(_path(ticket))
    assert left.status_code == 204
    assert _who(await bruno.seen(_path(ticket))) == [(them, "replying")]


async def test_saying_it_again_keeps_the_beginning(ana: Person, redis: Redis) -> None:
    ticket = await make_ticket(ana)

    (first,) = await _put(ana, ticket, "viewing")
    (again,) = await _put(ana, ticket, "viewing")

    assert again["since"] == first["since"]
    assert again["expires_at"] >= first["expires_at"]


async def test_it_is_gone_by_itself(ana: Person, bruno: Person, redis: Redis) -> None:
    ticket = await make_ticket(ana)
    await _put(ana, ticket, "viewing")
    await _put(bruno, ticket, "viewing")
    key = f"presence:{ORGANIZATION}:{ticket['id']}"
    milliseconds = EXPIRES_AFTER.total_seconds() * 1000
    assert 0 < await redis.pttl(key) <= milliseconds
    # As if bruno had said it for the last time a minute ago.
    await redis.hset(key, await id_of(bruno), "viewing 1000 2000")

    seen = await ana.seen(_path(ticket))
    await _put(ana, ticket, "viewing")

    assert _who(seen) == [(await id_of(ana), "viewing")]
    assert await redis.hlen(key) == 1
    await redis.pexpire(key, 1)
    await asyncio.gather(*(redis.ping() for _ in range(50)))
    while await redis.exists(key):
        await redis.ping()
    assert await ana.seen(_path(ticket)) == []


async def test_whatever_changes_is_published_to_the_organization_alone(
    ana: Person, redis: Redis
) -> None:
    ticket = await make_ticket(ana)
    async with redis.pubsub() as ours, redis.pubsub() as theirs:
        await ours.subscribe(channel(ORGANIZATION))
        await theirs.subscribe(channel(OrganizationId(BOREAL.id)))
        for listener in (ours, theirs):
            assert (await listener.get_message(timeout=5) or {})["type"] == "subscribe"

        await _put(ana, ticket, "replying")
        await ana.delete(_path(ticket))

        told = [json.loads((await ours.get_message(timeout=5) or {})["data"]) for _ in range(2)]
        assert await theirs.get_message(timeout=0) is None
    assert [(one["ticket_id"], one["activity"]) for one in told] == [
        (ticket["id"], "replying"),
        (ticket["id"], None),
    ]
    assert {one["member_id"] for one in told} == {await id_of(ana)}


async def test_another_organization_sees_and_says_nothing(
    ana: Person, beto: Person, redis: Redis
) -> None:
    ticket = await make_ticket(ana)
    await _put(ana, ticket, "viewing")
    nobodys = {"id": str(new_id())}

    for method, body in (("GET", None), ("PUT", {"activity": "viewing"}), ("DELETE", None)):
        theirs = await beto.call(method, _path(ticket), json=body)
        unknown = await beto.call(method, _path(nobodys), json=body)
        assert theirs.status_code == unknown.status_code == 404
        assert without_request_id(theirs) == without_request_id(unknown)
    elsewhere = PresenceBoard(redis, OrganizationId(BOREAL.id))
    assert await elsewhere.at(UUID(ticket["id"])) == []


async def test_who_only_reads_can_look_but_not_answer(
    ana: Person, vera: Person, redis: Redis
) -> None:
    ticket = await make_ticket(ana)

    assert _who(await _put(vera, ticket, "viewing")) == [(await id_of(vera), "viewing")]
    replying = await vera.call("PUT", _path(ticket), json={"activity": "replying"})
    sleeping = await vera.call("PUT", _path(ticket), json={"activity": "sleeping"})
    assert (replying.status_code, sleeping.status_code) == (403, 422)


async def test_without_redis_nobody_is_seen_and_nothing_fails(ana: Person, app: FastAPI) -> None:
    ticket = await make_ticket(ana)
    away = Redis.from_url("redis://127.0.0.1:1")
    app.state.resources = replace(app.state.resources, redis=away)

    assert await _put(ana, ticket, "viewing") == []
    assert await ana.seen(_path(ticket)) == []
    assert (await ana.delete(_path(ticket))).status_code == 204
    await away.aclose()


async def test_fifty_at_one_ticket_are_all_there(redis: Redis) -> None:
    board, ticket_id = PresenceBoard(redis, ORGANIZATION), new_id()
    crew = [UserId(new_id()) for _ in range(50)]

    await asyncio.gather(*(board.say(ticket_id, one, Activity.VIEWING) for one in crew))

    assert {one.member_id for one in await board.at(ticket_id)} == set(crew)
