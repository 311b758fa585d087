"""What an automated decision went by, as its subject is told (LGPD Art. 20 § 1)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

_INPUTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "subject": "o assunto do chamado",
        "description": "a descrição do chamado",
        "messages": "as mensagens do chamado",
        "channel": "o canal de atendimento",
        "category": "a categoria do chamado",
        "tags": "as etiquetas do chamado",
        "client_tags": "as etiquetas do cadastro",
        "history": "os chamados anteriores",
        "attachments": "os anexos do chamado",
        "priority": "a prioridade informada",
    }
)
_CRITERIA: Final[Mapping[str, str]] = MappingProxyType(
    {
        "category-words": "palavras das categorias",
        "earlier-tickets": "chamados anteriores parecidos",
        "category-teams": "equipes que costumam atender a categoria",
        "team-words": "palavras das equipes",
        "urgency-words": "palavras de urgência",
        "calm-words": "palavras de quem não tem pressa",
        "documents": "documentos da organização",
        "client-tickets": "outros chamados da mesma pessoa",
        "language-model": "leitura por um modelo de linguagem",
    }
)
_OUTCOMES: Final[Mapping[str, str]] = MappingProxyType(
    {"priority": "a prioridade", "category_id": "a categoria", "team_id": "a equipe"}
)


def explained(
    inputs: Sequence[str],
    criteria: Sequence[str],
    outcome: Mapping[str, Any],
    *,
    applied: bool,
) -> str:
    """One paragraph."""
    read = _listed([_INPUTS.get(name, name) for name in inputs]) or "dados do chamado"
    decided = _listed([_OUTCOMES.get(name, name) for name in outcome]) or "uma triagem"
    by = (
        f" Pesaram os critérios: {', '.join(_CRITERIA.get(code, code) for code in criteria)}."
        if criteria
        else ""
    )
    effect = (
        "O resultado foi aplicado automaticamente."
        if applied
        else "O resultado foi uma sugestão, decidida por uma pessoa."
    )
    return (
        f"O assistente leu {read} e definiu {decided}.{by} {effect} "
        "Você pode pedir que uma pessoa revise esta decisão."
    )


def _listed(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts)
    return f"{', '.join(parts[:-1])} e {parts[-1]}"
