"""OpenAI's own client talks to us: answers, streams, tools, embeddings, errors."""

import asyncio
import base64
import dataclasses
import json
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import openai
import pytest
from ai_svc_brain import thinking_through
from ai_svc_factories import HOLIDAYS, Person
from ai_svc_serving import served
from fastapi import FastAPI
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletionMessageParam, ChatCompletionToolParam
from pydantic_ai.messages import ModelResponse, TextPart
from pydantic_ai.models import Model
from pydantic_ai.models.function import AgentInfo, FunctionModel
from wire.openai_wire import OpenAIWire
from wire.replies import ToolCall, says

from ai_svc.desk import Desk
from ai_svc.modules.providers.service import Brain, Call, Chain
from ai_svc.modules.usage.service import BudgetExceeded
from devstack.token_factory import TokenFactory

pytestmark = pytest.mark.committed

ClientOf = Callable[[str], openai.AsyncOpenAI]
QUESTION: Final = "Qual o valor do auxílio-creche?"
ASKED: Final[list[ChatCompletionMessageParam]] = [{"role": "user", "content": QUESTION}]
WEATHER: Final[ChatCompletionToolParam] = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "A previsão do tempo de uma cidade",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city"],
        },
    },
}


@pytest.fixture
async def client_of(app: FastAPI, token_factory: TokenFactory) -> AsyncIterator[ClientOf]:
    """The official client with somebody's token."""
    async with served(app) as url:
        opened: list[openai.AsyncOpenAI] = []

        def of(name: str) -> openai.AsyncOpenAI:
            opened.append(with_token(url, token_factory.token(name)))
            return opened[-1]

        yield of
        for client in opened:
            await client.close()


@pytest.fixture
async def gpt(client_of: ClientOf) -> openai.AsyncOpenAI:
    """Ana's."""
    return client_of("ana")


def with_token(url: str, token: str) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=token, base_url=f"{url}/api/v1/ai/v1", max_retries=0)


@pytest.fixture
def thinking(app: FastAPI) -> Iterator[Callable[[Model], list[Call]]]:
    """What the organization's model does instead; returns the calls it was asked with."""
    before: Desk = app.state.desk

    def as_(model: Model) -> list[Call]:
        calls: list[Call] = []

        class Scripted(Brain):
            async def model(self, call: Call, last: Model) -> Chain:  # noqa: ARG002 - ours instead
                calls.append(call)
                return await super().model(call, model)

        brain = Scripted(before.database, before.brain.settings, ())
        app.state.desk = dataclasses.replace(before, brain=brain)
        return calls

    yield as_
    app.state.desk = before


async def test_the_assistant_answers_with_citations_in_openais_shape(
    gpt: openai.AsyncOpenAI, ana: Person
) -> None:
    document_id = await ana.index(HOLIDAYS, "Benefícios")

    completion = await gpt.chat.completions.create(model="cogep-assistant", messages=ASKED)

    choice = completion.choices[0]
    content = choice.message.content or ""
    assert (completion.object, completion.model) == ("chat.completion", "cogep-assistant")
    assert (choice.finish_reason, choice.index, choice.message.role) == ("stop", 0, "assistant")
    assert "R$ 850,00" in content
    assert choice.message.annotations
    cited = choice.message.annotations[0].url_citation
    assert content[cited.start_index : cited.end_index] == "[1]"
    assert (cited.title, str(document_id) in cited.url) == ("Benefícios", True)
    document = await ana.get(cited.url)
    extra = (choice.message.model_extra or {})["cogep"]
    assert extra["sources"]
    for source in extra["sources"]:
        assert source["quote"] == document.text[source["char_start"] : source["char_end"]]


async def test_a_stream_says_the_same_in_chunks(gpt: openai.AsyncOpenAI, ana: Person) -> None:
    await ana.index(HOLIDAYS, "Benefícios")
    whole = await gpt.chat.completions.create(model="cogep-knowledge", messages=ASKED)

    stream = await gpt.chat.completions.create(
        model="cogep-knowledge",
        messages=ASKED,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]

    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert choices[0].delta.role == "assistant"
    assert "".join(each.delta.content or "" for each in choices) == whole.choices[0].message.content
    assert [each.finish_reason for each in choices if each.finish_reason] == ["stop"]
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert {chunk.id for chunk in chunks} == {chunks[0].id}


async def test_another_organization_answers_from_its_own_documents(
    client_of: ClientOf, ana: Person, beto: Person
) -> None:
    await ana.index(HOLIDAYS, "Benefícios")
    await beto.index("O estacionamento abre às sete horas.", "Garagem")

    completion = await client_of("beto").chat.completions.create(
        model="cogep-assistant", messages=ASKED
    )

    assert "850" not in completion.model_dump_json(exclude={"id", "created"})
    assert (completion.choices[0].message.model_extra or {})["cogep"]["abstained"]


@pytest.mark.parametrize("stream", [False, True])
async def test_the_callers_tools_come_back_as_calls_and_their_results_are_answered(
    gpt: openai.AsyncOpenAI, *, stream: bool
) -> None:
    asked: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": 'Qual a previsão do tempo na cidade "Recife" em 3 dias?'}
    ]

    first = await answered(gpt, stream=stream, messages=asked, tools=[WEATHER])
    call = first["tool_calls"][0]
    asked += [
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": call["id"], "content": "Sol, 29 graus."},
    ]
    second = await answered(gpt, stream=stream, messages=asked, tools=[WEATHER])

    assert first["finish_reason"] == "tool_calls"
    assert first["content"] is None
    assert call["function"]["name"] == "get_weather"
    assert json.loads(call["function"]["arguments"]) == {"city": "Recife", "days": 3}
    assert (second["finish_reason"], second["tool_calls"]) == ("stop", [])
    assert "Sol, 29 graus." in second["content"]


@pytest.mark.usefixtures("clean")
@pytest.mark.parametrize("stream", [False, True])
async def test_a_provider_is_shown_the_callers_tools_and_paid(
    gpt: openai.AsyncOpenAI, app: FastAPI, *, stream: bool
) -> None:
    async with OpenAIWire.open() as wire, thinking_through(app, {"openai": wire}):
        wire.then(says("", ToolCall("get_weather", {"city": "Recife"}), input_tokens=70))

        said = await answered(gpt, stream=stream, messages=ASKED, tools=[WEATHER])

    assert wire.asked[0].body["tools"][0]["function"]["name"] == "get_weather"
    assert (said["finish_reason"], said["tool_calls"][0]["id"]) == ("tool_calls", "call_1")
    assert json.loads(said["tool_calls"][0]["function"]["arguments"]) == {"city": "Recife"}
    assert said["usage"] == (70, 20)


async def test_the_model_is_given_what_the_caller_sent(
    gpt: openai.AsyncOpenAI, thinking: Callable[[Model], list[Call]]
) -> None:
    seen: list[AgentInfo] = []

    async def think(messages: list[Any], info: AgentInfo) -> AsyncIterator[str]:
        seen.append(info)
        yield f"{len(messages)} "
        yield "mensagens"

    calls = thinking(FunctionModel(stream_function=think))
    client_id = "0192a000-0000-7000-8000-0000000c0001"

    said = await answered(
        gpt,
        stream=True,
        messages=[{"role": "system", "content": "Seja breve."}, *ASKED],
        tools=[WEATHER],
        tool_choice="none",
        max_tokens=50,
        temperature=0.5,
        metadata={"client_id": client_id},
    )

    assert said["content"] == "1 mensagens"  # instructions and question are one request
    settings = seen[0].model_settings or {}
    assert (settings.get("max_tokens"), settings.get("temperature")) == (50, 0.5)
    assert [str(each) for each in calls[0].carried.client_ids] == [client_id]
    assert calls[0].use == "compatible"


async def test_what_breaks_after_the_first_word_is_an_error_in_the_stream(
    gpt: openai.AsyncOpenAI, thinking: Callable[[Model], list[Call]]
) -> None:
    async def think(_: list[Any], __: AgentInfo) -> AsyncIterator[str]:
        yield "Quase "
        raise RuntimeError("segredo do servidor")

    thinking(FunctionModel(stream_function=think))

    with pytest.raises(openai.APIError) as caught:
        await answered(gpt, stream=True, messages=ASKED, model="cogep-model")

    assert "segredo" not in str(caught.value)


@pytest.mark.parametrize("stream", [False, True])
async def test_who_hangs_up_ends_the_work(
    gpt: openai.AsyncOpenAI, thinking: Callable[[Model], list[Call]], *, stream: bool
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def think(_: list[Any], __: AgentInfo) -> AsyncIterator[str]:
        try:
            yield "Quase "
            begun.set()
            await asyncio.Event().wait()
        finally:
            ended.set()

    async def answer(messages: list[Any], info: AgentInfo) -> ModelResponse:
        return ModelResponse(
            parts=[TextPart("".join([part async for part in think(messages, info)]))]
        )

    thinking(FunctionModel(answer, stream_function=think))

    asking = asyncio.create_task(answered(gpt, stream=stream, messages=ASKED))
    await asyncio.wait_for(begun.wait(), 10)
    assert not ended.is_set()
    asking.cancel()

    assert await asyncio.wait_for(ended.wait(), 10)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_budget_that_is_used_up_is_openais_insufficient_quota(
    gpt: openai.AsyncOpenAI, thinking: Callable[[Model], list[Call]], *, stream: bool
) -> None:
    free_at = datetime.now(UTC) + timedelta(hours=2)

    def refuse(*_: Any) -> ModelResponse:
        raise BudgetExceeded(limit="200.000 tokens por dia", free_at=free_at)

    async def refuse_to_stream(_: list[Any], __: AgentInfo) -> AsyncIterator[str]:
        refuse()
        yield ""

    thinking(FunctionModel(refuse, stream_function=refuse_to_stream))

    with pytest.raises(openai.RateLimitError) as caught:
        await answered(gpt, stream=stream, messages=ASKED)

    assert (caught.value.code, caught.value.type) == ("insufficient_quota", "insufficient_quota")
    assert "200.000 tokens por dia" in str(caught.value)
    headers = caught.value.response.headers
    assert int(headers["retry-after"]) > 7_000
    assert headers["x-should-retry"] == "false"


async def test_texts_become_the_vectors_documents_are_searched_by(
    gpt: openai.AsyncOpenAI, app: FastAPI
) -> None:
    texts = ["Férias de trinta dias", "Auxílio-creche"]

    packed = await gpt.embeddings.create(model="cogep-embedding", input=texts)  # asks for base64
    plain = await gpt.embeddings.create(
        model="cogep-embedding", input=texts, encoding_format="float", dimensions=1536
    )
    raw = await gpt.embeddings.with_raw_response.create(
        model="cogep-embedding", input=texts[0], encoding_format="base64"
    )

    expected = await app.state.workshop.embedder.embed(texts)
    for got in (packed, plain):
        assert [each.index for each in got.data] == [0, 1]
        assert np.allclose([each.embedding for each in got.data], expected, atol=1e-6)
    assert packed.usage.prompt_tokens > 0
    encoded = raw.http_response.json()["data"][0]["embedding"]
    assert np.array_equal(np.frombuffer(base64.b64decode(encoded), "<f4"), expected[0])


async def test_models_are_listed_and_shown(gpt: openai.AsyncOpenAI) -> None:
    names = [model.id async for model in gpt.models.list()]

    assert {"cogep-assistant", "cogep-knowledge", "cogep-model", "cogep-embedding"} <= set(names)
    assert (await gpt.models.retrieve("cogep-assistant")).owned_by == "cogep"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"n": 2}, "n"),
        ({"messages": []}, "messages"),
        ({"messages": [{"role": "user", "content": ""}]}, "messages"),
        ({"messages": [{"role": "assistant", "content": "Olá"}]}, "messages"),
        ({"extra_body": {"plugins": ["web"]}}, "plugins"),
        ({"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "x"}}},
         "tool_choice"),
        ({"messages": [*ASKED, {"role": "tool", "tool_call_id": "x", "content": "y"}]},
         "messages.1.tool_call_id"),
    ],
)  # fmt: skip
async def test_what_is_not_acceptable_names_the_parameter(
    gpt: openai.AsyncOpenAI, changes: dict[str, Any], param: str
) -> None:
    request: dict[str, Any] = {"model": "cogep-assistant", "messages": ASKED} | changes

    with pytest.raises(openai.BadRequestError) as caught:
        await gpt.chat.completions.create(**request)

    assert (caught.value.type, caught.value.param) == ("invalid_request_error", param)


async def test_refusals_are_the_exceptions_openai_documents(
    client_of: ClientOf, gpt: openai.AsyncOpenAI, token_factory: TokenFactory, app: FastAPI
) -> None:
    with pytest.raises(openai.NotFoundError) as unknown:
        await gpt.chat.completions.create(model="gpt-4o", messages=ASKED)
    with pytest.raises(openai.BadRequestError) as dimensions:
        await gpt.embeddings.create(model="cogep-embedding", input="x", dimensions=256)
    async with served(app) as url:
        for token, kind in (
            ("x.y.z", openai.AuthenticationError),
            (token_factory.token("ana", realm_access={"roles": []}), openai.PermissionDeniedError),
        ):
            stranger = with_token(url, token)
            with pytest.raises(kind):
                await stranger.models.list()
            await stranger.close()

    assert unknown.value.code == "model_not_found"
    assert dimensions.value.param == "dimensions"


async def answered(gpt: openai.AsyncOpenAI, *, stream: bool, **request: Any) -> dict[str, Any]:
    """The message, however it came."""
    request = {"model": "cogep-model"} | request
    if not stream:
        whole = await gpt.chat.completions.create(**request)
        choice = whole.choices[0]
        calls = [call.model_dump() for call in choice.message.tool_calls or ()]
        told = {"content": choice.message.content, "finish_reason": choice.finish_reason}
        return told | {"tool_calls": calls, "usage": _tokens(whole.usage)}
    content, reason = "", None
    found: list[dict[str, Any]] = []
    used = None
    request |= {"stream_options": {"include_usage": True}}
    async for chunk in await gpt.chat.completions.create(**request, stream=True):
        used = chunk.usage or used
        if not chunk.choices:
            continue
        delta = chunk.choices[0].delta
        content += delta.content or ""
        reason = chunk.choices[0].finish_reason or reason
        for part in delta.tool_calls or ():
            if part.id:
                function = {"name": part.function.name, "arguments": ""}  # type: ignore[union-attr]  # a call begins with its function
                found.append({"id": part.id, "type": "function", "function": function})
            found[part.index]["function"]["arguments"] += part.function.arguments or ""  # type: ignore[union-attr]  # as above
    said = {"content": content or None, "finish_reason": reason, "tool_calls": found}
    return said | {"usage": _tokens(used)}


def _tokens(used: CompletionUsage | None) -> tuple[int, int]:
    assert used is not None
    return used.prompt_tokens, used.completion_tokens
