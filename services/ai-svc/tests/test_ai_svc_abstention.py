"""Who asks what the documents do not say is told so, also by a handful of documents."""

import json

import pytest
from ai_svc_factories import HOLIDAYS, Person
from fastapi import FastAPI

from ai_svc.modules.rag.abstention import Calibration, learned
from ai_svc.modules.rag.evidence import Signals

HANDFUL = {
    "Atestados": "O atestado médico é entregue em até 3 dias úteis ao setor de pessoal.",
    "Diárias": "As diárias de viagem são pagas em até 5 dias depois da prestação de contas.",
    "Estacionamento": "As vagas do estacionamento são sorteadas todo ano entre os servidores.",
    "Biblioteca": "Cada pessoa pode ficar com um livro por 15 dias e renovar uma vez.",
    "Crachá": "O crachá perdido é refeito em 10 dias e custa R$ 20,00.",
}


@pytest.mark.committed
@pytest.mark.parametrize(
    "question",
    [
        "Quantos dias de férias eu tenho?",
        "Quantos dias de licença-paternidade eu tenho?",
        "Qual o prazo da licença-prêmio?",
        "Quanto custa a segunda via da certidão de casamento?",
        "Qual o telefone da ouvidoria?",
    ],
)
async def test_frequent_word_in_a_small_collection_is_no_answer(ana: Person, question: str) -> None:
    for title, text in HANDFUL.items():
        await ana.index(text, title)

    answer = await ana.ask(question)

    assert answer["abstained"] is True
    assert answer["confidence"] < learned().threshold
    assert answer["answer"].startswith("Não encontrei a resposta")
    assert "envie um documento" in answer["answer"]


@pytest.mark.committed
@pytest.mark.parametrize(
    ("question", "told"),
    [
        ("Quantos dias de férias eu tenho?", "30 dias"),
        ("Em quantos dias entrego o atestado?", "3 dias"),
        ("Por quanto tempo posso ficar com um livro?", "15 dias"),
        ("Quanto custa refazer o crachá perdido?", "R$ 20,00"),
        ("Como são distribuídas as vagas do estacionamento?", "sorteadas"),
    ],
)
async def test_what_a_small_collection_says_is_answered(
    ana: Person, question: str, told: str
) -> None:
    for title, text in {**HANDFUL, "Benefícios": HOLIDAYS}.items():
        await ana.index(text, title)

    answer = await ana.ask(question)

    assert told in answer["answer"]
    assert answer["confidence"] >= learned().threshold


@pytest.mark.committed
async def test_answer_takes_from_several_documents_what_one_does_not_say(ana: Person) -> None:
    for title, text in HANDFUL.items():
        await ana.index(text, title)

    answer = await ana.ask("Qual o prazo do atestado médico e quanto custa o crachá perdido?")

    assert {source["title"] for source in answer["sources"]} == {"Atestados", "Crachá"}
    assert "[2]" in answer["answer"]


@pytest.mark.committed
async def test_configured_threshold_overrules_what_was_learned(
    ana: Person, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    await ana.index(HOLIDAYS)
    settings = app.state.workshop.settings.answers
    monkeypatch.setitem(settings.__dict__, "threshold", 1.0)

    assert (await ana.ask("Qual o valor do auxílio-creche?"))["abstained"] is True


def test_what_was_learned_rises_with_the_evidence() -> None:
    calibration = learned()
    weak = Signals(coverage=-1.5, sentence=-2.5, words=0.7, lead=0.1, told=0.3, unknown=1.1, kind=0)
    strong = Signals(
        coverage=-0.2, sentence=-0.4, words=1.8, lead=0.7, told=1.0, unknown=0.0, kind=1
    )

    assert calibration.confidence(None) == 0
    assert calibration.confidence(weak) < calibration.threshold < calibration.confidence(strong)


def test_signal_that_was_not_learned_is_an_error() -> None:
    said = {"version": "x", "intercept": 0, "weights": {"coverage": 1}, "threshold": 0.5}

    with pytest.raises(KeyError):
        Calibration.parse(json.dumps(said))
