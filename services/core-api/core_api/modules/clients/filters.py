"""Which clients a list shows: every condition is equality of a B-tree, as row-level security lets
no other operator use an index."""

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from core_api.modules.clients.models import Client, ClientFacet, ClientKind

_TAG: Final = "tag"
_CUSTOM: Final = "custom."
_VALUE_LENGTH: Final = 200
"""Of longer values a facet holds the beginning."""


@dataclass(frozen=True, kw_only=True)
class ClientFilter:
    """Which clients; None or nothing means any."""

    kind: ClientKind | None = None
    tag: str | None = None
    email: str | None = None
    external_id: str | None = None
    custom: tuple[tuple[str, str], ...] = ()  # key and value


def narrowed(statement: sa.Select[Any], wanted: ClientFilter) -> sa.Select[Any]:
    """The statement over clients, held to the filter."""
    facets = [] if wanted.tag is None else [(_TAG, wanted.tag)]
    facets += [(_CUSTOM + key, value[:_VALUE_LENGTH]) for key, value in wanted.custom]
    for name, value in facets:
        statement = _with_facet(statement, name, value)
    exact = {
        Client.kind: wanted.kind,
        Client.email: wanted.email,
        Client.external_id: wanted.external_id,
    }
    longer = [(key, value) for key, value in wanted.custom if len(value) > _VALUE_LENGTH]
    return statement.where(
        *(column == value for column, value in exact.items() if value is not None),
        *(Client.custom_fields[key].astext == value for key, value in longer),
    )


def _with_facet(statement: sa.Select[Any], name: str, value: str) -> sa.Select[Any]:
    facet = aliased(ClientFacet)
    # Joined by the time of creation too: the facets' own order then is the list's usual one.
    return statement.join(
        facet,
        sa.and_(
            facet.organization_id == Client.organization_id,
            facet.client_id == Client.id,
            facet.created_at == Client.created_at,
            facet.name == name,
            facet.value == value,
        ),
    )
