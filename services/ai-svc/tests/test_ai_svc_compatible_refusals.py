"""Requests in OpenAI's shape that nobody can answer: refused by name, never a fault of ours."""

from typing import Any, Final

import pytest
from ai_svc_factories import Person

pytestmark = pytest.mark.committed

CHAT: Final = "/api/v1/ai/v1/chat/completions"
SCHEMA: Final = {"type": "json_schema", "json_schema": {"name": "a", "schema": {"type": "object"}}}


def offered(**parameters: Any) -> dict[str, Any]:
    """A tool that takes these."""
    function = {"name": "tempo", "description": "A previsão do tempo", "parameters": parameters}
    return {"type": "function", "function": function}


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"tools": [offered(properties=[1, 2])]}, "tools.0.function.parameters"),
        ({"tools": [offered(required="cidade")]}, "tools.0.function.parameters"),
        ({"tools": [offered(required=[["x"]])]}, "tools.0.function.parameters"),
        ({"tools": [offered(type="array")]}, "tools.0.function.parameters"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [], "tool_choice": {"type": "function", "function": {"name": "x"}}},
         "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format"),
        ({"response_format": {"type": "text", "json_schema": SCHEMA["json_schema"]}},
         "response_format"),
        ({"model": "cogep-assistant", "response_format": SCHEMA}, "response_format"),
    ],
)  # fmt: skip
async def test_what_cannot_be_done_is_refused_by_name(
    ana: Person, changes: dict[str, Any], param: str, *, streamed: bool
) -> None:
    asked = {"role": "user", "content": 'Qual a previsão do tempo em "Recife"?'}
    body = {"model": "cogep-model", "messages": [asked], "stream": streamed, **changes}

    answer = await ana.post(CHAT, json=body)

    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert error["message"].startswith(f"{param}: ")


@pytest.mark.parametrize(
    "schema", [{"enum": 5}, {"type": ["string", "null"]}, {"anyOf": [{"type": "string"}]}, True, 7]
)
async def test_whatever_a_parameter_may_be_the_built_in_model_answers(
    ana: Person, schema: Any
) -> None:
    asked = {"role": "user", "content": 'Qual a previsão do tempo em "Recife"?'}
    tools = [offered(properties={"cidade": schema}, required=["cidade"])]
    body = {"model": "cogep-model", "messages": [asked], "tools": tools, "tool_choice": "required"}

    answer = await ana.post(CHAT, json=body)

    assert answer.status_code == 200, answer.text
    assert answer.json()["choices"][0]["finish_reason"] == "tool_calls"


async def test_a_model_of_another_house_is_one_there_is_not(ana: Person) -> None:
    answer = await ana.get("/api/v1/ai/v1/models/BAAI/bge-m3")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "model_not_found"
