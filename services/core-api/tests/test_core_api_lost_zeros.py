"""Numbers of a spreadsheet that have lost their zeros: given back when one reading is left."""

from itertools import count

import pytest
from core_api_factories import generated_cnpj, generated_cpf

from core_api.modules.clients.lost_zeros import whole_cep, whole_document
from core_api.modules.clients.models import ClientKind

PERSON, COMPANY = ClientKind.PERSON, ClientKind.COMPANY


def test_a_number_that_is_whole_stays_as_it_is() -> None:
    for text in (generated_cpf(1), "529.982.247-25", "12.ABC.345/01DE-35", "", "abc", "0191"):
        assert whole_document(text, None) == text


@pytest.mark.parametrize("kind", [None, COMPANY])
def test_a_company_gets_its_zeros_back(kind: ClientKind | None) -> None:
    cnpj = next(number for seed in count() if (number := generated_cnpj(seed))[0] == "0")

    assert whole_document(cnpj.lstrip("0"), kind) == cnpj


def test_whose_number_it_is_decides() -> None:
    assert whole_document("191", PERSON) == "00000000191"
    assert whole_document("191", COMPANY) == "00000000000191"
    assert whole_document("191", None) == "191"  # it is both


def test_check_digits_have_to_agree() -> None:
    for kind in (None, PERSON, COMPANY):
        assert whole_document("192", kind) == "192"


@pytest.mark.parametrize(
    ("cep", "uf", "whole"),
    [
        ("1310100", "SP", "01310100"),
        ("1310100", "São Paulo", "01310100"),
        ("1310100", "", "01310100"),
        ("1310100", "RJ", "1310100"),
        ("1310-100", "SP", "1310-100"),
        ("310100", "SP", "310100"),
    ],
)
def test_a_cep_of_sao_paulo_begins_with_a_zero(cep: str, uf: str, whole: str) -> None:
    assert whole_cep(cep, uf) == whole
