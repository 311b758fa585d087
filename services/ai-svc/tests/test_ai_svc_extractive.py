"""Sentences and quotes: where they begin and end, and which are the same."""

import pytest

from ai_svc.modules.rag.quotes import locate
from ai_svc.modules.rag.sentences import sentences
from ai_svc.prompts import read_prompt


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Uma frase. Outra frase! E a terceira?", ["Uma frase.", "Outra frase!", "E a terceira?"]),
        ("Conforme o art. 18 da lei. Fim.", ["Conforme o art. 18 da lei.", "Fim."]),
        ("O Sr. J. P. Souza saiu. Voltou.", ["O Sr. J. P. Souza saiu.", "Voltou."]),
        ("Custa R$ 1.037,40 hoje. Amanhã não.", ["Custa R$ 1.037,40 hoje.", "Amanhã não."]),
        ("Linha quebrada\nno meio. Fim.", ["Linha quebrada\nno meio.", "Fim."]),
        ("Pontos... e segue. Fim", ["Pontos... e segue.", "Fim"]),
        ("Leve:\n- RG;\n- CPF.", ["Leve:", "- RG;", "- CPF."]),
        ("Disse: “Sim.” E saiu.", ["Disse: “Sim.”", "E saiu."]),
        ("## Moro só. Pago?\nSim. Sempre.", ["## Moro só. Pago?", "Sim.", "Sempre."]),
        ("   \n\n  ", []),
    ],
)
def test_text_is_split_into_sentences(text: str, expected: list[str]) -> None:
    assert [text[found.start : found.end] for found in sentences(text)] == expected


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("Segunda via da certidão\n\nCusta R$ 37,40.", ["Segunda via da certidão"]),
        ("Prazo: 3 dias\n\nTaxa: R$ 2", []),
        ("## Tenho 70 anos. Pago a tarifa?\n\nNão paga.", ["## Tenho 70 anos. Pago a tarifa?"]),
        ("#1 da lista. Fim.", []),
        ("- Documento com foto\n- Comprovante", []),
    ],
)
def test_headings_are_told_from_sentences(text: str, headings: list[str]) -> None:
    found = [text[item.start : item.end] for item in sentences(text) if item.is_heading]
    assert found == headings


@pytest.mark.parametrize(
    ("quote", "expected"),
    [
        ("60 dias", "60 dias"),
        ("com 60 dias de antecedência", "com 60 dias\nde antecedência"),
        ("com 61 dias", None),
        ("Com 60 dias", None),
        ("", None),
        ("ab", None),
        (".*", None),
        ("(a+)+", None),
    ],
)
def test_quote_is_located_exactly_or_not_at_all(quote: str, expected: str | None) -> None:
    content = "Peça com 60 dias\nde antecedência."
    span = locate(quote, content)
    assert (content[slice(*span)] if span else None) == expected


def test_prompt_is_filled_strictly() -> None:
    prompt = read_prompt("answer_question", 1)

    filled = prompt.render(question="Qual?", passages="$question {x}")
    assert "Qual?" in filled.user
    assert "$question {x}" in filled.user
    assert "$" not in filled.system
    with pytest.raises(KeyError):
        prompt.render(question="Qual?")
    with pytest.raises(ValueError, match="unknown"):
        prompt.render(question="Qual?", passages="", unknown="")
