"""Whatever a model says, a call ends in a result, within permissions, sizes and times."""

import asyncio
import json
from typing import Any, Final

import pytest
from ai_svc_with_core_api import Beside
from core_api_factories import make_ticket
from pydantic import BaseModel
from pydantic_ai.messages import ToolReturn

from ai_svc.modules.skills import service as skills
from ai_svc.modules.skills.skill import Arguments, Skill, SkillContext, SkillResult
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed

ID: Final = str(new_id())
FITTING: Final[dict[str, dict[str, Any]]] = {
    "search_knowledge": {"query": "férias"},
    "find_clients": {"query": "julia"},
    "get_client": {"client_id": ID},
    "check_consent": {"client_id": ID},
    "list_tickets": {},
    "get_ticket": {"ticket_id": ID},
    "draft_reply": {"ticket_id": ID, "body": "Olá"},
    "propose_triage": {"ticket_id": ID, "priority": "high"},
    "create_ticket": {"client_id": ID, "subject": "Assunto", "description": "Texto"},
    "open_privacy_request": {"client_id": ID, "type": "access"},
    "calculate": {"expression": "1 + 1"},
    "current_date": {},
}
MAY_NOT: Final = {
    "ana": set(),
    "bruno": {"open_privacy_request"},
    "vera": {"draft_reply", "propose_triage", "create_ticket", "open_privacy_request"},
    "davi": {"get_ticket", "draft_reply", "propose_triage", "create_ticket"},
}
_FORBIDDEN: Final = "Quem pergunta não tem permissão para isto."


def test_every_skill_is_tried() -> None:
    assert set(FITTING) == set(skills.SKILLS)


@pytest.mark.parametrize("name", MAY_NOT)
async def test_each_role_may_what_it_may(both: Beside, name: str) -> None:
    refused = set()
    for skill, arguments in FITTING.items():
        both.wire.asked.clear()
        result = await both.call(name, skill, **arguments)
        if result.told == _FORBIDDEN:
            refused.add(skill)
            assert both.wire.asked == []  # nothing was even asked

    assert refused == MAY_NOT[name]


@pytest.mark.parametrize("name", MAY_NOT)
async def test_a_model_is_offered_what_the_asker_may(both: Beside, name: str) -> None:
    offered = {each.name for each in skills.tools_for(FITTING, both.context(name))}

    assert offered == set(FITTING) - MAY_NOT[name]


@pytest.mark.parametrize(
    ("skill", "arguments", "field"),
    [
        ("get_client", {}, "client_id"),
        ("get_client", {"client_id": "1 OR 1=1"}, "client_id"),
        ("get_client", {"client_id": "../../internal/v1/privacy"}, "client_id"),
        ("get_client", {"client_id": ID, "organization_id": ID}, "organization_id"),
        ("get_client", {"client_id": [ID]}, "client_id"),
        ("find_clients", {"query": ""}, "query"),
        ("find_clients", {"query": "x" * 201}, "query"),
        ("find_clients", {"query": "julia", "limit": 1_000}, "limit"),
        ("list_tickets", {"status": "' OR true --"}, "status"),
        ("check_consent", {"client_id": ID, "purpose_code": "../x"}, "purpose_code"),
        ("search_knowledge", {"query": "a", "top_k": 0}, "top_k"),
        ("propose_triage", {"ticket_id": ID}, "Informe a prioridade"),
        ("open_privacy_request", {"client_id": ID, "type": "everything"}, "type"),
        ("draft_reply", {"ticket_id": ID, "body": " "}, "body"),
    ],
)
async def test_arguments_that_do_not_fit_are_named(
    both: Beside, skill: str, arguments: dict[str, Any], field: str
) -> None:
    result = await both.call("ana", skill, **arguments)

    assert not result.ok
    assert result.told.startswith("Argumentos inválidos.")
    assert field in result.told
    assert both.wire.asked == []


@pytest.mark.parametrize("text", ["\u200b", "\x00", "\U000e0041\u202e"])
async def test_a_text_nobody_sees_is_not_proposed(both: Beside, text: str) -> None:
    ticket = await make_ticket(both.at_core_api("bruno"))

    result = await both.call("bruno", "draft_reply", ticket_id=ticket["id"], body=text)

    assert (result.ok, result.told) == (False, "O texto está vazio.")


async def test_a_question_of_odd_characters_finds_nothing(both: Beside) -> None:
    result = await both.call("bruno", "search_knowledge", query="\x00\u200b\ud800")

    assert result.data in ([], {"error": result.told})


@pytest.mark.parametrize(
    "raw", ["[1]", "null", "{", "not json", '"text"', "[" * 5_000, '{"query": NaN, "x": 1}']
)
async def test_arguments_that_are_no_object_are_refused(both: Beside, raw: str) -> None:
    result = await skills.call("find_clients", raw, both.context("ana"))

    assert not result.ok
    assert both.wire.asked == []


async def test_arguments_that_are_too_long_are_not_read(both: Beside) -> None:
    result = await both.call("ana", "find_clients", query="x" * 50_000)

    assert (result.ok, result.told) == (False, "Os argumentos são longos demais.")


@pytest.mark.parametrize("name", ["run_sql", "fetch_url", "eval", "__class__", "", "get_client "])
async def test_what_is_no_skill_is_none(both: Beside, name: str) -> None:
    result = await skills.call(name, {"q": "SELECT 1"}, both.context("ana"))

    assert (result.ok, result.told) == (False, "Esta ferramenta não existe.")


def test_no_skill_takes_code_an_address_or_a_query() -> None:
    """The whole of what a model can say: nothing is named like an instruction to a machine."""
    names = {name for skill in skills.SKILLS.values() for name in skill.arguments.model_fields}

    assert not names & {"sql", "url", "code", "path", "script", "command", "organization_id"}


async def test_a_skill_that_takes_too_long_is_ended(
    both: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = asyncio.Event()

    async def forever(_: SkillContext, __: Arguments) -> SkillResult:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    monkeypatch.setattr(skills, "SECONDS", 0.01)
    monkeypatch.setattr(skills, "SKILLS", {"slow": _skill(forever)})

    result = await skills.call("slow", {}, both.context("ana"))

    assert (result.ok, "demorou demais" in result.told) == (False, True)
    assert ended.is_set()


async def test_a_skill_that_breaks_says_nothing_of_why(
    both: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(_: SkillContext, __: Arguments) -> SkillResult:
        raise RuntimeError("SELECT * FROM crm.clients")

    monkeypatch.setattr(skills, "SKILLS", {"broken": _skill(broken)})

    result = await skills.call("broken", {}, both.context("ana"))

    assert not result.ok
    assert "SELECT" not in json.dumps(result.data) + result.told


async def test_a_tool_tells_the_model_and_the_program(both: Beside) -> None:
    (tool,) = skills.tools_for(["calculate"], both.context("ana"))

    returned = await tool.function(expression="2 * 21")  # type: ignore[call-arg]  # by schema

    assert isinstance(returned, ToolReturn)
    assert returned.return_value == "Resultado: 42"
    assert isinstance(returned.metadata, SkillResult)
    assert returned.metadata.data == {"result": "42"}


@pytest.mark.parametrize("skill", skills.SKILLS.values(), ids=lambda skill: str(skill.name))
def test_each_has_a_strict_schema_and_words_in_portuguese(skill: Skill[Any]) -> None:
    schema = skill.arguments.model_json_schema()

    assert issubclass(skill.arguments, BaseModel)
    assert schema["additionalProperties"] is False
    assert all("description" in field for field in schema["properties"].values())
    assert skill.label
    assert skill.description.endswith(".")


async def test_what_day_it_is(both: Beside) -> None:
    result = await both.call("vera", "current_date")

    assert result.data["time_zone"] == "America/Sao_Paulo"
    assert result.data["weekday"] in result.told


def _skill(run: Any) -> Skill[Arguments]:
    return Skill(
        name="any",
        label="Fazendo",
        description="Faz.",
        arguments=Arguments,
        permissions=frozenset(),
        run=run,
    )
