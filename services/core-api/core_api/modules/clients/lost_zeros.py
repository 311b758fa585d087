"""Zeros that spreadsheets take away: they read a CPF, a CNPJ or a CEP as a number.

Given back only where one reading is left: the check digits, or the state, have to agree.
"""

import re
from typing import Final

from core_api.masking import CPF_LENGTH
from core_api.modules.clients import tax_ids
from core_api.modules.clients.contacts.addresses import Uf, find_uf
from core_api.modules.clients.models import ClientKind

CNPJ_LENGTH: Final = 14
_CEP_LENGTH: Final = 8
_NUMBER: Final = re.compile(r"[1-9]\d{2,12}", re.ASCII)


def whole_document(text: str, kind: ClientKind | None) -> str:
    """`1234567890` → `01234567890`; as it is when nothing is missing, or when it could be either.

    `kind`: None when nobody says whose number it is.
    """
    if not _NUMBER.fullmatch(text):
        return text
    readings = {
        ClientKind.PERSON: text.zfill(CPF_LENGTH),
        ClientKind.COMPANY: text.zfill(CNPJ_LENGTH),
    }
    possible = [
        number
        for whose, number in readings.items()
        if kind in (None, whose) and tax_ids.find(number) == number
    ]
    return possible[0] if len(possible) == 1 else text


def whole_cep(text: str, uf: str) -> str:
    """`1310100` → `01310100`: CEPs that begin with 0 are of São Paulo, the state and no other."""
    if not re.fullmatch(r"[1-9]\d{6}", text, re.ASCII):
        return text
    return text.zfill(_CEP_LENGTH) if not uf or find_uf(uf) is Uf.SP else text
