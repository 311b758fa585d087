"""Which provider may see what: the organization's policy, the installation's, the purposes in force
and the register of transfers, asked before each request for what the call carries by then."""

from collections.abc import AsyncIterator
from typing import Final

import asyncpg
import pytest
from access_factories import MARKETING, SERVICE, CoreApi
from ai_svc_brain import (
    HERE,
    Carried,
    Wires,
    answered,
    call_of,
    chain_of,
    thinking_through,
)
from ai_svc_factories import HOLIDAYS, Person
from fastapi import FastAPI
from pydantic_ai import Agent
from wire.anthropic_wire import AnthropicWire
from wire.openai_wire import OpenAIWire
from wire.replies import Stalls, ToolCall, says

from ai_svc.modules.providers.service import Chain, Kept
from devstack.people import PEOPLE
from shared_schemas.ids import OrganizationId, new_id

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("clean")]

CLIENT: Final = new_id()
POLICY: Final = "/api/v1/ai/providers/policy"
BOREAL: Final = OrganizationId(PEOPLE["beto"].organization.id)


@pytest.fixture
async def wires() -> AsyncIterator[Wires]:
    async with AnthropicWire.open() as first, OpenAIWire.open() as second:
        first.always(says("Do primeiro."))
        second.always(says("Do segundo."))
        yield {"anthropic": first, "openai": second}


@pytest.fixture
async def core_api(app: FastAPI, clean: None) -> CoreApi:
    """Two purposes in use, one of which the client consented to."""
    core_api = CoreApi(app)
    await core_api.purposes()
    await core_api.granted(CLIENT)
    return core_api


def about_a_client() -> Carried:
    return Carried(client_ids={CLIENT})


async def decide(person: Person, **fields: object) -> None:
    given = {"providers": ["anthropic", "openai"], "personal_data": [], "countries": None}
    response = await person.call("PUT", POLICY, json=given | fields)
    assert response.status_code == 200, response.text


def was_kept(chain: Chain) -> bool:
    return (
        [said.provider for said in chain.answered] == ["builtin"]
        and chain.answered[0].kept is Kept.POLICY
        and chain.kept_by_policy
    )


@pytest.mark.parametrize("streaming", [False, True])
async def test_about_a_client_nobody_abroad_is_asked_without_an_entry_and_the_answer_can_say_so(
    app: FastAPI, wires: Wires, core_api: CoreApi, streaming: bool
) -> None:
    async with thinking_through(app, wires) as brain:
        chain = await chain_of(brain, call_of(about_a_client()))
        assert await answered(chain, streaming=streaming) == HERE

    assert was_kept(chain)
    assert [wire.asked for wire in wires.values()] == [[], []]


async def test_whom_the_register_bears_is_asked_and_others_are_passed_over(
    app: FastAPI, wires: Wires, core_api: CoreApi
) -> None:
    await core_api.transfer(SERVICE)  # to OpenAI

    async with thinking_through(app, wires) as brain:
        chain = await chain_of(brain, call_of(about_a_client()))
        assert await answered(chain, streaming=False) == "Do segundo."

    assert wires["anthropic"].asked == []
    assert not chain.kept_by_policy


async def test_at_home_a_purpose_in_force_is_enough_and_none_is_not(
    app: FastAPI, wires: Wires, core_api: CoreApi
) -> None:
    async with thinking_through(app, wires, anthropic_country="BR") as brain:
        chain = await chain_of(brain, call_of(about_a_client()))
        assert await answered(chain, streaming=False) == "Do primeiro."
        await core_api.blocked(CLIENT)
        assert await answered(chain, streaming=False) == HERE

    assert chain.kept_by_policy
    assert len(wires["anthropic"].asked) == 1


async def test_every_client_that_is_carried_must_be_borne_whichever_is_looked_at_first(
    app: FastAPI, wires: Wires, core_api: CoreApi
) -> None:
    await core_api.transfer(MARKETING, SERVICE)

    async with thinking_through(app, wires) as brain:
        for _ in range(8):  # a set has them in any order
            await core_api.blocked(blocked := new_id())
            chain = await chain_of(brain, call_of(Carried(client_ids={CLIENT, blocked})))
            assert await answered(chain, streaming=False) == HERE
            assert was_kept(chain)


async def test_what_a_tool_brings_in_counts_from_the_next_request_of_the_run_on(
    app: FastAPI, wires: Wires, core_api: CoreApi
) -> None:
    carried = Carried()
    wires["anthropic"].then(says("", ToolCall("get_client", {})))
    async with thinking_through(app, wires) as brain:
        chain = await chain_of(brain, call_of(carried))
        agent = Agent(chain)

        @agent.tool_plain
        def get_client() -> str:
            carried.client_ids.add(CLIENT)
            return "Jacira, limite de R$ 7.319,00"

        assert (await agent.run("Qual é o limite dela?")).output == HERE

    assert [said.provider for said in chain.answered] == ["anthropic", "builtin"]
    assert chain.kept_by_policy
    assert not any("Jacira" in asked.text for wire in wires.values() for asked in wire.asked)


async def test_a_document_about_a_client_is_asked_about_and_one_for_everybody_is_not(
    app: FastAPI, wires: Wires, core_api: CoreApi, ana: Person
) -> None:
    theirs = await ana.index(
        "O limite de crédito da cliente Jacira é de R$ 7.319,00.",
        visibility="client",
        client_id=str(CLIENT),
        purpose_code=SERVICE,
        legal_basis="contract",
    )
    everybodys = await ana.index(HOLIDAYS)

    at_home = {"anthropic_country": "BR"}
    async with thinking_through(app, wires, anthropic_personal_data=False, **at_home) as brain:
        open_call = call_of(Carried(document_ids={everybodys}))
        assert await answered(await chain_of(brain, open_call), streaming=False) == "Do primeiro."
        chain = await chain_of(brain, call_of(Carried(document_ids={everybodys, theirs})))
        assert await answered(chain, streaming=False) == HERE
        assert was_kept(chain)
        await core_api.transfer(SERVICE)
        assert await answered(chain, streaming=False) == "Do segundo."

    assert len(wires["anthropic"].asked) == 1


@pytest.mark.usefixtures("core_api")
async def test_who_may_not_see_personal_data_here_is_asked_all_the_rest(
    app: FastAPI, wires: Wires
) -> None:
    at_home = {"anthropic_country": "BR", "openai_country": "BR"}
    async with thinking_through(app, wires, anthropic_personal_data=False, **at_home) as brain:
        assert await answered(await chain_of(brain), streaming=False) == "Do primeiro."
        chain = await chain_of(brain, call_of(about_a_client()))
        assert await answered(chain, streaming=False) == "Do segundo."


@pytest.mark.usefixtures("core_api")
async def test_an_organization_decides_order_countries_and_who_sees_personal_data(
    app: FastAPI, wires: Wires, ana: Person
) -> None:
    at_home = {"anthropic_country": "BR", "openai_country": "BR"}
    async with thinking_through(app, wires, **at_home) as brain:
        await decide(ana, providers=["openai", "anthropic"])
        assert await answered(await chain_of(brain), streaming=False) == "Do segundo."

        about = await chain_of(brain, call_of(about_a_client()))
        assert await answered(about, streaming=False) == HERE
        await decide(ana, personal_data=["anthropic"])
        assert await answered(about, streaming=False) == "Do primeiro."

        await decide(ana, countries=["US"])
        assert await answered(await chain_of(brain), streaming=False) == HERE
        assert not await brain.has_provider(call_of().organization_id)

        await decide(ana, providers=[])
        none = await chain_of(brain)
        assert await answered(none, streaming=False) == HERE
        assert none.answered[0].kept is Kept.NO_PROVIDER


async def test_a_decision_holds_for_the_next_request_of_a_run_that_is_going_on(
    app: FastAPI, wires: Wires, ana: Person
) -> None:
    async with thinking_through(app, wires) as brain:
        chain = await chain_of(brain)
        assert await answered(chain, streaming=False) == "Do primeiro."
        await decide(ana, providers=["openai"])
        assert await answered(chain, streaming=False) == "Do segundo."


async def test_what_one_organization_decides_or_may_send_is_nothing_to_another(
    app: FastAPI, wires: Wires, ana: Person, core_api: CoreApi
) -> None:
    await decide(ana, providers=[])
    await core_api.transfer(SERVICE)

    async with thinking_through(app, wires) as brain:
        theirs = call_of(organization_id=BOREAL)
        assert await answered(await chain_of(brain, theirs), streaming=False) == "Do primeiro."
        about = await chain_of(brain, call_of(about_a_client(), organization_id=BOREAL))
        assert await answered(about, streaming=False) == HERE

    assert was_kept(about)


async def test_who_failed_and_who_may_not_is_told_from_nobody_may(
    app: FastAPI, wires: Wires, core_api: CoreApi
) -> None:
    await core_api.transfer(SERVICE)
    wires["openai"].always(Stalls())

    async with thinking_through(app, wires, time_limit_seconds=0.3) as brain:
        chain = await chain_of(brain, call_of(about_a_client()))
        assert await answered(chain, streaming=False) == HERE

    assert [said.kept for said in chain.answered] == [Kept.UNAVAILABLE]
    assert not chain.kept_by_policy


async def test_nothing_is_booked_for_who_was_not_asked(
    app: FastAPI, wires: Wires, core_api: CoreApi, superuser: asyncpg.Connection
) -> None:
    async with thinking_through(app, wires) as brain:
        await answered(await chain_of(brain, call_of(about_a_client())), streaming=True)

    assert await superuser.fetchval("SELECT count(*) FROM ai.usage_entries") == 0
