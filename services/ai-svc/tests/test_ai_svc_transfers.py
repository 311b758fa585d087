"""What of a client's data leaves for a provider: only what a purpose in force and the register of
transfers both bear, asked before each call."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest
from access_factories import MARKETING, SERVICE, CoreApi
from ai_svc_factories import HOLIDAYS, Person
from ai_svc_provider import MODEL, answering_through, quoting
from fastapi import FastAPI
from wire.openai_wire import OpenAIWire

from ai_svc.modules.rag.answering import KEPT_HERE
from ai_svc.modules.rag.asking import Asking
from chassis.data.columns import utc_now
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed

CLIENT = new_id()
TEXT: Final = "O limite de crédito da cliente Jacira é de R$ 7.319,00 até dezembro."
QUESTION: Final = "Qual é o limite de crédito da cliente Jacira?"
QUOTE: Final = "de R$ 7.319,00 até dezembro"
NAMED: Final = {"client_id": str(CLIENT)}
TODAY: Final = utc_now().astimezone(ZoneInfo("America/Sao_Paulo")).date()


@pytest.fixture
async def core_api(app: FastAPI, clean: None) -> CoreApi:
    """Two purposes in use, one of which the client consented to."""
    core_api = CoreApi(app)
    await core_api.purposes()
    await core_api.granted(CLIENT)
    return core_api


@pytest.fixture
async def provider(app: FastAPI) -> AsyncIterator[OpenAIWire]:
    """Abroad, and ready to answer."""
    async with answering_through(app) as provider:
        yield provider.always(quoting("É de R$ 7.319,00. [1]", (1, QUOTE)))


@pytest.fixture
async def ana(ana: Person, core_api: CoreApi) -> Person:
    """With a document about the client, kept for what rests on a contract."""
    fields = {"visibility": "client", **NAMED, "legal_basis": "contract"}
    await ana.index(TEXT, purpose_code=SERVICE, **fields)
    return ana


async def asked(person: Person, **filters: Any) -> dict[str, Any]:
    return await person.ask(QUESTION, filters=NAMED | filters)


def was_kept(answer: dict[str, Any], provider: OpenAIWire) -> bool:
    """By the built-in model, which says so; nothing left."""
    kept = (answer["model"], KEPT_HERE in answer["answer"], provider.asked) == (
        "extractive",
        True,
        [],
    )
    assert kept or (answer["model"], KEPT_HERE in answer["answer"]) == (MODEL, False)
    assert "7.319" in answer["answer"]
    return kept


async def test_without_an_entry_nothing_leaves_and_the_answer_says_so(
    ana: Person, provider: OpenAIWire
) -> None:
    answer = await asked(ana)
    again = await asked(ana)

    assert was_kept(answer, provider)
    assert answer["answer"].endswith("(LGPD, arts. 7º e 33).")
    assert [source["quote"] for source in answer["sources"]] == [TEXT]
    assert (answer["tokens_used"], again["cached"]) == (0, False)


async def test_what_the_register_bears_leaves(
    ana: Person, provider: OpenAIWire, core_api: CoreApi
) -> None:
    await core_api.transfer(SERVICE)

    assert not was_kept(await asked(ana), provider)
    assert len(provider.asked) == 1


ENTRIES: Final[dict[str, tuple[tuple[str, ...], dict[str, Any], bool]]] = {
    "of another purpose": ((MARKETING,), {}, True),
    "of both": ((MARKETING, SERVICE), {}, False),
    "not allowed": ((SERVICE,), {"allowed": False}, True),
    "of another provider": ((SERVICE,), {"provider": "anthropic"}, True),
    "of another country": ((SERVICE,), {"country": "IE"}, True),
    "that ran out": ((SERVICE,), {"valid_until": TODAY - timedelta(days=1)}, True),
    "on its last day": ((SERVICE,), {"valid_until": TODAY}, False),
}


@pytest.mark.parametrize("entry", ENTRIES)
async def test_an_entry_bears_its_provider_country_purposes_and_days_only(
    ana: Person, provider: OpenAIWire, core_api: CoreApi, entry: str
) -> None:
    purposes, changes, is_kept = ENTRIES[entry]
    await core_api.transfer(*purposes, **changes)

    assert was_kept(await asked(ana), provider) is is_kept


async def test_an_entry_that_is_suspended_holds_for_the_next_question(
    ana: Person, provider: OpenAIWire, core_api: CoreApi
) -> None:
    await core_api.transfer(SERVICE)
    await asked(ana)
    assert (await asked(ana))["cached"] is True
    provider.asked.clear()

    await core_api.transfer(SERVICE, allowed=False)

    assert was_kept(await asked(ana), provider)
    await core_api.transfer(SERVICE)
    assert not was_kept(await asked(ana), provider)


async def test_one_passage_that_must_stay_keeps_all_of_them(
    ana: Person, provider: OpenAIWire, core_api: CoreApi
) -> None:
    """The reader may know both: an answer of one alone would hide the other."""
    await core_api.transfer(MARKETING)
    fields = {"visibility": "client", **NAMED, "legal_basis": "consent"}
    await ana.index(
        "O limite de crédito da cliente Jacira nas promoções é outro.",
        purpose_code=MARKETING,
        **fields,
    )

    assert was_kept(await asked(ana), provider)


async def test_a_question_about_a_client_is_data_about_the_client(
    ana: Person, provider: OpenAIWire, core_api: CoreApi
) -> None:
    await ana.index(HOLIDAYS)
    question = "Qual o valor do auxílio-creche?"
    provider.always(quoting("R$ 850,00. [1]", (1, "no valor de R$ 850,00 por mês")))

    kept = await ana.ask(question, filters=NAMED)
    assert (kept["model"], provider.asked) == ("extractive", [])
    assert (await ana.ask(question))["model"] == MODEL
    await core_api.transfer(MARKETING, SERVICE)
    assert (await ana.ask(question, filters=NAMED))["model"] == MODEL
    await core_api.blocked(CLIENT)
    again = await ana.ask(f"{question} Responda.", filters=NAMED)
    assert (again["model"], len(provider.asked)) == ("extractive", 2)


async def test_a_provider_in_the_country_needs_a_basis_and_no_entry(
    app: FastAPI, ana: Person, core_api: CoreApi
) -> None:
    at_home = {"openai_recipient": "nuvem-nacional", "openai_country": "BR"}
    async with answering_through(app, **at_home) as provider:
        provider.always(quoting("É de R$ 7.319,00. [1]", (1, QUOTE)))
        assert not was_kept(await asked(ana), provider)


async def test_a_stream_keeps_to_it_as_well(ana: Person, provider: OpenAIWire) -> None:
    body = {"question": QUESTION, "filters": NAMED, "stream": True}
    answer = await ana.post("/api/v1/rag/ask", json=body)

    events = [part.split("\ndata: ", 1) for part in answer.text.strip().split("\n\n")]
    told = {name.removeprefix("event: "): json.loads(data) for name, data in events}

    assert set(told) == {"passages", "delta", "sources", "done"}
    assert KEPT_HERE in told["delta"]["text"]
    assert was_kept(told["done"], provider)


async def test_what_is_blocked_between_finding_and_sending_does_not_leave(
    ana: Person, provider: OpenAIWire, core_api: CoreApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    await core_api.transfer(SERVICE)
    find = Asking.find

    async def blocked_meanwhile(asking: Asking) -> Any:
        found = await find(asking)
        monkeypatch.undo()
        await core_api.blocked(CLIENT)
        return found

    monkeypatch.setattr(Asking, "find", blocked_meanwhile)
    answer = await asked(ana)

    assert (answer["abstained"], answer["sources"], provider.asked) == (True, [], [])
    assert "7.319" not in answer["answer"]
