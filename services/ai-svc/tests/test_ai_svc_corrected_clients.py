"""A client is corrected between two questions: what the assistant remembers is not used with the
old value any more, and the record of what was said stays."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from access_factories import AURORA, CoreApi
from ai_svc_erasing import Asking
from ai_svc_with_core_api import Beside
from memory_factories import Chat, make_chat
from redis.asyncio import Redis

from ai_svc.modules.memory import following
from ai_svc.modules.memory.corrected import corrected
from ai_svc.modules.memory.service import Recalled
from chassis.data.columns import utc_now
from shared_schemas.events import ClientUpdated
from shared_schemas.ids import new_id
from shared_schemas.privacy import MAX_SUBJECT_IDS

pytestmark = pytest.mark.committed

OLD, NEW = "(11) 97651-2349", "(21) 98888-7777"
SAID = f"O telefone de Maria Souza é {OLD}."
LATEST = """
SELECT envelope FROM crm.outbox WHERE event_type = 'client.updated' ORDER BY position DESC LIMIT 1
"""


async def _maria(both: Beside) -> UUID:
    fields = {
        "name": "Maria Souza",
        "phones": [{"number": OLD}],
        "addresses": [{"uf": "SP", "city": "São Paulo", "street": "Rua Velha", "number": "7"}],
    }
    maria = await both.at_core_api("ana").made("/api/v1/clients", fields)
    core_api = CoreApi(both.app)
    await core_api.purposes()
    await core_api.granted(UUID(maria["id"]))
    return UUID(maria["id"])


async def _corrected(
    both: Beside, superuser: asyncpg.Connection, client_id: UUID, **fields: Any
) -> None:
    """By core-api, whose event arrives."""
    changed = await both.at_core_api("ana").patch(f"/api/v1/clients/{client_id}", fields)
    assert changed.status_code == 200, changed.text
    event = ClientUpdated.model_validate_json(await superuser.fetchval(LATEST))
    assert event.payload.client_id == client_id
    async with both.workshop.database.transaction(AURORA) as session:
        await following.follow_client(session, event)


async def _talked(both: Beside, client_id: UUID) -> Chat:
    """In this conversation, and in an earlier one."""
    earlier = await make_chat(both.app)
    await earlier.say(f"O telefone {OLD} de Maria atende?", client_id)
    chat = await make_chat(both.app)
    await chat.reply(await chat.say("Qual é o telefone?", client_id), SAID, client_id)
    await chat.told(f"Lembre que o telefone de Maria é {OLD}.", client_id)
    await chat.told("Lembre que Maria atende o telefone à tarde.", client_id)
    await chat.words()  # at hand from now on
    return chat


def _told(recalled: Recalled) -> list[str]:
    return [
        *(turn.content for turn in recalled.turns),
        *(fact.text for fact in recalled.facts),
        *(preview.text for preview in recalled.earlier),
        recalled.summary or "",
    ]


async def test_from_the_next_question_on_the_old_value_is_used_no_more(
    both: Beside, superuser: asyncpg.Connection, redis: Redis
) -> None:
    maria = await _maria(both)
    chat = await _talked(both, maria)
    before = _told(await chat.recall("E o telefone dela atende?"))
    assert sum(OLD in each for each in before) == 4
    record = await superuser.fetch("SELECT content FROM ai.conversation_messages ORDER BY id")

    await _corrected(both, superuser, maria, phones=[{"number": NEW}])
    await chat.say(f"Agora é {NEW}?", maria)
    recalled = await chat.recall("E o telefone dela atende?")

    told = _told(recalled)
    assert [each for each in told if "7651" in each] == []
    assert SAID.replace(OLD, "[telefone]") in told
    assert f"Agora é {NEW}?" in told
    assert [fact.text for fact in recalled.facts] == ["Maria atende o telefone à tarde."]
    assert [each.text for each in recalled.earlier] == ["O telefone [telefone] de Maria atende?"]
    assert maria in recalled.client_ids
    rows = await superuser.fetch("SELECT content FROM ai.conversation_messages ORDER BY id")
    assert rows[: len(record)] == record
    assert await redis.exists(chat.key) == 1


async def test_a_name_that_became_longer_is_not_taken_for_an_old_one(
    both: Beside, superuser: asyncpg.Connection
) -> None:
    maria = await _maria(both)
    chat = await make_chat(both.app)

    await _corrected(both, superuser, maria, name="Maria Souza Lima")
    await chat.told("Lembre que Maria Souza Lima atende à tarde.", maria)

    recalled = await chat.recall("Quando ela atende?")
    assert [fact.text for fact in recalled.facts] == ["Maria Souza Lima atende à tarde."]


async def test_so_many_corrected_that_nobody_can_be_asked_of_are_used_as_none() -> None:
    now = utc_now()
    corrections = {new_id(): (now, None) for _ in range(MAX_SUBJECT_IDS + 1)}
    nobody: Any = None

    found = await corrected(nobody, nobody, corrections)

    assert not any(found.may_use([each], now - timedelta(minutes=1)) for each in corrections)


async def test_what_no_text_can_be_searched_for_is_not_used_at_all(
    both: Beside, superuser: asyncpg.Connection
) -> None:
    maria = await _maria(both)
    chat = await _talked(both, maria)
    await chat.say("Bom dia.")
    address = {"uf": "SP", "city": "São Paulo", "street": "Rua Nova", "number": "8"}

    await _corrected(both, superuser, maria, addresses=[address])
    await chat.told("Lembre que o telefone de Maria é novo.", maria)
    recalled = await chat.recall("E o telefone dela atende?")

    assert [turn.content for turn in recalled.turns] == [
        "Bom dia.",
        "Lembre que o telefone de Maria é novo.",
    ]
    assert [fact.text for fact in recalled.facts] == ["O telefone de Maria é novo."]
    assert list(recalled.earlier) == []


async def test_nothing_older_is_used_while_core_api_does_not_say_what_is_old(
    both: Beside, superuser: asyncpg.Connection
) -> None:
    maria, other = await _maria(both), new_id()
    await CoreApi(both.app).granted(other)
    chat = await _talked(both, maria)
    await chat.say(f"Outra pessoa tem o {OLD}.", other)
    await _corrected(both, superuser, maria, name="Maria de Souza Lima")
    both.wire.before = lambda _: httpx.ConnectError("down")

    recalled = await chat.recall("E o telefone dela atende?")

    assert _told(recalled) == [f"Outra pessoa tem o {OLD}.", ""]


async def test_who_was_not_corrected_costs_core_api_nothing(
    both: Beside, superuser: asyncpg.Connection
) -> None:
    maria = await _maria(both)
    chat = await _talked(both, maria)
    await _corrected(both, superuser, maria, tags=["atende"])
    both.wire.asked.clear()

    told = _told(await chat.recall("E o telefone dela atende?"))

    assert SAID in told
    assert both.wire.asked == []


async def test_in_any_order_and_repeated_the_latest_correction_stands(
    both: Beside, asking: Asking, superuser: asyncpg.Connection
) -> None:
    maria = new_id()
    events = [
        ClientUpdated.caused(
            organization_id=AURORA, correlation_id="c", client_id=maria, changed=changed
        )
        for changed in (("phones",), ("addresses",), ("notes",), ("name",))
    ]
    for event in (events[3], events[1], events[0], events[2], events[3]):
        async with both.workshop.database.transaction(AURORA) as session:
            await following.follow_client(session, event)

    row = await superuser.fetchrow("SELECT * FROM ai.client_corrections")
    assert (row["corrected_at"], row["unfindable_at"]) == (
        events[3].timestamp,
        events[1].timestamp,
    )
    assert row["corrected_at"] <= utc_now()

    await asking.erase(maria)
    async with both.workshop.database.transaction(AURORA) as session:
        await following.follow_client(session, events[3])

    assert await superuser.fetchval("SELECT count(*) FROM ai.client_corrections") == 0
