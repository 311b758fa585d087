"""Answers cite exactly, say when they cannot, and never know another organization's documents."""

from typing import Any

import pytest
import structlog
from ai_svc_factories import DOCUMENTS, HOLIDAYS, Person

pytestmark = pytest.mark.committed


async def assert_cited(person: Person, answer: dict[str, Any]) -> None:
    assert answer["sources"]
    for source in answer["sources"]:
        content = await person.content(source["document_id"])
        assert source["quote"] == content[source["char_start"] : source["char_end"]]


async def test_answer_quotes_the_sentence_that_answers(ana: Person) -> None:
    document_id = await ana.index(HOLIDAYS, "Benefícios")

    answer = await ana.ask("Qual o valor do auxílio-creche?")

    source = answer["sources"][0]
    assert not answer["abstained"]
    assert answer["model"] == "extractive"
    assert answer["tokens_used"] == 0
    assert "R$ 850,00" in answer["answer"]
    assert "R$ 850,00" in source["quote"]
    assert source["document_id"] == str(document_id)
    assert source["title"] == "Benefícios"
    assert 0.5 <= source["similarity"] <= 1
    await assert_cited(ana, answer)


@pytest.mark.parametrize(
    ("question", "figure"),
    [
        ("Qual o valor da multa por jogar lixo em terreno baldio?", "R$ 1.250,00"),
        ("Jogar lixo em terreno baldio é infração?", None),
    ],
)
async def test_question_for_a_figure_gets_the_sentence_that_goes_on_with_it(
    ana: Person, question: str, figure: str | None
) -> None:
    await ana.index(
        "Jogar lixo em terreno baldio, calçada ou córrego é infração. "
        "A multa é de R$ 1.250,00 e dobra em caso de reincidência. O fiscal usa colete."
    )

    answer = await ana.ask(question)

    first = answer["sources"][0]["quote"]
    assert first.startswith("Jogar lixo em terreno baldio")
    assert [source["quote"] for source in answer["sources"]][1:] == (
        [f"A multa é de {figure} e dobra em caso de reincidência."] if figure else []
    )
    await assert_cited(ana, answer)


async def test_a_text_called_by_its_first_sentence_answers_with_it(ana: Person) -> None:
    sentence = "O cofre do almoxarifado abre com a palavra abacaxi."
    submitted = await ana.post(DOCUMENTS, json={"text": sentence})
    assert submitted.json()["data"]["title"] == sentence
    await ana.index("A loja abre às nove horas. Cada palavra do letreiro paga taxa anual.")

    answer = await ana.ask("Com qual palavra abre o cofre do almoxarifado?")

    assert answer["sources"][0]["quote"] == sentence
    await assert_cited(ana, answer)


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("## Quanto custa o zanzibar?\n\nTrês reais à vista.", "Três reais à vista."),
        ("ZANZIBAR CUSTA TRÊS REAIS", "ZANZIBAR CUSTA TRÊS REAIS"),
    ],
)
async def test_answer_without_the_questions_words_is_not_taken_from_elsewhere(
    ana: Person, text: str, quote: str
) -> None:
    await ana.index("A segunda via custa R$ 18,40.\n\nA certidão custa R$ 31,80.", "Certidões")
    document_id = await ana.index(text, "Zanzibar")

    answer = await ana.ask("Quanto custa o zanzibar?")

    sources = [(source["document_id"], source["quote"]) for source in answer["sources"]]
    assert sources[0] == (str(document_id), quote)
    assert len(sources) == 1 or "##" not in text
    await assert_cited(ana, answer)


async def test_source_names_the_heading_above_its_quote_not_the_chunks(ana: Person) -> None:
    await ana.index(
        "# Tabela\n\nValores.\n\n## Sucupira\n\nO item sucupira custa dez reais.\n\n"
        "## Jacarandá\n\nO item jacarandá custa vinte reais."
    )

    answer = await ana.ask("Quanto custa o item jacarandá?")

    assert "vinte reais" in answer["sources"][0]["quote"]
    assert answer["sources"][0]["heading"] == "Tabela > Jacarandá"


async def test_source_names_the_page_of_its_quote_not_the_chunks(ana: Person) -> None:
    await ana.index("O item sucupira custa dez reais.\fO item jacarandá custa vinte reais.")

    answer = await ana.ask("Quanto custa o item jacarandá?")

    assert answer["sources"][0]["page"] == 2


async def test_quote_is_exact_among_astral_and_combining_characters(ana: Person) -> None:
    await ana.index(
        "😀😀 Início.\r\n\r\nA tara\u0303o e\u0301 de 7 dias u\u0301teis 😀. Fim.", "Emoji"
    )

    answer = await ana.ask("Quantos dias úteis?")

    assert "7 dias úteis 😀." in answer["sources"][0]["quote"]
    await assert_cited(ana, answer)


async def test_question_beyond_the_documents_is_declined(ana: Person) -> None:
    await ana.index(HOLIDAYS)

    answer = await ana.ask("Qual a velocidade da luz no vácuo interestelar?")

    assert answer["abstained"] is True
    assert answer["sources"] == []
    assert "Não encontrei" in answer["answer"]


async def test_question_without_any_document_is_declined(ana: Person) -> None:
    answer = await ana.ask("Quantos dias de férias eu tenho?")

    assert answer["abstained"] is True


@pytest.mark.parametrize("question", ["o que é isso?", "???", "🙂"])
async def test_question_without_content_is_declined(ana: Person, question: str) -> None:
    await ana.index(HOLIDAYS)

    assert (await ana.ask(question))["abstained"] is True


async def test_document_of_one_line_answers_with_that_line(ana: Person) -> None:
    await ana.post(DOCUMENTS, json={"text": "A segunda via da certidão custa 37 reais"})
    await ana.ingestion.drain_once("tests")

    answer = await ana.ask("Quanto custa a segunda via da certidão?")

    assert answer["sources"][0]["quote"] == "A segunda via da certidão custa 37 reais"


async def test_misspelt_question_without_accents_is_understood(ana: Person) -> None:
    await ana.index(HOLIDAYS)

    answer = await ana.ask("qual o valor do auxlio creche")

    assert "R$ 850,00" in answer["answer"]


async def test_other_organization_gets_no_answer_from_our_documents(
    ana: Person, beto: Person
) -> None:
    document_id = await ana.index(HOLIDAYS)

    theirs = await beto.ask("Qual o valor do auxílio-creche?", filters={})
    guessed = await beto.ask(
        "Qual o valor do auxílio-creche?", filters={"document_ids": [str(document_id)]}
    )

    assert theirs["abstained"]
    assert guessed["abstained"]
    assert theirs["sources"] == guessed["sources"] == []
    assert "850" not in theirs["answer"] + guessed["answer"]
    assert "850,00" not in str(theirs) + str(guessed)


async def test_deleted_document_answers_nothing_more(ana: Person) -> None:
    document_id = await ana.index(HOLIDAYS)
    await ana.call("DELETE", f"{DOCUMENTS}/{document_id}")

    answer = await ana.ask("Qual o valor do auxílio-creche?")

    assert answer["abstained"] is True


async def test_filter_keeps_other_documents_out_of_the_answer(ana: Person) -> None:
    await ana.index(HOLIDAYS)
    other = await ana.index("O auxílio-creche do estagiário é de R$ 100,00.", "Estágio")

    answer = await ana.ask(
        "Qual o valor do auxílio-creche?", filters={"document_ids": [str(other)]}
    )

    assert {source["document_id"] for source in answer["sources"]} == {str(other)}


async def test_question_text_is_not_logged(ana: Person) -> None:
    await ana.index(HOLIDAYS)

    with structlog.testing.capture_logs() as logs:
        await ana.ask("Qual o valor do auxílio-creche de Maria das Dores?")

    assert any(entry["event"] == "question_answered" for entry in logs)
    assert "Maria" not in str(logs)


@pytest.mark.parametrize(
    "body",
    [
        {"question": ""},
        {"question": "   "},
        {"question": "a" * 2001},
        {"question": "O que\x00é?"},
        {"question": "x", "model": "gpt"},
        {"question": 7},
        {"question": "x", "filters": {"document_ids": ["nope"]}},
        {},
    ],
)
async def test_bad_question_is_refused(ana: Person, body: dict[str, Any]) -> None:
    answer = await ana.post("/api/v1/rag/ask", json=body)

    assert answer.status_code == 422
    assert answer.json()["code"] == "VALIDATION_ERROR"
    assert answer.json()["details"]
