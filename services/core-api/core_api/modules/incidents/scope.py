"""Whose data an incident affected: computed by query, kept as ids, counted."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.modules.clients.service import ClientNotFound
from core_api.modules.consents.reading import all_purposes, require_purposes
from core_api.modules.incidents.models import Incident, IncidentSubject
from core_api.modules.incidents.schemas import Scope
from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId

_INSTANT: Final = sa.DateTime(timezone=True)


def _table(name: str, /, **columns: Any) -> sa.TableClause:
    found = [sa.column(column, kind) for column, kind in columns.items()]
    return sa.table(name, sa.column("organization_id", sa.Uuid()), *found, schema=SCHEMA)


# Columns alone: everything else about these tables is the business of their own contexts.
_CLIENTS: Final = _table(
    "clients",
    id=sa.Uuid(),
    kind=sa.Text(),
    merged_into_id=sa.Uuid(),
    deleted_at=_INSTANT,
    created_at=_INSTANT,
    email=sa.Text(),
    phone=sa.Text(),
    addresses=JSONB(),
    document_index=sa.LargeBinary(),
)
_FACETS: Final = _table("client_facets", client_id=sa.Uuid(), name=sa.Text(), value=sa.Text())
_TICKETS: Final = _table("tickets", client_id=sa.Uuid(), created_at=_INSTANT)
_CONSENTS: Final = _table("consents", client_id=sa.Uuid(), purpose_id=sa.Uuid(), decision=sa.Text())


async def compute(
    session: AsyncSession, organization_id: OrganizationId, incident: Incident, scope: Scope
) -> dict[str, Any]:
    """Enters those the criteria find; who was entered before, is not found and was not told, is
    taken out. What was found, in counts. ClientNotFound, PurposeNotFound.

    The incident is locked. A fixed number of statements, however many are affected.
    """
    await require_purposes(session, organization_id, scope.purpose_codes)
    purposes = [
        purpose
        for purpose in await all_purposes(session, organization_id, archived=True)
        if purpose.code in scope.purpose_codes
    ]
    await _require_clients(session, organization_id, scope.client_ids)
    found = _found(organization_id, scope, [purpose.id for purpose in purposes])
    await _replace(session, organization_id, incident.id, found)
    counts = await _counted(session, organization_id, incident.id)
    return {
        "computed_at": utc_now().isoformat(),
        "criteria": scope.model_dump(mode="json", exclude_defaults=True, exclude={"client_ids"}),
        "named_clients": len(scope.client_ids),
        "counts": counts,
        "data_categories": _categories(purposes, "data_categories"),
        "subject_categories": _categories(purposes, "subject_categories"),
    }


async def everybody(session: AsyncSession, organization_id: OrganizationId) -> int:
    """All whose data is processed here."""
    statement = sa.select(sa.func.count()).select_from(_CLIENTS).where(_here(organization_id))
    return await session.scalar(statement) or 0


def _here(organization_id: OrganizationId) -> sa.ColumnElement[bool]:
    return sa.and_(
        _CLIENTS.c.organization_id == organization_id,
        _CLIENTS.c.deleted_at.is_(None),
        _CLIENTS.c.merged_into_id.is_(None),
    )


def _found(
    organization_id: OrganizationId, scope: Scope, purpose_ids: Sequence[UUID]
) -> sa.Select[Any]:
    """Ids of the clients all criteria apply to; where one was merged, of who answers for it."""
    clients = _CLIENTS.c
    statement = sa.select(sa.func.coalesce(clients.merged_into_id, clients.id)).where(
        clients.organization_id == organization_id, clients.deleted_at.is_(None)
    )
    if scope.client_ids:
        statement = statement.where(clients.id.in_(scope.client_ids))
    if scope.registered_from is not None:
        statement = statement.where(clients.created_at >= scope.registered_from)
    if scope.registered_until is not None:
        statement = statement.where(clients.created_at < scope.registered_until)
    if scope.tags:
        tagged = sa.select(_FACETS.c.client_id).where(
            _FACETS.c.organization_id == organization_id,
            _FACETS.c.name == "tag",
            _FACETS.c.value.in_(scope.tags),
        )
        statement = statement.where(clients.id.in_(tagged))
    if scope.tickets_from is not None or scope.tickets_until is not None:
        statement = statement.where(clients.id.in_(_with_tickets(organization_id, scope)))
    if scope.consented_only:
        consented = sa.select(_CONSENTS.c.client_id).where(
            _CONSENTS.c.organization_id == organization_id,
            _CONSENTS.c.purpose_id.in_(purpose_ids),
            _CONSENTS.c.decision == "granted",
        )
        statement = statement.where(clients.id.in_(consented))
    return statement.distinct()


def _with_tickets(organization_id: OrganizationId, scope: Scope) -> sa.Select[Any]:
    tickets = sa.select(_TICKETS.c.client_id).where(_TICKETS.c.organization_id == organization_id)
    if scope.tickets_from is not None:
        tickets = tickets.where(_TICKETS.c.created_at >= scope.tickets_from)
    if scope.tickets_until is not None:
        tickets = tickets.where(_TICKETS.c.created_at < scope.tickets_until)
    return tickets


async def _require_clients(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Sequence[UUID]
) -> None:
    statement = sa.select(sa.func.count()).where(
        _CLIENTS.c.organization_id == organization_id,
        _CLIENTS.c.deleted_at.is_(None),
        _CLIENTS.c.id.in_(client_ids),
    )
    if client_ids and await session.scalar(statement) != len(client_ids):
        raise ClientNotFound


async def _replace(
    session: AsyncSession, organization_id: OrganizationId, incident_id: UUID, found: sa.Select[Any]
) -> None:
    await session.execute(
        sa.delete(IncidentSubject).where(
            IncidentSubject.organization_id == organization_id,
            IncidentSubject.incident_id == incident_id,
            IncidentSubject.told_at.is_(None),
        )
    )
    rows = found.subquery()
    here = sa.select(
        sa.literal(organization_id, sa.Uuid()), sa.literal(incident_id, sa.Uuid()), rows.c[0]
    )
    statement = insert(IncidentSubject).from_select(
        ["organization_id", "incident_id", "client_id"], here
    )
    await session.execute(statement.on_conflict_do_nothing())


async def _counted(
    session: AsyncSession, organization_id: OrganizationId, incident_id: UUID
) -> dict[str, int]:
    """How many, and how many of them have which data."""
    clients = _CLIENTS.c
    joined = sa.join(
        IncidentSubject.__table__,
        _CLIENTS,
        sa.and_(
            clients.organization_id == IncidentSubject.organization_id,
            clients.id == IncidentSubject.client_id,
        ),
    )
    count = sa.func.count()
    statement = (
        sa.select(
            count.label("clients"),
            count.filter(clients.kind == "person").label("people"),
            count.filter(clients.kind == "company").label("companies"),
            count.filter(clients.email.is_not(None)).label("with_email"),
            count.filter(clients.phone.is_not(None)).label("with_phone"),
            count.filter(clients.document_index.is_not(None)).label("with_document"),
            count.filter(sa.func.jsonb_array_length(clients.addresses) > 0).label("with_address"),
            count.filter(IncidentSubject.told_at.is_not(None)).label("told"),
        )
        .select_from(joined)
        .where(
            IncidentSubject.organization_id == organization_id,
            IncidentSubject.incident_id == incident_id,
        )
    )
    return dict((await session.execute(statement)).mappings().one())


def _categories(purposes: Sequence[Any], name: str) -> list[str]:
    return list(dict.fromkeys(value for purpose in purposes for value in getattr(purpose, name)))
