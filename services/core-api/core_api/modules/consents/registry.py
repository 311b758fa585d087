"""What the registry of purposes may say: articles of each legal basis, retention, who receives."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field, StringConstraints

from chassis.web.errors import InvalidInput
from core_api.inputs import Input, Line
from core_api.modules.consents.models import LegalBasis

ARTICLES: Final[Mapping[LegalBasis, tuple[str, ...]]] = MappingProxyType(
    {
        LegalBasis.CONSENT: ("7-I", "11-I", "14-§1"),
        LegalBasis.LEGAL_OBLIGATION: ("7-II", "11-II-a"),
        LegalBasis.PUBLIC_POLICY: ("7-III", "11-II-b"),
        LegalBasis.RESEARCH: ("7-IV", "11-II-c"),
        LegalBasis.CONTRACT: ("7-V",),
        LegalBasis.EXERCISE_OF_RIGHTS: ("7-VI", "11-II-d"),
        LegalBasis.PROTECTION_OF_LIFE: ("7-VII", "11-II-e"),
        LegalBasis.HEALTH_PROTECTION: ("7-VIII", "11-II-f"),
        LegalBasis.LEGITIMATE_INTEREST: ("7-IX",),
        LegalBasis.CREDIT_PROTECTION: ("7-X",),
    }
)
"""Of Lei 13.709/2018; those of Art. 11 are for sensitive data, Art. 14 § 1 for children. The
first one is what a basis rests on when nobody says more."""

_RETENTION: Final = ("retention_days", "retention_from", "retention_then")


def _unique(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


Article = Annotated[str, StringConstraints(pattern=r"^(7|11|14)-[IVX§0-9a-f-]+$", max_length=20)]
Articles = Annotated[
    list[Article],
    Field(max_length=3, examples=[["7-I"]], description="Article, item and letter of the LGPD"),
    AfterValidator(_unique),
]
Categories = Annotated[
    list[Line], Field(max_length=50, examples=[["contato"]]), AfterValidator(_unique)
]


Email = Annotated[
    str,
    StringConstraints(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+$", max_length=200),
    Field(
        examples=["dados@grafica.example"],
        description="Where they are told of corrections, blocking and erasure (Art. 18 § 6)",
    ),
]


class Recipient(Input):
    """Somebody the data is passed on to (LGPD Art. 9 V, Art. 18 VII)."""

    name: Line = Field(examples=["Gráfica Boa Vista"])
    role: Annotated[
        str,
        StringConstraints(pattern=r"^(operator|controller|public_body)$"),
        Field(examples=["operator"]),
    ]
    what_for: Line = Field(examples=["Impressão de correspondência"])
    email: Email | None = None


class Transfer(Input):
    """A transfer to another country (LGPD Art. 33)."""

    recipient: Line = Field(examples=["Provedor de nuvem"])
    email: Email | None = None
    country: Annotated[
        str,
        StringConstraints(pattern=r"^[A-Z]{2}$"),
        Field(examples=["US"], description="ISO 3166-1, two letters"),
    ]
    safeguard: Annotated[
        str,
        StringConstraints(
            pattern=r"^(adequacy|standard_clauses|specific_clauses|corporate_rules|certification"
            r"|consent|legal_duty|contract)$"
        ),
        Field(examples=["standard_clauses"], description="What allows it (Art. 33)"),
    ]


Recipients = Annotated[list[Recipient], Field(max_length=50)]
Transfers = Annotated[list[Transfer], Field(max_length=50)]
Days = Annotated[int, Field(ge=1, le=36_525, examples=[365])]


def complete_retention(values: Mapping[str, Any]) -> None:
    """A retention says how long, from when, and what then; or nothing. InvalidInput."""
    missing = [name for name in _RETENTION if values.get(name) is None]
    if missing and len(missing) < len(_RETENTION):
        raise InvalidInput.on(
            f"body.{missing[0]}",
            "A retenção diz por quanto tempo, a partir de quando e o que acontece depois.",
        )
