"""Taking identifiers out of free text: planted texts in Portuguese, and properties that hold for
any text."""

import re
import unicodedata

import pytest
from core_api_factories import generated_cnpj, generated_cpf
from core_api_planted_texts import PERSON, PLANTED
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chassis.security.identifiers import Kind
from chassis.security.plain_text import PlainText, plain
from core_api.modules.anonymisation.known import Known
from core_api.modules.anonymisation.recognisers import recognised
from core_api.modules.anonymisation.scrubbing import Scrubber

NOBODY = Known()
_WORDS = st.lists(
    st.sampled_from(["pedido", "segue", "contato:", "ver", "não", "Prazo", "às", "(urgente)"]),
    max_size=6,
).map(" ".join)
_CPF = st.integers(0, 2**32).map(generated_cpf).filter(lambda number: len(set(number)) > 1)
_CNPJ = st.tuples(st.integers(0, 2**32), st.booleans()).map(
    lambda drawn: generated_cnpj(drawn[0], alphanumeric=drawn[1])
)
_EMAIL = st.builds(
    "{}@{}.{}".format,
    st.from_regex(r"[a-z0-9][a-z0-9._+-]{0,20}[a-z0-9]", fullmatch=True),
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,15}[a-z0-9])?", fullmatch=True),
    st.sampled_from(["com", "com.br", "gov.br", "org"]),
)
_MOBILE = st.tuples(
    st.sampled_from(["11", "21", "31", "47", "61", "71", "81", "85", "92"]),
    st.integers(6000_0000, 9999_9999),
).map(lambda drawn: f"{drawn[0]}9{drawn[1]}")
_CEP = st.integers(1000, 99999).flatmap(
    lambda prefix: st.integers(0, 999).map(lambda suffix: f"{prefix:05}-{suffix:03}")
)


@pytest.mark.parametrize(("text", "left"), PLANTED, ids=[text[:40] for text, _ in PLANTED])
def test_planted_text_loses_its_identifiers_and_keeps_its_words(text: str, left: str) -> None:
    assert Scrubber(PERSON).text(text) == left


@pytest.mark.parametrize("text", [text for text, _ in PLANTED])
def test_scrubbing_twice_does_no_more_than_once(text: str) -> None:
    once = Scrubber(PERSON).text(text)
    scrubber = Scrubber(PERSON)

    assert scrubber.text(once) == once
    assert not scrubber.taken


@pytest.mark.parametrize("kind", Kind)
def test_what_stands_in_brackets_already_is_nobodys_name(kind: Kind) -> None:
    firm = Known(names=frozenset({f"{kind.value} certo"}))

    assert Scrubber(firm).text(f"Mora no [{kind.value}].") == f"Mora no [{kind.value}]."


def test_there_are_enough_planted_texts() -> None:
    assert len({text for text, _ in PLANTED}) >= 60
    assert {kind for kind in Kind if any(f"[{kind}]" in left for _, left in PLANTED)} == set(Kind)


@given(before=_WORDS, number=_CPF, style=st.sampled_from(["{}", "{0}"]), after=_WORDS)
def test_any_cpf_is_recognised_with_and_without_punctuation(
    before: str, number: str, style: str, after: str
) -> None:
    dotted = f"{number[:3]}.{number[3:6]}.{number[6:9]}-{number[9:]}"
    for written in (style.format(number), dotted, dotted.replace(".", " ").replace("-", " ")):
        left = Scrubber(NOBODY).text(f"{before} {written} {after}")

        assert not _digits_of(number, left)
        assert "[" in left


@given(number=_CPF, place=st.sampled_from([9, 10]))
def test_wrong_check_digits_are_no_cpf(number: str, place: int) -> None:
    wrong = number[:place] + str((int(number[place]) + 1) % 10) + number[place + 1 :]
    dotted = f"{wrong[:3]}.{wrong[3:6]}.{wrong[6:9]}-{wrong[9:]}"

    assert Kind.CPF not in {span.kind for span in recognised(dotted)}


@given(before=_WORDS, number=_CNPJ, after=_WORDS)
def test_any_cnpj_is_recognised_of_digits_or_alphanumeric(
    before: str, number: str, after: str
) -> None:
    dotted = f"{number[:2]}.{number[2:5]}.{number[5:8]}/{number[8:12]}-{number[12:]}"
    for written in (number, dotted, dotted.lower()):
        left = Scrubber(NOBODY).text(f"{before} {written} {after}")

        assert number not in re.sub(r"\W", "", left).upper()


@given(before=_WORDS, address=_EMAIL, after=_WORDS)
def test_any_email_is_recognised(before: str, address: str, after: str) -> None:
    left = Scrubber(NOBODY).text(f"{before} {address} {after}")

    assert address not in left
    assert "@" not in left


@given(before=_WORDS, number=_MOBILE, after=_WORDS)
def test_any_mobile_is_recognised_in_the_usual_notations(
    before: str, number: str, after: str
) -> None:
    area, first, last = number[:2], number[2:7], number[7:]
    notations = (f"({area}) {first}-{last}", f"+55{number}", f"{area} {first} {last}")
    for written in notations:
        left = Scrubber(NOBODY).text(f"{before} {written} {after}")

        assert not _digits_of(number, left)


@given(cep=_CEP)
def test_any_cep_is_recognised(cep: str) -> None:
    assert Scrubber(NOBODY).text(f"Mora no CEP {cep}, casa.") == "Mora no CEP [cep], casa."


@given(
    number=_MOBILE,
    gaps=st.lists(st.sampled_from(["", " ", "-", ".", " - ", ") "]), min_size=11, max_size=11),
)
def test_known_phone_is_found_whatever_stands_between_its_digits(
    number: str, gaps: list[str]
) -> None:
    written = "".join(digit + gap for digit, gap in zip(number, gaps, strict=True)).strip(" -.)")
    person = Known(phones=frozenset({f"+55{number}"}))

    assert Scrubber(person).text(f"ligar {written}, obrigado") == "ligar [telefone], obrigado"


@given(
    words=st.lists(
        st.text(st.characters(categories=("Lu", "Ll"), max_codepoint=0x17F), min_size=3),
        min_size=1,
        max_size=4,
    ).filter(lambda words: all(len(plain(word)) >= 3 for word in words)),
    before=_WORDS,
)
@example(words=["AĿA"], before="")
@example(words=["Van"], before="")
def test_no_part_of_any_name_is_left_in_whatever_case_or_accents(
    words: list[str], before: str
) -> None:
    name = " ".join(words)
    scrubber = Scrubber(Known(names=frozenset({name})))
    forms = (name, name.upper(), name.lower(), unicodedata.normalize("NFD", name), plain(name))
    for written in forms:
        left = scrubber.text(f"{before}: {written}.")

        assert plain(name) not in plain(left.replace("[nome]", "·"))


@settings(max_examples=300)
@given(text=st.text(max_size=300))
def test_nothing_breaks_and_what_has_no_identifier_stays(text: str) -> None:
    scrubber = Scrubber(NOBODY)
    left = scrubber.text(text)

    assert (left == text) == (not scrubber.taken)
    assert Scrubber(NOBODY).text(left) == left


@given(text=st.text(max_size=120))
def test_plain_text_knows_where_every_character_stood(text: str) -> None:
    seen = PlainText.of(text)

    assert seen.plain == plain(text)
    for start in range(len(seen.plain)):
        first, last = seen.original_span(start, start + 1)
        assert 0 <= first < last <= len(text)
        assert seen.plain[start] in plain(text[first:last])


def test_json_loses_identifiers_in_every_text_and_number() -> None:
    scrubber = Scrubber(PERSON)

    left = scrubber.value(
        {"nota": "Maria ligou", "lista": ["a-1020", 7, True], "cpf": 52998224725, "vazio": None}
    )

    assert left == {
        "nota": "[nome] ligou",
        "lista": ["[identificador]", 7, True],
        "cpf": None,
        "vazio": None,
    }


def test_tags_that_name_somebody_go_and_others_stay() -> None:
    assert Scrubber(PERSON).tags(["iptu", "maria prado", "vip"]) == ["iptu", "vip"]


def test_long_text_takes_no_longer_than_its_length() -> None:
    """Patterns that backtrack would not come to an end."""
    hostile = ("maria " * 2_000) + ("1" * 5_000) + ("a." * 5_000) + ("@" * 2_000)

    left = Scrubber(PERSON).text(hostile)

    assert "maria" not in left


def _digits_of(number: str, text: str) -> bool:
    return number in re.sub(r"\D", "", text)
