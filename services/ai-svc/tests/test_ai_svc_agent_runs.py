"""Runs of the agent for documents: quotes that hold, and honesty where there is none."""

from contextlib import aclosing
from datetime import timedelta

import pytest
from ai_svc_agents import Runs, answer_of, calls, error_of, in_turn, kinds, says
from ai_svc_factories import DOCUMENTS, HOLIDAYS, Person
from fastapi import FastAPI
from pydantic_ai.exceptions import ModelAPIError

from ai_svc.modules.agents import phrases
from ai_svc.modules.agents.events import AgentName
from ai_svc.modules.agents.service import run
from ai_svc.turns import Turn
from chassis.web.errors import TooManyRequests
from devstack.token_factory import TokenFactory
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed
QUESTION = "Quantos dias de férias eu tenho por ano?"
TRUE = "As férias são de 30 dias corridos por ano."
TRUE_SENTENCE = f"Você tem 30 dias de férias. [[S1|{TRUE}]] "
FALSE_SENTENCE = "Você tem 45 dias de férias. [[S1|As férias são de 45 dias corridos por ano.]] "


@pytest.fixture
async def runs(app: FastAPI, token_factory: TokenFactory, ana: Person) -> Runs:
    await ana.index(HOLIDAYS)
    return Runs(app, token_factory)


async def test_built_in_model_answers_by_quotes_that_stand_in_the_document(
    runs: Runs, ana: Person
) -> None:
    events = await runs.events(QUESTION)

    answer = answer_of(events)
    assert (answer.agent, answer.model, answer.prompt_version) == ("knowledge", "extractive", None)
    assert answer.text == f"{TRUE} [1]"
    assert not answer.unsupported
    [source] = answer.sources
    content = await ana.content(source.document_id)
    assert content[source.char_start : source.char_end] == source.quote == TRUE
    assert source.heading == "Férias"
    assert answer.document_ids == [source.document_id]
    assert kinds(events) == [
        *("start", "agent", "tool_call", "carried", "tool_result"),
        *("citation", "delta", "usage", "done"),
    ]


async def test_model_answers_sentence_by_sentence_with_verified_citations(runs: Runs) -> None:
    runs.brain.script = says("Você tem 30 dias", f" de férias. [[S1|{TRUE}]]", " Pode marcar?")

    events = await runs.events(QUESTION)

    answer = answer_of(events)
    assert answer.text == "Você tem 30 dias de férias. [1] Pode marcar?"
    assert answer.unsupported == []
    assert (answer.model, answer.prompt_version) == ("scripted-1", "agent_knowledge.v1")
    assert answer.tokens_used == 120
    told = [each.text for each in events if each.type == "delta"]
    assert told == ["Você tem 30 dias de férias. [1]", " Pode marcar?"]
    [usage] = [each for each in events if each.type == "usage"]
    assert (usage.input_tokens, usage.cost_micros, usage.currency) == (100, 7, "USD")


async def test_sentence_without_support_is_marked(runs: Runs) -> None:
    runs.brain.script = says(TRUE_SENTENCE, "O chefe sempre aprova. ", "Certo?")

    answer = await runs.answer(QUESTION)

    [stretch] = answer.unsupported
    assert answer.text[stretch.start : stretch.end] == "O chefe sempre aprova."


@pytest.mark.parametrize(
    "said",
    [
        "O auxílio é de R$ 850,00. [[S1|O auxílio-creche é pago até os nove anos]] ",
        "O auxílio é de R$ 850,00. [[S99|no valor de R$ 850,00 por mês]] ",
        "O auxílio é de R$ 950,00. [[S1|no valor de R$ 850,00 por mês]] ",
        "Diz: “o auxílio nunca será pago a ninguém”. [[S1|O auxílio-creche é pago até os seis]] ",
        "Gatos dormem durante a tarde inteira. [[S1|no valor de R$ 850,00 por mês]] ",
        "O auxílio é bom [1]. ",
    ],
)
async def test_false_quote_never_leaves_as_one(runs: Runs, said: str) -> None:
    runs.brain.script = says(TRUE_SENTENCE, said)

    answer = await runs.answer(QUESTION)

    assert [source.quote for source in answer.sources] == [TRUE]
    [stretch] = answer.unsupported
    assert stretch.end == len(answer.text)
    assert answer.text.count("[1]") == 1


async def test_figure_of_the_question_is_no_proof(runs: Runs) -> None:
    runs.brain.script = says(TRUE_SENTENCE, f"Sim, as férias são de 45 dias. [[S1|{TRUE}]]")

    answer = await runs.answer("As férias são de 45 dias corridos por ano, não são?")

    [stretch] = answer.unsupported
    assert answer.text[stretch.start : stretch.end] == "Sim, as férias são de 45 dias."


async def test_answer_without_one_true_quote_is_not_sent_at_all(runs: Runs) -> None:
    runs.brain.script = says(FALSE_SENTENCE, "E mais nada. ")

    answer = await runs.answer(QUESTION)

    assert answer.text == f"{TRUE} [1]"
    assert answer.model == "extractive"
    assert answer.tokens_used == 120, "what was spent is told"


async def test_weak_evidence_asks_no_model_and_offers_a_ticket(runs: Runs) -> None:
    runs.brain.script = says(TRUE_SENTENCE)

    answer = await runs.answer(
        "Qual a distância entre a Terra e a Lua em quilômetros?", agent=AgentName.KNOWLEDGE
    )

    assert answer.abstained
    assert answer.text == phrases.NOT_FOUND
    assert answer.offer is not None
    assert answer.offer.type == "open_ticket"
    assert answer.offer.subject.startswith("Qual a distância")
    assert runs.brain.calls == []


async def test_who_may_not_open_tickets_is_offered_none(runs: Runs) -> None:
    answer = await runs.answer("Qual a distância entre a Terra e a Lua?", name="vera")

    assert answer.abstained
    assert answer.offer is None


async def test_model_may_say_that_it_found_nothing(runs: Runs) -> None:
    runs.brain.script = says("[[NADA]]")

    answer = await runs.answer(QUESTION)

    assert answer.abstained
    assert answer.text == phrases.NOT_FOUND


async def test_document_deleted_while_the_model_thinks_is_not_quoted(
    runs: Runs, ana: Person
) -> None:
    document_id = (await ana.search(QUESTION))[0]["document_id"]
    events = []
    runs.brain.script = says(TRUE_SENTENCE, "E fim. ")

    async with aclosing(run(runs.desk, runs.request(QUESTION))) as told:
        async for event in told:
            events.append(event)
            if event.type == "tool_result":
                await ana.call("DELETE", f"{DOCUMENTS}/{document_id}")

    answer = answer_of(events)
    assert answer.sources == []
    assert TRUE not in answer.text


async def test_another_tenant_is_told_nothing(runs: Runs) -> None:
    answer = await runs.answer(QUESTION, name="beto")

    assert answer.abstained
    assert answer.document_ids == []


async def test_same_call_twice_ends_the_loop(runs: Runs) -> None:
    runs.brain.script = says(calls("search_knowledge", '{"query": "férias"}'))

    events = await runs.events(QUESTION)

    answer = answer_of(events)
    assert answer.text == f"{TRUE} [1]"
    assert len(runs.brain.seen) == 2
    assert [each.skill for each in events if each.type == "tool_call"] == ["search_knowledge"] * 2


async def test_ever_new_calls_end_at_the_limit(runs: Runs) -> None:
    runs.brain.script = lambda _, number: [calls("calculate", f'{{"expression": "1+{number}"}}')]

    answer = await runs.answer(QUESTION)

    assert answer.text == f"{TRUE} [1]"
    assert len(runs.brain.seen) == 8


async def test_tool_that_does_not_exist_is_no_way_out(runs: Runs) -> None:
    runs.brain.script = says(calls("read_everything", '{"where": "secrets"}'))

    answer = await runs.answer(QUESTION)

    assert answer.text == f"{TRUE} [1]"


async def test_failing_before_the_first_word_is_made_up_for(runs: Runs) -> None:
    runs.brain.script = says(ModelAPIError("scripted-1", "down"))

    assert (await runs.answer(QUESTION)).text == f"{TRUE} [1]"


async def test_breaking_off_after_the_first_word_ends_in_an_error(runs: Runs) -> None:
    runs.brain.script = says(TRUE_SENTENCE, "E ain", ModelAPIError("scripted-1", "cut"))

    events = await runs.events(QUESTION)

    assert next(each.text for each in events if each.type == "delta").endswith("[1]")
    assert error_of(events).code == "UNAVAILABLE"


async def test_budget_that_is_used_up_is_said_as_it_is(runs: Runs) -> None:
    runs.brain.script = says(TooManyRequests(retry_after=timedelta(hours=1)))

    assert error_of(await runs.events(QUESTION)).code == "RATE_LIMITED"


async def test_what_goes_wrong_is_an_error_without_a_word_of_it(
    runs: Runs, caplog: pytest.LogCaptureFixture
) -> None:
    runs.brain.script = says(RuntimeError("segredo da Maria"))

    error = error_of(await runs.events(QUESTION))

    assert error.code == "INTERNAL_ERROR"
    assert "segredo" not in error.message + caplog.text


async def test_evidence_kept_here_is_said_so(runs: Runs) -> None:
    runs.brain.kept_by_policy = True

    answer = await runs.answer(QUESTION)

    assert answer.text == f"{TRUE} [1]\n\n{phrases.KEPT_HERE}"
    assert answer.unsupported == []


async def test_greeting_needs_neither_search_nor_model(runs: Runs) -> None:
    runs.brain.script = says("Não me chame.")

    events = await runs.events("Bom dia, tudo bem?")

    assert answer_of(events).text == phrases.HELLO
    assert runs.brain.calls == []
    assert "tool_call" not in kinds(events)


async def test_sum_is_done_by_the_tool(runs: Runs) -> None:
    answer = await runs.answer("Quanto é 1.200 - 85 * 2?")

    assert answer.text == "Resultado: 1030"
    assert answer.unsupported == []


async def test_follow_up_is_read_with_what_was_asked_before(runs: Runs) -> None:
    history = (Turn("user", "Qual o valor do auxílio-creche?"), Turn("assistant", "R$ 850. [1]"))

    answer = await runs.answer("E até que idade?", history=history, agent=AgentName.KNOWLEDGE)

    assert "até os seis anos" in answer.text


async def test_what_earlier_turns_hold_the_run_holds(runs: Runs) -> None:
    client_id, document_id = new_id(), new_id()
    history = (Turn("user", "Oi", (client_id,), (document_id,)),)

    events = await runs.events("Obrigado!", history=history)

    assert kinds(events)[:2] == ["start", "carried"]
    answer = answer_of(events)
    assert (answer.client_ids, answer.document_ids) == ([client_id], [document_id])


async def test_words_before_a_look_are_let_go(runs: Runs) -> None:
    runs.brain.script = in_turn(
        ["Vou procurar.", calls("search_knowledge", '{"query": "auxílio-creche"}')],
        [TRUE_SENTENCE],
    )

    assert (await runs.answer(QUESTION)).text == "Você tem 30 dias de férias. [1]"


@pytest.mark.parametrize("agent", [None, *AgentName])
async def test_who_asks_for_something_to_be_remembered_is_told_what_becomes_of_it(
    runs: Runs, agent: AgentName | None
) -> None:
    said = "Por favor, lembre que o cofre abre às nove."

    events = await runs.events(said, agent=agent, conversation_id=new_id())
    elsewhere = await runs.answer(said, agent=agent)

    answer = answer_of(events)
    assert answer.text == phrases.NOTED
    assert (answer.abstained, answer.offer, answer.unsupported) == (False, None, [])
    assert "tool_call" not in kinds(events)
    assert elsewhere.text != phrases.NOTED  # nobody remembers what other programs ask


async def test_question_below_something_to_be_remembered_is_answered(runs: Runs) -> None:
    said = f"Lembre que sou servidor.\n{QUESTION}"

    answer = await runs.answer(said, conversation_id=new_id())

    assert TRUE in answer.text
