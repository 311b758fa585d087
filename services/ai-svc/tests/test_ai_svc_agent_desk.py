"""The built-in model at the desk, beside the real core-api: tickets, clients, data protection."""

from typing import Any
from uuid import UUID

import pytest
from ai_svc_agents import Runs, answer_of
from ai_svc_factories import Person
from ai_svc_with_core_api import Beside
from core_api_factories import make_client, make_ticket

from ai_svc.modules.agents import phrases
from ai_svc.modules.agents.builtin import rights
from ai_svc.modules.agents.events import AgentAnswer, AgentName
from devstack.token_factory import TokenFactory

pytestmark = pytest.mark.committed
MANUAL = """# Segunda via de certidão

A segunda via da certidão fica pronta em cinco dias úteis. O pedido custa R$ 37,40.
"""


@pytest.fixture
async def runs(both: Beside, token_factory: TokenFactory) -> Runs:
    return Runs(both.app, token_factory)


@pytest.fixture
async def julia(both: Beside) -> dict[str, Any]:
    """A client."""
    return await make_client(
        both.at_core_api("ana"), name="Júlia Prado", email="julia@exemplo.com.br"
    )


@pytest.fixture
async def ticket(both: Beside, julia: dict[str, Any]) -> dict[str, Any]:
    """A ticket of hers."""
    made: dict[str, Any] = await make_ticket(both.at_core_api("ana"), julia["id"])
    return made


def supported(answer: AgentAnswer) -> AgentAnswer:
    """The built-in model says nothing that nothing bears out."""
    assert [answer.text[each.start : each.end] for each in answer.unsupported] == []
    return answer


async def test_ticket_is_looked_up_by_its_number(
    runs: Runs, ticket: dict[str, Any], julia: dict[str, Any]
) -> None:
    events = await runs.events(f"Qual a situação do chamado {ticket['number']}?")

    answer = supported(answer_of(events))
    assert answer.agent == "support"
    assert answer.text.startswith(f"Chamado nº {ticket['number']}; situação: ")
    assert "Certidão atrasada" in answer.text
    assert "A segunda via não chegou." in answer.text
    assert [str(each) for each in answer.client_ids] == [julia["id"]]
    at = [each.type for each in events]
    assert at.index("carried") < at.index("tool_result") < at.index("delta")


async def test_tickets_are_listed(runs: Runs, ticket: dict[str, Any]) -> None:
    answer = supported(await runs.answer("Liste os chamados abertos"))

    assert answer.text.startswith(phrases.TICKETS)
    assert f"Chamado nº {ticket['number']}: Certidão atrasada" in answer.text


async def test_ticket_there_is_not_is_said_so(runs: Runs) -> None:
    answer = supported(await runs.answer("Resuma o chamado 987654"))

    assert answer.text == "Não há chamado com este número."


async def test_reply_is_drafted_in_the_words_of_the_documents(
    runs: Runs, ticket: dict[str, Any], ana: Person
) -> None:
    await ana.index(MANUAL, title="Certidões")

    events = await runs.events(f"Escreva uma resposta para o chamado {ticket['number']}")

    answer = supported(answer_of(events))
    [proposal] = answer.proposals
    assert proposal.skill == "draft_reply"
    assert proposal.arguments["ticket_id"] == ticket["id"]
    assert (
        "A segunda via da certidão fica pronta em cinco dias úteis." in proposal.arguments["body"]
    )
    assert answer.text == phrases.PROPOSED
    assert "proposal" in [each.type for each in events]


async def test_reply_is_drafted_in_the_words_that_were_given(
    runs: Runs, ticket: dict[str, Any]
) -> None:
    answer = await runs.answer(
        f"Responda no chamado {ticket['number']} avisando que a certidão sai amanhã"
    )

    [proposal] = supported(answer).proposals
    assert "A certidão sai amanhã." in proposal.arguments["body"]


async def test_reply_is_not_invented(runs: Runs, ticket: dict[str, Any]) -> None:
    answer = supported(await runs.answer(f"Escreva uma resposta para o chamado {ticket['number']}"))

    assert answer.proposals == []
    assert answer.text == phrases.WRITTEN_BY_PERSON


async def test_triage_is_proposed(runs: Runs, ticket: dict[str, Any]) -> None:
    answer = supported(
        await runs.answer(f"Faça a triagem do chamado {ticket['number']}, é urgente")
    )

    [proposal] = answer.proposals
    assert proposal.arguments == {"ticket_id": ticket["id"], "priority": "urgent"}


async def test_ticket_is_proposed_for_a_client_by_name(runs: Runs, julia: dict[str, Any]) -> None:
    answer = supported(
        await runs.answer("Abra um chamado para Júlia Prado sobre a impressora quebrada")
    )

    [proposal] = answer.proposals
    assert proposal.skill == "create_ticket"
    assert proposal.arguments["client_id"] == julia["id"]
    assert proposal.arguments["subject"].startswith("A impressora quebrada")


async def test_ticket_for_nobody_is_asked_about(runs: Runs) -> None:
    answer = supported(await runs.answer("Abra um chamado: o projetor da sala parou"))

    assert answer.text == phrases.WHICH_CLIENT
    assert answer.proposals == []


async def test_client_is_found_by_name(runs: Runs, julia: dict[str, Any]) -> None:
    answer = supported(await runs.answer("Qual o e-mail da cliente Júlia Prado?"))

    assert answer.agent == "crm"
    assert "E-mail: " in answer.text
    assert answer.text.startswith("Júlia Prado")


async def test_client_that_is_not_there_is_said_so(runs: Runs) -> None:
    answer = supported(await runs.answer("Procure o cadastro de Zebedeu Quaresma"))

    assert answer.text == phrases.NO_CLIENTS


async def test_several_clients_are_told_apart_by_the_person(
    runs: Runs, both: Beside, julia: dict[str, Any]
) -> None:
    await make_client(both.at_core_api("ana"), name="Júlia Ramos")

    answer = supported(await runs.answer("Qual o telefone da cliente Júlia?"))

    assert answer.text.startswith(phrases.WHICH_OF_THEM)
    assert "Júlia Prado" in answer.text
    assert "Júlia Ramos" in answer.text


async def test_data_subject_request_is_proposed(runs: Runs, julia: dict[str, Any]) -> None:
    answer = supported(
        await runs.answer("Abra um pedido de eliminação de dados da cliente Júlia Prado")
    )

    assert answer.agent == "privacy"
    [proposal] = answer.proposals
    assert proposal.arguments["type"] == "erasure"
    assert proposal.arguments["client_id"] == julia["id"]


async def test_who_may_not_open_requests_gets_no_proposal(
    runs: Runs, julia: dict[str, Any]
) -> None:
    answer = await runs.answer(
        "Abra um pedido de eliminação de dados da cliente Júlia Prado", name="vera"
    )

    assert answer.proposals == []
    assert phrases.FORBIDDEN in answer.text


async def test_rights_are_explained_without_any_document(runs: Runs) -> None:
    answer = supported(await runs.answer("Quais são os meus direitos pela LGPD?"))

    assert answer.text == f"{rights.ALL} {rights.FREE}"
    assert not answer.abstained


async def test_consents_are_looked_up(runs: Runs, julia: dict[str, Any]) -> None:
    answer = supported(await runs.answer("A cliente Júlia Prado consentiu em receber propaganda?"))

    assert answer.text == phrases.NO_DECISIONS


async def test_another_tenant_finds_nothing(runs: Runs, ticket: dict[str, Any]) -> None:
    answer = await runs.answer(f"Resuma o chamado {ticket['number']}", name="beto")

    assert "Certidão" not in answer.text
    assert answer.client_ids == []


async def test_conversation_about_one_client_stays_with_them(
    runs: Runs, both: Beside, julia: dict[str, Any]
) -> None:
    other = await make_client(both.at_core_api("ana"), name="Rui Barbosa Lima")

    answer = await runs.answer(
        "Mostre os dados do cliente", client_id=UUID(other["id"]), agent=AgentName.CRM
    )

    assert "Rui Barbosa Lima" in answer.text
    assert "Júlia" not in answer.text
