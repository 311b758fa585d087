"""CPF and CNPJ."""

import pytest
from core_api_factories import generated_cnpj, generated_cpf

from core_api.masking import mask_document
from core_api.modules.clients import tax_ids


@pytest.mark.parametrize("seed", range(20))
def test_generated_numbers_are_valid_and_one_wrong_digit_is_not(seed: int) -> None:
    cpf, cnpj = generated_cpf(seed), generated_cnpj(seed, alphanumeric=seed % 2 == 1)

    assert tax_ids.normalise_cpf(tax_ids.formatted(cpf)) == cpf
    assert tax_ids.normalise_cnpj(tax_ids.formatted(cnpj).lower()) == cnpj
    for number, normalise in ((cpf, tax_ids.normalise_cpf), (cnpj, tax_ids.normalise_cnpj)):
        wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
        with pytest.raises(tax_ids.InvalidTaxId):
            normalise(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "111.111.111-11",  # the check digits hold, yet none was ever issued
        "52998224725000",
        "5299822472",
        "529.982.247-26",
        "529.982.247=25",
        "abc.def.ghi-jk",
        "٥٢٩٩٨٢٢٤٧٢٥",  # digits, but not ours
    ],
)
def test_what_is_no_cpf_is_refused(text: str) -> None:
    with pytest.raises(tax_ids.InvalidTaxId, match="CPF inválido"):
        tax_ids.normalise_cpf(text)


@pytest.mark.parametrize(
    "text", ["", "00.000.000/0000-00", "12.ABC.345/01DE-36", "12.ABC.345/01DE-3X", "12ÁBC34501DE35"]
)
def test_what_is_no_cnpj_is_refused(text: str) -> None:
    with pytest.raises(tax_ids.InvalidTaxId, match="CNPJ inválido"):
        tax_ids.normalise_cnpj(text)


def test_search_recognises_a_whole_number_only() -> None:
    assert tax_ids.find("529.982.247-25") == "52998224725"
    assert tax_ids.find("12abc34501de35") == "12ABC34501DE35"
    assert tax_ids.find("529.982") is None


def test_mask_hides_the_ends() -> None:
    assert mask_document("52998224725") == "***.982.247-**"
    assert mask_document("12ABC34501DE35") == "**.ABC.345/01DE-**"
