"""Which questions are given the same answer again, and which only look alike."""

import pytest

from ai_svc.modules.answers.likeness import question_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Quando vence o IPTU?", "Onde vence o IPTU?"),
        ("Posso faltar com atestado?", "Posso faltar sem atestado?"),
        ("Prazo de 30 dias?", "Prazo de 60 dias?"),
        ("Quem paga é o dono?", "Quem paga não é o dono?"),
        ("Ônibus de Recife para Natal?", "Ônibus de Natal para Recife?"),
        ("Como parar de compartilhar arquivos?", "Como compartilhar arquivos?"),
        ("Quando abre o porto?", "Quando abre a porta?"),
        ("Quem é o diretor?", "Quem é a diretoria?"),
        ("Qual o nome do pai?", "Qual o nome do país?"),
        ("Quanto custa a CNH A?", "Quanto custa a CNH E?"),
        ("quanto custa a categoria a em recife", "quanto custa a categoria o em recife"),
        ("tem sangue do tipo a", "tem sangue do tipo o"),
        ("QUANTO CUSTA A CLASSE A", "QUANTO CUSTA A CLASSE E"),
        ("Onde fica a creche São João?", "Onde fica a creche João?"),
    ],
)
def test_questions_that_mean_something_else_have_other_keys(one: str, other: str) -> None:
    assert question_key(one) != question_key(other)


@pytest.mark.parametrize(
    "other",
    [
        "qual o prazo da matricula",
        "Qual é o prazo de matrícula?",
        "Qual e\u0301 o prazo da matri\u0301cula?",
        "QUAL OS PRAZOS DAS MATRÍCULAS",
    ],
)
def test_questions_that_are_only_written_otherwise_share_a_key(other: str) -> None:
    assert question_key(other) == question_key("Qual o prazo da matrícula?")
