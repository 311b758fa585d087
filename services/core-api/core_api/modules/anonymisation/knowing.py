"""Gathering what is known about a person: from the client's row, the merged ones', and before."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from stdnum.br import cnpj, cpf

from core_api.modules.anonymisation.known import Known
from core_api.modules.audit.former_values import former_values
from core_api.modules.clients.identifiers import identifiers_of
from shared_schemas.ids import OrganizationId

_CEP: Final = re.compile(r"\d{5}-?\d{3}")
_PHONE: Final = re.compile(r"\+?[\d\s().-]{8,20}")


async def known_of(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Collection[UUID]
) -> Known:
    """Of a client and those merged into it, now and before."""
    known = Known()
    for fields in await identifiers_of(session, organization_id, client_ids):
        for field, value in fields.items():
            known |= of_field(field, value)
    for field, value in await former_values(session, organization_id, client_ids):
        known |= of_field(field, value)
    return known


def of_field(field: str, value: Any) -> Known:
    """What a client's field holds, as the field's name has it."""
    read = _FIELDS.get(field)
    return read(value) if read is not None and value else Known()


def of_values(values: Iterable[str]) -> Known:
    """What is known without its field: by what it looks like. Words are taken whole, not in
    parts: they may be a street or a district."""
    known = Known()
    for value in values:
        digits = re.sub(r"\W", "", value)
        if "@" in value:
            known |= Known(emails=frozenset({value}))
        elif cpf.is_valid(digits) or cnpj.is_valid(digits):
            known |= Known(documents=frozenset({digits.upper()}))
        elif _CEP.fullmatch(value):
            known |= Known(ceps=frozenset({value}))
        elif _PHONE.fullmatch(value):
            known |= Known(phones=frozenset({value}))
        elif any(char.isdigit() for char in value):
            known |= Known(others=frozenset({value}))
        else:
            known |= Known(places=frozenset({value}))
    return known


def _each(entries: Iterable[Mapping[str, Any]], key: str) -> frozenset[str]:
    return frozenset(entry[key] for entry in entries if entry.get(key))


def _of_addresses(entries: Iterable[Mapping[str, Any]]) -> Known:
    known = Known()
    for entry in entries:
        street = entry.get("street")
        known |= Known(
            ceps=_values(entry, "cep"),
            streets=frozenset({(street, entry.get("number") or "")}) if street else frozenset(),
            places=_values(entry, "complement", "district"),
        )
    return known


def _values(entry: Mapping[str, Any], *names: str) -> frozenset[str]:
    return frozenset(entry[name] for name in names if entry.get(name))


_FIELDS: Final[Mapping[str, Callable[[Any], Known]]] = MappingProxyType(
    {
        "name": lambda name: Known(names=frozenset({name})),
        "document": lambda number: Known(documents=frozenset({number})),
        "email": lambda address: Known(emails=frozenset({address})),
        "emails": lambda entries: Known(emails=_each(entries, "address")),
        "phone": lambda number: Known(phones=frozenset({number})),
        "phones": lambda entries: Known(phones=_each(entries, "number")),
        "addresses": _of_addresses,
        "external_id": lambda text: Known(others=frozenset({text})),
        "custom_fields": lambda values: Known(others=frozenset(map(str, values.values()))),
    }
)
