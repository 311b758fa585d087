"""What a question asks for, as far as its wording tells, and whether a text has any of that.

"Quanto custa" is answered by a sum, "qual o prazo" by a time. A text without any is no answer,
however many of the question's words it has. Portuguese and English, over folded text.
"""

import re
from functools import cache
from typing import Final, NamedTuple

from knowledge.lexical.analyzer import analyze_word, fold, words
from knowledge.models import Language

_COUNTS: Final = """
zero dois duas tres quatro cinco seis sete oito nove dez onze doze treze quatorze catorze quinze
dezesseis dezessete dezoito dezenove vinte trinta quarenta cinquenta sessenta setenta oitenta
noventa cem cento mil milhao milhoes bilhao bilhoes metade dobro terco primeiro primeira nenhum
nenhuma two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty
hundred thousand million billion half once twice dozen
"""
_MONTHS_AND_DAYS: Final = """
janeiro fevereiro marco abril maio junho julho agosto setembro outubro novembro dezembro segunda
terca quarta quinta sexta sabado domingo seculo vespera antes depois durante apos quando january
february march april may june july august september october november december monday tuesday
wednesday thursday friday saturday sunday century before after during when
"""
_ASKING: Final = """
tempo prazo custa custar custo preco valor pago paga pagar vale cobra sai dia dias mes meses ano
anos hora horas data telefone money cost long year years month months day days hours date phone
number
"""
_ONLY_ASKS: Final = frozenset(_ASKING.split())


def _any_of(words: str) -> str:
    return rf"\b(?:{'|'.join(words.split())})s?\b"


_NUMBER: Final = rf"(?:\d|{_any_of(_COUNTS)})"


class Kind(NamedTuple):
    """`asked` is how a question says that it wants it, `told` how a text has it."""

    asked: re.Pattern[str]
    told: re.Pattern[str]


KINDS: Final = (
    # A sum, a share of one, or that there is none.
    Kind(
        re.compile(
            r"\bquanto (?:custa|sai|pago|paga|vale|cobra|e (?:que custa|a|o|pra|para))\b"
            r"|\bqual (?:e )?[oa] (?:valor|taxa|preco|custo|multa|aliquota|desconto|tarifa|salario)"
            r"|\bvalor (?:d[aeo]|minimo|maximo|mensal)\b|\bpagar quanto\b|\bhow much money\b"
        ),
        re.compile(
            r"r\$|\breais\b|[$%£€]|por cento|percent|gratuit|gratis|isent|de graca|sem custo"
            r"|nao (?:se )?(?:paga|cobra)|nao ha (?:custo|taxa)|salarios? minimo|\bdol+ar|\beuro"
        ),
    ),
    # How long.
    Kind(
        re.compile(
            r"\bquanto tempo\b|\bqual (?:e )?o prazo\b|\bquant[oa]s (?:dias|meses|anos|horas)\b"
            r"|\bhow long\b|\bhow many (?:days|months|years|hours)\b"
        ),
        re.compile(
            rf"(?:{_NUMBER}|\buma?\b)[^.\n]{{0,25}}\b(?:dia|hora|minuto|mes|meses|ano|semana|seculo"
            r"|decada|day|hour|minute|month|year|week|decade)s?\b"
        ),
    ),
    # How many.
    Kind(
        re.compile(r"\bquant[oa]s\b|\bhow many\b|\bpercentual\b|\bporcentagem\b|\bvelocidade\b"),
        re.compile(_NUMBER),
    ),
    # When.
    Kind(
        re.compile(
            r"\bquando\b|\bque (?:dia|horas?|data|ano)\b|\bate que\b"
            r"|\bwhen\b|\b(?:what|which) (?:year|date|day)\b"
        ),
        re.compile(rf"\d|{_any_of(_MONTHS_AND_DAYS)}"),
    ),
    # A number to call.
    Kind(re.compile(r"\btelefone\b|\bphone number\b"), re.compile(r"\d{3}")),
)


def has_what_is_asked(question: str, text: str) -> bool:
    """False only where the question's wording tells what it wants and the text has none of it."""
    wanted = _wanted(fold(question))
    return wanted is None or wanted.told.search(fold(text)) is not None


def asking_stems(question: str) -> frozenset[str]:
    """The stems of the words that only ask and say nothing of the subject.

    "Custa" of "quanto custa a certidão": the text that answers has a sum instead.
    """
    asked = fold(question)
    kind = _wanted(asked)
    found = kind.asked.search(asked) if kind else None
    said = words(found.group()) if found else []
    return frozenset(stem for word in said if word in _ONLY_ASKS for stem in _stems(word))


def _wanted(asked: str) -> Kind | None:
    return next((kind for kind in KINDS if kind.asked.search(asked)), None)


@cache
def _stems(word: str) -> frozenset[str]:
    stems = (analyze_word(word, language).stem for language in Language)
    return frozenset(stem for stem in stems if stem is not None)
