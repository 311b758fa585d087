"""Brazilian postal addresses: the states, and which CEP belongs to which."""

import re
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from core_api.folding import fold

_STATE_OF: Final = re.compile(r"^estado (de|do|da) ")
_CEP: Final = re.compile(r"\d{5}-?\d{3}", re.ASCII)


class Uf(StrEnum):
    """The states, and the Federal District."""

    AC = "AC"
    AL = "AL"
    AM = "AM"
    AP = "AP"
    BA = "BA"
    CE = "CE"
    DF = "DF"
    ES = "ES"
    GO = "GO"
    MA = "MA"
    MG = "MG"
    MS = "MS"
    MT = "MT"
    PA = "PA"
    PB = "PB"
    PE = "PE"
    PI = "PI"
    PR = "PR"
    RJ = "RJ"
    RN = "RN"
    RO = "RO"
    RR = "RR"
    RS = "RS"
    SC = "SC"
    SE = "SE"
    SP = "SP"
    TO = "TO"


_NAMES: Final = MappingProxyType(
    {
        Uf.AC: "Acre",
        Uf.AL: "Alagoas",
        Uf.AM: "Amazonas",
        Uf.AP: "Amapá",
        Uf.BA: "Bahia",
        Uf.CE: "Ceará",
        Uf.DF: "Distrito Federal",
        Uf.ES: "Espírito Santo",
        Uf.GO: "Goiás",
        Uf.MA: "Maranhão",
        Uf.MG: "Minas Gerais",
        Uf.MS: "Mato Grosso do Sul",
        Uf.MT: "Mato Grosso",
        Uf.PA: "Pará",
        Uf.PB: "Paraíba",
        Uf.PE: "Pernambuco",
        Uf.PI: "Piauí",
        Uf.PR: "Paraná",
        Uf.RJ: "Rio de Janeiro",
        Uf.RN: "Rio Grande do Norte",
        Uf.RO: "Rondônia",
        Uf.RR: "Roraima",
        Uf.RS: "Rio Grande do Sul",
        Uf.SC: "Santa Catarina",
        Uf.SE: "Sergipe",
        Uf.SP: "São Paulo",
        Uf.TO: "Tocantins",
    }
)
_BY_NAME: Final = MappingProxyType(
    {fold(name): uf for uf, name in _NAMES.items()} | {fold(uf): uf for uf in Uf}
)

# First five digits, as the Correios give them out.
_RANGES: Final = MappingProxyType(
    {
        Uf.AC: ((69900, 69999),),
        Uf.AL: ((57000, 57999),),
        Uf.AM: ((69000, 69299), (69400, 69899)),
        Uf.AP: ((68900, 68999),),
        Uf.BA: ((40000, 48999),),
        Uf.CE: ((60000, 63999),),
        Uf.DF: ((70000, 72799), (73000, 73699)),
        Uf.ES: ((29000, 29999),),
        Uf.GO: ((72800, 72999), (73700, 76799)),
        Uf.MA: ((65000, 65999),),
        Uf.MG: ((30000, 39999),),
        Uf.MS: ((79000, 79999),),
        Uf.MT: ((78000, 78899),),
        Uf.PA: ((66000, 68899),),
        Uf.PB: ((58000, 58999),),
        Uf.PE: ((50000, 56999),),
        Uf.PI: ((64000, 64999),),
        Uf.PR: ((80000, 87999),),
        Uf.RJ: ((20000, 28999),),
        Uf.RN: ((59000, 59999),),
        Uf.RO: ((76800, 76999), (78900, 78999)),
        Uf.RR: ((69300, 69399),),
        Uf.RS: ((90000, 99999),),
        Uf.SC: ((88000, 89999),),
        Uf.SE: ((49000, 49999),),
        Uf.SP: ((1000, 19999),),
        Uf.TO: ((77000, 77999),),
    }
)


def normalise_cep(text: str) -> str:
    """The 8 digits with their hyphen: `01310100` → `01310-100`; or ValueError."""
    if not _CEP.fullmatch(text.strip()):
        raise ValueError("CEP inválido. Informe os 8 dígitos, por exemplo 01310-100.")
    digits = text.strip().replace("-", "")
    return f"{digits[:5]}-{digits[5:]}"


def find_uf(text: str) -> Uf | None:
    """The state by its abbreviation or its name: `sp`, `São Paulo`, `estado de sao paulo`."""
    plain = " ".join(fold(text).split())
    return _BY_NAME.get(_STATE_OF.sub("", plain))


def uf_of_cep(cep: str) -> Uf | None:
    """The state that a normalised CEP is of."""
    return next((uf for uf in Uf if cep_is_of(cep, uf)), None)


def cep_is_of(cep: str, uf: Uf) -> bool:
    """Whether the state has such CEPs; `cep` is normalised."""
    prefix = int(cep[:5])
    return any(first <= prefix <= last for first, last in _RANGES[uf])
