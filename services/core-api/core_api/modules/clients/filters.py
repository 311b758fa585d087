"""Which clients a list shows: every condition is equality of a B-tree, as row-level security lets
no other operator use an index."""

from dataclasses import dataclass, replace
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from core_api.keyset import Keyset
from core_api.modules.clients.models import Client, ClientFacet, ClientKind
from shared_schemas.ids import OrganizationId

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


def narrowed(
    statement: sa.Select[Any],
    wanted: ClientFilter,
    organization_id: OrganizationId,
    order: Keyset | None = None,
) -> tuple[sa.Select[Any], Keyset | None]:
    """The statement over clients, held to the filter; and the order to page it in.

    Facets are in the order of creation themselves: a list in that order reads as many of them as
    it shows clients, however many there are. (Joined by the time of creation as well, the planner
    would expect next to nothing and hash both tables: 300 ms instead of 1 at 200,000 clients.)
    """
    for name, value in _facets(wanted):
        facet = aliased(ClientFacet)
        statement = statement.join(
            facet,
            sa.and_(
                facet.organization_id == Client.organization_id,
                facet.client_id == Client.id,
                facet.name == name,
                facet.value == value,
            ),
        )
        if order is not None and order.column is Client.created_at:
            order = replace(order, column=facet.created_at, id=facet.client_id)
    return statement.where(*_exactly(wanted, organization_id)), order


def _facets(wanted: ClientFilter) -> list[tuple[str, str]]:
    tag = [] if wanted.tag is None else [(_TAG, wanted.tag)]
    return tag + [(_CUSTOM + key, value[:_VALUE_LENGTH]) for key, value in wanted.custom]


def _exactly(wanted: ClientFilter, organization_id: OrganizationId) -> list[sa.ColumnElement[bool]]:
    single: tuple[tuple[Any, Any], ...] = (
        (Client.kind, wanted.kind),
        (Client.email, wanted.email),
    )
    longer = [(key, value) for key, value in wanted.custom if len(value) > _VALUE_LENGTH]
    found = [
        *(column == value for column, value in single if value is not None),
        *(Client.custom_fields[key].astext == value for key, value in longer),
    ]
    if wanted.external_id is not None:
        found.append(_known_elsewhere_as(wanted.external_id, organization_id))
    return found


def _known_elsewhere_as(
    external_id: str, organization_id: OrganizationId
) -> sa.ColumnElement[bool]:
    """The client with this external id, or the one it went into: nobody else can have the id."""
    named = aliased(Client)
    answering = sa.select(sa.func.coalesce(named.merged_into_id, named.id)).where(
        named.organization_id == organization_id,
        named.external_id == external_id,
        named.deleted_at.is_(None),
    )
    return Client.id == answering.scalar_subquery()
