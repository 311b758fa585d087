"""What the assistant is shown of a ticket, and of how the desk sorts tickets like it."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.clockwork import nobody
from core_api.modules.tickets.service import Ticket, TicketService
from core_api.modules.triage.models import TicketTriage, TriageField
from core_api.modules.triage.repository import Triages
from core_api.modules.triage.standing import CLIENTS, standing_of
from core_api.subject_stores import ERASED_TEXT
from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId
from shared_schemas.triage import (
    Choice,
    Decided,
    RecentTicket,
    Routed,
    SortedTicket,
    Standing,
    TicketText,
    TicketToTriage,
)

_LOOKED_AT: Final = 2_000
"""The latest tickets of the organization: what it does today says more than what it did."""
_SHOWN: Final = 200
_RECENT: Final = 20
_RECENT_DAYS: Final = 90
_DESCRIPTION: Final = 8_000
_GIST: Final = 600
"""Characters of an earlier ticket."""

_CATEGORIES: Final = sa.table(
    "ticket_categories",
    *(sa.column(name, sa.Uuid()) for name in ("organization_id", "id", "parent_id")),
    sa.column("name", sa.Text()),
    sa.column("archived_at", sa.DateTime(timezone=True)),
    schema=SCHEMA,
)
_TEAMS: Final = sa.table(
    "teams",
    *(sa.column(name, sa.Uuid()) for name in ("organization_id", "id")),
    sa.column("name", sa.Text()),
    sa.column("archived_at", sa.DateTime(timezone=True)),
    schema=SCHEMA,
)


async def ticket_to_triage(
    session: AsyncSession, organization_id: OrganizationId, ticket_id: UUID, request_id: str
) -> TicketToTriage:
    """All of it, or why there is nothing to do. TicketNotFound."""
    tickets = TicketService(session, nobody(organization_id, request_id)).tickets
    ticket = await tickets.get(ticket_id)
    known = await Triages(session, organization_id).find(ticket_id)
    if known is not None:
        return TicketToTriage(standing=Standing.TRIAGED, decided=decided(known))
    standing = await standing_of(session, organization_id, ticket)
    if standing is not Standing.WANTED:
        return TicketToTriage(standing=standing)
    categories = await _categories(session, organization_id)
    teams = await _teams(session, organization_id)
    return TicketToTriage(
        standing=standing,
        ticket=_text(ticket),
        categories=tuple(Choice(id=key, name=name) for key, name in categories.items()),
        teams=tuple(Choice(id=key, name=name) for key, name in teams.items()),
        history=await _history(session, ticket, categories),
        routed=await _routed(session, ticket, categories, teams),
        recent=await _recent(session, ticket),
    )


def decided(triage: TicketTriage) -> Decided:
    """As the register of decisions has it."""
    return Decided(
        decision_id=triage.id,
        inputs=tuple(triage.inputs),
        criteria=tuple(triage.criteria),
        model=triage.model,
        prompt_version=triage.prompt_version,
        category_id=triage.category_id,
        priority=None if triage.priority is None else triage.priority.value,
        team_id=triage.team_id,
        confidence=triage.confidence,
        applied=bool(triage.applied),
    )


def _text(ticket: Ticket) -> TicketText:
    return TicketText(
        id=ticket.id,
        client_id=ticket.client_id,
        version=ticket.version,
        subject=ticket.subject,
        description=ticket.description[:_DESCRIPTION],
        channel=ticket.channel.value,
        priority=ticket.priority.value,
        category_id=ticket.category_id,
        team_id=ticket.team_id,
        opened_at=ticket.created_at,
    )


async def _categories(session: AsyncSession, organization_id: OrganizationId) -> Mapping[UUID, str]:
    """Those in use, each with the names above its own: `Tributos > IPTU`."""
    statement = sa.select(_CATEGORIES).where(_CATEGORIES.c.organization_id == organization_id)
    rows = {row.id: row for row in await session.execute(statement.order_by(_CATEGORIES.c.id))}

    def named(row: Any) -> str:
        above = rows.get(row.parent_id)
        return row.name if above is None else f"{named(above)} > {row.name}"

    return {key: named(row) for key, row in rows.items() if row.archived_at is None}


async def _teams(session: AsyncSession, organization_id: OrganizationId) -> Mapping[UUID, str]:
    statement = (
        sa.select(_TEAMS.c.id, _TEAMS.c.name)
        .where(_TEAMS.c.organization_id == organization_id, _TEAMS.c.archived_at.is_(None))
        .order_by(_TEAMS.c.id)
    )
    return {row.id: row.name for row in await session.execute(statement)}


def _latest(ticket: Ticket) -> sa.Subquery:
    return (
        sa.select(
            Ticket.id,
            Ticket.organization_id,
            Ticket.client_id,
            Ticket.category_id,
            Ticket.team_id,
            Ticket.subject,
            Ticket.description,
            Ticket.created_at,
        )
        .where(
            Ticket.organization_id == ticket.organization_id,
            Ticket.id != ticket.id,
            Ticket.merged_into_id.is_(None),
        )
        .order_by(Ticket.created_at.desc(), Ticket.id.desc())
        .limit(_LOOKED_AT)
        .subquery("latest")
    )


def _by_people(latest: sa.Subquery, field: TriageField, column: str) -> sa.ColumnElement[bool]:
    """What triage did by itself teaches triage nothing, unless a person has changed it."""
    return ~sa.exists().where(
        TicketTriage.organization_id == latest.c.organization_id,
        TicketTriage.ticket_id == latest.c.id,
        getattr(TicketTriage, column) == latest.c[column],
        sa.literal(field.value) == sa.any_(TicketTriage.applied),
    )


async def _history(
    session: AsyncSession, ticket: Ticket, categories: Mapping[UUID, str]
) -> tuple[SortedTicket, ...]:
    latest = _latest(ticket)
    client = sa.and_(
        CLIENTS.c.organization_id == latest.c.organization_id,
        CLIENTS.c.id == latest.c.client_id,
        CLIENTS.c.deleted_at.is_(None),
    )
    statement = (
        sa.select(latest.c.client_id, latest.c.category_id, _gist(latest.c).label("text"))
        .join_from(latest, CLIENTS, client)
        .where(
            latest.c.category_id.is_not(None),
            latest.c.subject != ERASED_TEXT,
            _by_people(latest, TriageField.CATEGORY, "category_id"),
        )
        .order_by(latest.c.created_at.desc(), latest.c.id.desc())
        .limit(_SHOWN)
    )
    rows = await session.execute(statement)
    return tuple(
        SortedTicket(client_id=row.client_id, category_id=row.category_id, text=row.text)
        for row in rows
        if row.category_id in categories
    )


async def _routed(
    session: AsyncSession,
    ticket: Ticket,
    categories: Mapping[UUID, str],
    teams: Mapping[UUID, str],
) -> tuple[Routed, ...]:
    latest = _latest(ticket)
    statement = (
        sa.select(latest.c.category_id, latest.c.team_id, sa.func.count().label("tickets"))
        .where(
            latest.c.category_id.is_not(None),
            latest.c.team_id.is_not(None),
            _by_people(latest, TriageField.TEAM, "team_id"),
        )
        .group_by(latest.c.category_id, latest.c.team_id)
        .order_by(latest.c.category_id, latest.c.team_id)
    )
    return tuple(
        Routed(category_id=row.category_id, team_id=row.team_id, tickets=row.tickets)
        for row in await session.execute(statement)
        if row.category_id in categories and row.team_id in teams
    )


async def _recent(session: AsyncSession, ticket: Ticket) -> tuple[RecentTicket, ...]:
    since = sa.func.now() - sa.func.make_interval(0, 0, 0, _RECENT_DAYS)
    statement = (
        sa.select(Ticket.id, Ticket.number, _gist(Ticket).label("text"))
        .where(
            Ticket.organization_id == ticket.organization_id,
            Ticket.client_id == ticket.client_id,
            Ticket.id != ticket.id,
            Ticket.merged_into_id.is_(None),
            Ticket.subject != ERASED_TEXT,
            Ticket.created_at > since,
        )
        .order_by(Ticket.created_at.desc(), Ticket.id.desc())
        .limit(_RECENT)
    )
    return tuple(
        RecentTicket(id=row.id, number=row.number, text=row.text)
        for row in await session.execute(statement)
    )


def _gist(columns: Any) -> sa.ColumnElement[str]:
    return sa.func.left(columns.subject + "\n" + columns.description, _GIST)
