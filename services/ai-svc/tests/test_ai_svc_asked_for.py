"""What a question wants is told by its wording, and looked for in what was found."""

import pytest

from ai_svc.modules.rag.asked_for import asking_stems, has_what_is_asked


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Quanto custa a segunda via?", "A segunda via custa R$ 12,00 no balcão."),
        ("Qual o valor da taxa?", "O serviço é gratuito."),
        ("quanto é pra fazer outro cartão", "Outro cartão: 15 reais."),
        ("Qual a multa?", "A multa é de dois salários mínimos."),
        ("Qual o prazo para recorrer?", "Cabe recurso em até quinze dias úteis."),
        ("Quanto tempo dura a licença?", "A licença dura um ano."),
        ("Quantos deputados tem a Câmara?", "Nenhum estado tem menos de oito deputados."),
        ("Que dia passa o caminhão?", "O caminhão passa às terças."),
        ("ate quando posso pedir", "O pedido é feito até novembro."),
        ("Qual o telefone da ouvidoria?", "Ligue 162."),
        ("How long does it take?", "It takes two weeks."),
        ("When was it built?", "It was built in 1912."),
        ("Quem aprova o projeto?", "A secretaria aprova."),
        ("Como peço a certidão?", "Pela internet."),
    ],
)
def test_what_is_asked_is_there(question: str, text: str) -> None:
    assert has_what_is_asked(question, text)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Quanto custa a carteira?", "A carteira da Ordem identifica o advogado em 27 estados."),
        ("Qual o valor da anuidade?", "Compete ao Conselho fixar a anuidade."),
        ("Qual o prazo para recorrer?", "Cabe recurso ao Conselho Federal, com 3 vias."),
        ("Quantas questões tem a prova?", "O exame é aplicado pela Ordem."),
        ("Quando foi fundada?", "Foi fundada por comerciantes."),
        ("Qual o telefone?", "O atendimento é das 8h às 17h."),
        ("How many people live there?", "Many people live there."),
    ],
)
def test_what_is_asked_is_missing(question: str, text: str) -> None:
    assert not has_what_is_asked(question, text)


@pytest.mark.parametrize(
    ("question", "stems"),
    [
        ("Quanto custa a segunda via da certidão?", {"cust", "custa"}),
        ("Qual o prazo da licença?", {"praz", "prazo"}),
        ("Qual a multa por fogo no mato?", set()),  # "multa" is what the text speaks of
        ("Quem vale?", set()),
        ("A conta vale quantas vezes?", set()),
    ],
)
def test_words_that_only_ask_are_told_from_the_subject(question: str, stems: set[str]) -> None:
    assert asking_stems(question) == stems
