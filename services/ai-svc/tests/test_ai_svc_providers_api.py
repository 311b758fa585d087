"""Providers and the decision about them over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, Final

import pytest
from ai_svc_brain import answered, chain_of, thinking_through
from ai_svc_factories import Person
from fastapi import FastAPI
from wire.anthropic_wire import AnthropicWire
from wire.openai_wire import OpenAIWire
from wire.replies import Refuses

from ai_svc.modules.providers.service import Brain

pytestmark = [pytest.mark.committed, pytest.mark.usefixtures("clean")]

PROVIDERS: Final = "/api/v1/ai/providers"
POLICY: Final = f"{PROVIDERS}/policy"
DECIDED: Final = {"providers": ["openai"], "personal_data": ["openai"], "countries": ["US", "BR"]}


@pytest.fixture
async def brain(app: FastAPI) -> AsyncIterator[Brain]:
    """Two providers, one of which may not see personal data here."""
    async with (
        AnthropicWire.open() as anthropic,
        OpenAIWire.open() as openai,
        thinking_through(
            app, {"anthropic": anthropic, "openai": openai}, anthropic_personal_data=False
        ) as brain,
    ):
        anthropic.always(Refuses(500))
        yield brain


async def listed(person: Person) -> list[dict[str, Any]]:
    answer = await person.get(PROVIDERS)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


async def decide(person: Person, fields: dict[str, Any], **headers: str) -> Any:
    return await person.call("PUT", POLICY, json=fields, headers=headers)


@pytest.mark.usefixtures("brain")
async def test_without_a_decision_the_installations_order_holds(ana: Person) -> None:
    first, second = await listed(ana)

    assert first == {
        "name": "anthropic",
        "model": "claude-haiku-5-5",
        "recipient": "anthropic",
        "country": "US",
        "is_abroad": True,
        "state": "closed",
        "position": 1,
        "may_see_personal_data": False,
    }
    assert (second["name"], second["position"], second["may_see_personal_data"]) == (
        "openai",
        2,
        True,
    )
    policy = await ana.get(POLICY)
    assert policy.headers["etag"] == '"0"'
    assert policy.json()["data"] == {
        "providers": ["anthropic", "openai"],
        "personal_data": ["openai"],
        "countries": None,
        "is_default": True,
        "version": 0,
    }


async def test_who_keeps_failing_is_shown_so(ana: Person, brain: Brain) -> None:
    chain = await chain_of(brain)
    for _ in range(5):
        await answered(chain, streaming=False)

    assert [each["state"] for each in await listed(ana)] == ["open", "closed"]


@pytest.mark.usefixtures("brain")
async def test_a_decision_replaces_the_one_before_and_can_be_taken_back(ana: Person) -> None:
    made = await decide(ana, DECIDED)
    assert (made.status_code, made.headers["etag"]) == (200, '"1"')
    assert made.json()["data"] == {
        **DECIDED,
        "countries": ["BR", "US"],
        "is_default": False,
        "version": 1,
    }
    openai, anthropic = await listed(ana)
    assert (openai["name"], openai["position"]) == ("openai", 1)
    assert (anthropic["position"], anthropic["may_see_personal_data"]) == (None, False)

    again = await decide(ana, {**DECIDED, "countries": None}, **{"if-match": '"1"'})
    assert (again.status_code, again.headers["etag"]) == (200, '"2"')

    gone = await ana.call("DELETE", POLICY, headers={"if-match": '"2"'})
    assert gone.status_code == 204
    assert (await ana.get(POLICY)).json()["data"]["is_default"] is True
    assert (await ana.call("DELETE", POLICY)).status_code == 204


@pytest.mark.usefixtures("brain")
async def test_nobody_widens_what_the_installation_allows(ana: Person) -> None:
    given = {"providers": ["anthropic"], "personal_data": ["anthropic"], "countries": None}

    assert (await decide(ana, given)).status_code == 200

    assert (await listed(ana))[0]["may_see_personal_data"] is False


@pytest.mark.usefixtures("brain")
async def test_a_version_that_is_not_current_changes_nothing(ana: Person) -> None:
    assert (await decide(ana, DECIDED, **{"if-match": '"1"'})).status_code == 412
    assert (await decide(ana, DECIDED, **{"if-match": '"0"'})).status_code == 200
    assert (await decide(ana, DECIDED, **{"if-match": '"0"'})).status_code == 412
    gone = await ana.call("DELETE", POLICY, headers={"if-match": '"0"'})

    assert gone.status_code == 412
    assert (await ana.get(POLICY)).json()["data"]["version"] == 1


@pytest.mark.usefixtures("brain")
async def test_of_two_first_decisions_at_once_both_are_answered_and_one_holds(ana: Person) -> None:
    answers = await asyncio.gather(*(decide(ana, DECIDED, **{"if-match": '"0"'}) for _ in range(5)))

    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412, 412]
    assert (await ana.get(POLICY)).json()["data"]["version"] == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"providers": ["openai", "openai"]},
        {"providers": ["azure"]},
        {"personal_data": ["anthropic"]},
        {"countries": []},
        {"countries": ["Brasil"]},
        {"countries": ["BR", "BR"]},
        {"order": ["openai"]},
        {"providers": None},
    ],
)
@pytest.mark.usefixtures("brain")
async def test_what_is_no_decision_is_refused(ana: Person, wrong: dict[str, Any]) -> None:
    answer = await decide(ana, DECIDED | wrong)

    assert (answer.status_code, answer.json()["code"]) == (422, "VALIDATION_ERROR")


@pytest.mark.parametrize("name", ["vera", "bruno", "davi"])
@pytest.mark.usefixtures("brain")
async def test_only_who_configures_the_assistant_sees_and_decides(
    person: Callable[[str], Person], name: str
) -> None:
    somebody = person(name)

    answers = [
        await somebody.get(PROVIDERS),
        await somebody.get(POLICY),
        await decide(somebody, DECIDED),
        await somebody.call("DELETE", POLICY),
    ]

    assert {answer.status_code for answer in answers} == {403}


@pytest.mark.usefixtures("brain")
async def test_another_organization_has_its_own(ana: Person, beto: Person) -> None:
    assert (await decide(ana, DECIDED)).status_code == 200

    theirs = (await beto.get(POLICY)).json()["data"]
    assert (theirs["is_default"], theirs["version"]) == (True, 0)
    assert (await decide(beto, {**DECIDED, "countries": None})).json()["data"]["version"] == 1
    assert (await ana.get(POLICY)).json()["data"]["countries"] == ["BR", "US"]


async def test_without_any_provider_the_list_is_empty(ana: Person) -> None:
    assert await listed(ana) == []
