"""Variables in canned texts: `{{cliente.nome}}` and the others of one table, and nothing else.

No template engine: names are looked up and put in, once. What is put in is never looked at again,
so that a client called `{{atendente.nome}}` stays that.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

VARIABLES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "cliente.nome": ("O nome completo do cliente", "Júlia Prado"),
        "cliente.primeiro_nome": ("A primeira palavra do nome do cliente", "Júlia"),
        "chamado.numero": ("O número do chamado", "42"),
        "chamado.assunto": ("O assunto do chamado", "Certidão atrasada"),
        "chamado.status": ("Em que pé está o chamado", "aberto"),
        "chamado.prioridade": ("A prioridade do chamado", "alta"),
        "chamado.responsavel": ("O nome de quem cuida do chamado; vazio se ninguém", "Bruno"),
        "chamado.equipe": ("O nome da equipe do chamado; vazio se nenhuma", "Tributos"),
        "atendente.nome": ("O nome de quem responde", "Bruno Exemplo"),
        "atendente.primeiro_nome": ("A primeira palavra do nome de quem responde", "Bruno"),
        "organizacao.nome": ("O nome da organização", "Prefeitura de Aurora"),
        "data.hoje": ("A data de hoje, em Brasília", "21/11/2026"),
    }
)
"""Name → what it stands for, and an example."""

_BRACES: Final = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)


def checked(text: str) -> str:
    """The text, its variables written in one way; ValueError names what is not a variable."""
    unknown = [name for name in _names(text) if name not in VARIABLES]
    if unknown:
        quoted = ", ".join(f"{{{{{name}}}}}" for name in dict.fromkeys(unknown))
        raise ValueError(f"Variável desconhecida: {quoted}. Use: {', '.join(VARIABLES)}.")
    left = _BRACES.sub("", text)
    if "{{" in left or "}}" in left:
        raise ValueError("Há chaves duplas sem par. Escreva variáveis como {{cliente.nome}}.")
    return _BRACES.sub(lambda found: f"{{{{{found[1].strip()}}}}}", text)


def rendered(text: str, values: Mapping[str, str]) -> str:
    """The text with the values in place of the variables. A name without a value stays empty."""
    return _BRACES.sub(lambda found: values.get(found[1].strip(), ""), text)


def _names(text: str) -> list[str]:
    return [found[1].strip() for found in _BRACES.finditer(text)]
