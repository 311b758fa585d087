"""Clients as rows of a spreadsheet: which columns there are, in both directions.

A file that was exported names its columns so that importing it recognises every one of them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from core_api.folding import fold

CUSTOM: Final = "custom."
"""Before the key of a field of the organization's own."""

_NOT_A_WORD: Final = re.compile(r"[^a-z0-9]+")
_KEY: Final = re.compile(r"\[([a-z][a-z0-9_]*)\]\s*$")


@dataclass(frozen=True, slots=True)
class Column:
    """What a column can hold: its field, its name in exports, and what else people call it."""

    field: str
    header: str
    aliases: tuple[str, ...] = ()


COLUMNS: Final[Sequence[Column]] = (
    Column("id", "Identificador", ("id", "id do cliente", "client id", "uuid")),
    Column(
        "external_id",
        "Código externo",
        ("external id", "id externo", "codigo", "codigo do cliente", "code", "customer id"),
    ),
    Column("kind", "Tipo", ("kind", "type", "tipo de pessoa", "tipo de cliente", "pessoa")),
    Column(
        "name",
        "Nome",
        ("name", "nome completo", "full name", "cliente", "razao social", "client", "company"),
    ),
    Column(
        "document",
        "CPF/CNPJ",
        ("cpf", "cnpj", "documento", "document", "tax id", "cpf ou cnpj", "cnpj cpf"),
    ),
    Column(
        "email", "E-mail", ("mail", "endereco de e mail", "email address", "correio eletronico")
    ),
    Column("other_emails", "Outros e-mails", ("other emails", "outros emails")),
    Column(
        "phone",
        "Telefone",
        ("phone", "celular", "fone", "telefone 1", "mobile", "phone number", "whatsapp", "tel"),
    ),
    Column("other_phones", "Outros telefones", ("other phones", "telefone 2", "telefone fixo")),
    Column("tags", "Etiquetas", ("tags", "tag", "marcadores", "labels", "rotulos")),
    Column("cep", "CEP", ("zip", "zip code", "postal code", "codigo postal")),
    Column("uf", "UF", ("estado", "state")),
    Column("city", "Município", ("city", "cidade")),
    Column("street", "Logradouro", ("street", "rua", "endereco", "address")),
    Column("number", "Número", ("number", "num", "n", "no", "numero do endereco")),
    Column("complement", "Complemento", ("complement", "address line 2")),
    Column("district", "Bairro", ("district", "neighborhood", "neighbourhood")),
)

FIELDS: Final = frozenset(column.field for column in COLUMNS)
REPEATABLE: Final = frozenset({"email", "other_emails", "phone", "other_phones", "tags"})
"""Several columns may hold parts of these."""


def _named() -> Mapping[str, str]:
    return MappingProxyType(
        {
            _plain(name): column.field
            for column in COLUMNS
            for name in (column.field, column.header, *column.aliases)
        }
    )


def joined(texts: Iterable[str]) -> str:
    """Several values in one cell."""
    return ", ".join(texts)


def header_of_custom(label: str, key: str) -> str:
    """The name of a custom field's column in exports: labels may change, and may be anything."""
    return f"{label} [{key}]"


def proposed(header: Sequence[str], custom: Iterable[tuple[str, str]]) -> list[str | None]:
    """For each column of a file the field it probably holds; `custom`: key and label of each field
    of the organization's own. None of the fields that can only be there once comes twice."""
    own = dict(custom)
    labels = {_plain(label): key for key, label in own.items()} | {_plain(key): key for key in own}
    found: list[str | None] = []
    for name in header:
        field = _proposal(name, own, labels)
        if field in found and field not in REPEATABLE:
            field = None
        found.append(field)
    return found


def _proposal(name: str, own: Mapping[str, str], labels: Mapping[str, str]) -> str | None:
    marked = _KEY.search(fold(name))
    if marked is not None and marked[1] in own:
        return CUSTOM + marked[1]
    plain = _plain(name)
    if plain in _FIELD_OF:
        return _FIELD_OF[plain]
    return CUSTOM + labels[plain] if plain in labels else None


def _plain(name: str) -> str:
    return _NOT_A_WORD.sub(" ", fold(name)).strip()


_FIELD_OF: Final = _named()
