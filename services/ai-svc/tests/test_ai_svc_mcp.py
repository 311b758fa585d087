"""The official MCP client talks to us: the skills of its person, and nothing beyond."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from ai_svc_factories import HOLIDAYS, Person
from ai_svc_serving import served
from ai_svc_with_core_api import Beside
from core_api_factories import make_client, make_ticket
from fastapi import FastAPI
from mcp import types
from mcp.client.client import Client
from mcp.client.streamable_http import streamable_http_client

from devstack.token_factory import TokenFactory

pytestmark = pytest.mark.committed
PATH = "/api/v1/ai/mcp"
PROPOSING = {"draft_reply", "propose_triage", "create_ticket"}


@asynccontextmanager
async def speaking(url: str, token: str, mode: str = "auto") -> AsyncIterator[Client]:
    """The official client with somebody's token. `legacy`: as clients of before 2026 begin."""
    headers = {"authorization": f"Bearer {token}"}
    async with (
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(f"{url}{PATH}", http_client=http), mode=mode) as client,
    ):
        yield client


def said(result: types.CallToolResult) -> str:
    return "".join(each.text for each in result.content if isinstance(each, types.TextContent))


@pytest.fixture
async def url(app: FastAPI) -> AsyncIterator[str]:
    """Where the service listens."""
    async with served(app) as url:
        yield url


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_finds_and_uses_the_skills(
    url: str, both: Beside, ana: Person, token_factory: TokenFactory, mode: str
) -> None:
    await ana.index(HOLIDAYS, "Benefícios")

    async with speaking(url, token_factory.token("bruno"), mode) as client:
        listed = await client.list_tools()
        found = await client.call_tool("search_knowledge", {"query": "dias de férias"})
        summed = await client.call_tool("calculate", {"expression": "30 * 2"})

    names = {tool.name for tool in listed.tools}
    assert {"search_knowledge", "get_client", "get_ticket"} | PROPOSING <= names
    assert "confirm" not in "".join(names)
    by_name = {tool.name: tool for tool in listed.tools}
    assert by_name["get_client"].annotations is not None
    assert by_name["get_client"].annotations.read_only_hint
    assert by_name["get_client"].input_schema["additionalProperties"] is False
    assert "30 dias corridos" in said(found)
    assert said(found).startswith('<dados origem="documento"')
    assert "60" in said(summed)


async def test_each_person_has_their_own_skills_and_tenant(
    url: str, both: Beside, ana: Person, token_factory: TokenFactory
) -> None:
    await ana.index(HOLIDAYS, "Benefícios")
    client = await make_client(both.at_core_api("ana"))

    async with speaking(url, token_factory.token("vera")) as vera:
        hers = {tool.name for tool in (await vera.list_tools()).tools}
        refused = await vera.call_tool("create_ticket", {"client_id": client["id"]})
    async with speaking(url, token_factory.token("beto")) as beto:
        his = await beto.call_tool("search_knowledge", {"query": "dias de férias"})
        foreign = await beto.call_tool("get_client", {"client_id": client["id"]})

    assert not hers & PROPOSING
    assert refused.is_error
    assert "30 dias" not in said(his)
    assert foreign.is_error
    assert client["name"] not in said(foreign)


async def test_what_would_write_only_proposes(
    url: str, both: Beside, person: object, token_factory: TokenFactory
) -> None:
    ticket = await make_ticket(both.at_core_api("bruno"))
    given = {"ticket_id": ticket["id"], "body": "A certidão sai amanhã."}

    async with speaking(url, token_factory.token("bruno")) as client:
        result = await client.call_tool("draft_reply", given)

    assert not result.is_error
    assert result.structured_content["proposal"]["status"] == "pending"
    assert both.wire.writes() == []


async def test_no_session_is_kept_so_any_replica_answers(
    url: str, app: FastAPI, both: Beside, token_factory: TokenFactory
) -> None:
    async with served(app) as other, speaking(url, token_factory.token("ana"), "legacy"):
        headers = {
            "authorization": f"Bearer {token_factory.token('ana')}",
            "accept": "application/json, text/event-stream",
        }
        call = {"jsonrpc": "2.0", "id": 7, "method": "tools/list"}
        async with httpx2.AsyncClient(headers=headers) as http:
            answer = await http.post(f"{other}{PATH}", json=call)  # never initialised there

    assert answer.status_code == 200
    assert "mcp-session-id" not in answer.headers
    assert answer.json()["result"]["tools"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"host": "evil.example.invalid"}, 421),
        ({"host": "localhost.evil.example.invalid"}, 421),
        ({"origin": "https://evil.example.invalid"}, 403),
        ({"origin": "null"}, 403),
        ({"authorization": "Bearer x.y.z"}, 401),
        ({"content-type": "text/plain"}, 400),
    ],
)
async def test_pages_that_point_their_name_here_are_turned_away(
    url: str, both: Beside, token_factory: TokenFactory, headers: dict[str, str], status: int
) -> None:
    good = {
        "authorization": f"Bearer {token_factory.token('ana')}",
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
    }
    body = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}'
    async with httpx2.AsyncClient() as http:
        ours = await http.post(f"{url}{PATH}", content=body, headers=good)
        theirs = await http.post(f"{url}{PATH}", content=body, headers=good | headers)

    assert (ours.status_code, theirs.status_code) == (200, status)
