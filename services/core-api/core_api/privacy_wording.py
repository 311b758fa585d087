"""The words in which documents about personal data say what the registers hold: Portuguese."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from core_api.business_days import BRASILIA
from core_api.modules.consents.reading import LegalBasis, RetentionFrom, RetentionThen

LEGAL_BASES: Final[Mapping[LegalBasis, str]] = MappingProxyType(
    {
        LegalBasis.CONSENT: "Consentimento do titular",
        LegalBasis.LEGAL_OBLIGATION: "Cumprimento de obrigação legal ou regulatória",
        LegalBasis.PUBLIC_POLICY: "Execução de políticas públicas",
        LegalBasis.RESEARCH: "Estudos por órgão de pesquisa",
        LegalBasis.CONTRACT: "Execução de contrato",
        LegalBasis.EXERCISE_OF_RIGHTS: "Exercício regular de direitos em processo",
        LegalBasis.PROTECTION_OF_LIFE: "Proteção da vida ou da incolumidade física",
        LegalBasis.HEALTH_PROTECTION: "Tutela da saúde",
        LegalBasis.LEGITIMATE_INTEREST: "Legítimo interesse",
        LegalBasis.CREDIT_PROTECTION: "Proteção do crédito",
    }
)
_FROM: Final[Mapping[RetentionFrom, str]] = MappingProxyType(
    {
        RetentionFrom.COLLECTION: "a coleta",
        RetentionFrom.LAST_CONTACT: "o último contato",
        RetentionFrom.CONSENT_END: "o fim do consentimento",
        RetentionFrom.CONTRACT_END: "o fim do contrato",
        RetentionFrom.REQUEST_CLOSED: "o encerramento do atendimento",
    }
)
_THEN: Final[Mapping[RetentionThen, str]] = MappingProxyType(
    {RetentionThen.DELETE: "excluídos", RetentionThen.ANONYMIZE: "anonimizados"}
)
_ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {"operator": "operador", "controller": "controlador", "public_body": "órgão público"}
)
SAFEGUARDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "adequacy": "País com grau de proteção adequado (art. 33, I)",
        "standard_clauses": "Cláusulas-padrão contratuais (art. 33, II, b)",
        "specific_clauses": "Cláusulas contratuais específicas (art. 33, II, a)",
        "corporate_rules": "Normas corporativas globais (art. 33, II, c)",
        "certification": "Selos, certificados ou códigos de conduta (art. 33, II, d)",
        "legal_cooperation": "Cooperação jurídica internacional (art. 33, III)",
        "protection_of_life": "Proteção da vida (art. 33, IV)",
        "anpd_authorisation": "Autorização da ANPD (art. 33, V)",
        "international_commitment": "Compromisso em acordo internacional (art. 33, VI)",
        "public_policy": "Execução de política pública (art. 33, VII)",
        "consent": "Consentimento específico e em destaque (art. 33, VIII)",
        "legal_duty": "Obrigação legal (art. 33, IX, com art. 7º, II)",
        "contract": "Execução de contrato (art. 33, IX, com art. 7º, V)",
        "exercise_of_rights": "Exercício regular de direitos (art. 33, IX, com art. 7º, VI)",
    }
)
RIGHTS: Final = (
    "Confirmar se tratamos seus dados e ter acesso a eles.",
    "Corrigir dados incompletos, inexatos ou desatualizados.",
    "Pedir a anonimização, o bloqueio ou a eliminação de dados desnecessários ou excessivos.",
    "Receber seus dados em formato que permita levá-los a outro fornecedor.",
    "Pedir a eliminação dos dados tratados com o seu consentimento.",
    "Saber com quem seus dados são compartilhados.",
    "Saber que pode não consentir, e o que acontece nesse caso.",
    "Revogar o consentimento a qualquer momento, de graça.",
    "Opor-se a um tratamento feito em desacordo com a lei.",
    "Pedir que uma pessoa revise decisões tomadas só por meios automáticos.",
    "Reclamar à Autoridade Nacional de Proteção de Dados (ANPD).",
)
"""LGPD Art. 18 and 20, as a person reads them."""


def legal_basis(basis: LegalBasis, articles: Sequence[str]) -> str:
    """`consent`, `7-I` → "Consentimento do titular (art. 7º, I)"."""
    cited = "; ".join(article(each) for each in articles)
    return f"{LEGAL_BASES[basis]} ({cited})" if cited else LEGAL_BASES[basis]


def article(code: str) -> str:
    """`11-II-a` → "art. 11, II, a"."""
    number, *rest = code.split("-")
    ordinal = f"{number}º" if int(number) < 10 else number
    return ", ".join(
        [f"art. {ordinal}", *(part.replace("§", "§ ") + _ordinal(part) for part in rest)]
    )


def _ordinal(part: str) -> str:
    return "º" if part.startswith("§") else ""


def retention(purpose: Any) -> str:
    """How long, from when, and what then, of a row of the registry."""
    if purpose.retention_days is None:
        return "Não definido"
    days = "1 dia" if purpose.retention_days == 1 else f"{purpose.retention_days} dias"
    since, then = _FROM[purpose.retention_from], _THEN[purpose.retention_then]
    return f"{days} após {since}; depois os dados são {then}"


def recipient(given: Mapping[str, Any]) -> str:
    """One of a purpose's `recipients`."""
    return f"{given['name']} ({_ROLES[given['role']]}): {given['what_for']}"


def transfer(given: Mapping[str, Any]) -> str:
    """One of a purpose's `transfers`."""
    return f"{given['recipient']} ({given['country']}): {SAFEGUARDS[given['safeguard']]}"


def day(value: date) -> str:
    """As people write it."""
    return value.strftime("%d/%m/%Y")


def moment(value: datetime | None, *, unknown: str = "não informado") -> str:
    """Day and time in Brasília."""
    if value is None:
        return unknown
    return value.astimezone(BRASILIA).strftime("%d/%m/%Y às %H:%M (horário de Brasília)")


def joined(texts: Sequence[str], *, none: str = "Não informado") -> str:
    """One text of several."""
    return "; ".join(texts) or none
