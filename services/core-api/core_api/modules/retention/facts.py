"""What the rules are asked about: clients page by page, with a fixed number of statements each.

Columns alone of what other contexts own: nothing of it is changed here.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.retention.rules import ClientFacts, ConsentFacts, Rule, Since, Then
from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId

CONTRACT_END_FIELD: Final = "fim_do_contrato"
"""Key of the client's custom field that holds the day its contract ended."""

_CONSENT: Final = "consent"
_INSTANT: Final = sa.DateTime(timezone=True)


def _table(name: str, ids: str, instants: str = "", **others: Any) -> sa.TableClause:
    return sa.table(
        name,
        *(sa.column(column, sa.Uuid()) for column in f"organization_id {ids}".split()),
        *(sa.column(column, _INSTANT) for column in instants.split()),
        *(sa.column(column, kind) for column, kind in others.items()),
        schema=SCHEMA,
    )


_CLIENTS: Final = _table(
    "clients", "id merged_into_id", "created_at deleted_at", custom_fields=JSONB()
)
_PURPOSES: Final = _table(
    "consent_purposes",
    "id",
    "archived_at",
    code=sa.Text(),
    legal_basis=sa.Text(),
    retention_days=sa.Integer(),
    retention_from=sa.Text(),
    retention_then=sa.Text(),
)
_CONSENTS: Final = _table(
    "consents", "id client_id purpose_id", "decided_at expires_at", decision=sa.Text()
)
_ENDS: Final = _table("consent_revocations", "consent_id", "revoked_at")
_TICKETS: Final = _table(
    "tickets",
    "client_id",
    "created_at last_message_at resolved_at closed_at",
    status=sa.Text(),
)
_HOLDS: Final = _table("legal_holds", "client_id", "lifted_at")
_REQUESTS: Final = _table("privacy_requests", "client_id", type=sa.Text(), status=sa.Text())
_ERASURES: Final = _table("erasures", "client_id")


async def rules_of(session: AsyncSession, organization_id: OrganizationId) -> list[Rule]:
    """Every purpose of the organization, by code."""
    statement = (
        sa.select(_PURPOSES)
        .where(_PURPOSES.c.organization_id == organization_id)
        .order_by(_PURPOSES.c.code)
    )
    return [
        Rule(
            purpose_id=row.id,
            code=row.code,
            by_consent=row.legal_basis == _CONSENT,
            archived=row.archived_at is not None,
            days=row.retention_days,
            since=row.retention_from and Since(row.retention_from),
            then=row.retention_then and Then(row.retention_then),
        )
        for row in await session.execute(statement)
    ]


async def clients_after(
    session: AsyncSession, organization_id: OrganizationId, after: UUID | None, limit: int
) -> list[ClientFacts]:
    """The next clients by id, with those merged into them, deleted ones too."""
    roots = await _roots(session, organization_id, after, limit)
    if not roots:
        return []
    answering = await _families(session, organization_id, [row.id for row in roots])
    members = list(answering)
    consents = await _consents(session, organization_id, answering)
    tickets = await _tickets(session, organization_id, answering)
    held = await _named(session, _HOLDS, organization_id, members, _HOLDS.c.lifted_at.is_(None))
    destroying = await _named(session, _REQUESTS, organization_id, members, _is_destroying())
    destroying |= await _named(session, _ERASURES, organization_id, members, sa.true())
    held_roots = {answering[member] for member in held}
    gone_roots = {answering[member] for member in destroying}
    return [
        ClientFacts(
            client_id=row.id,
            created_at=row.created_at,
            deleted_at=row.deleted_at,
            contract_ended_at=_day(row.contract_end),
            consents=consents.get(row.id, {}),
            held=row.id in held_roots,
            under_way=row.id in gone_roots,
            **tickets.get(row.id, {}),
        )
        for row in roots
    ]


async def _roots(
    session: AsyncSession, organization_id: OrganizationId, after: UUID | None, limit: int
) -> Sequence[sa.Row[Any]]:
    statement = (
        sa.select(
            _CLIENTS.c.id,
            _CLIENTS.c.created_at,
            _CLIENTS.c.deleted_at,
            _CLIENTS.c.custom_fields[CONTRACT_END_FIELD].astext.label("contract_end"),
        )
        .where(
            _CLIENTS.c.organization_id == organization_id,
            _CLIENTS.c.merged_into_id.is_(None),
        )
        .order_by(_CLIENTS.c.id)
        .limit(limit)
    )
    if after is not None:
        statement = statement.where(_CLIENTS.c.id > after)
    return (await session.execute(statement)).all()


async def _families(
    session: AsyncSession, organization_id: OrganizationId, roots: Sequence[UUID]
) -> dict[UUID, UUID]:
    """Everybody → who answers for them."""
    statement = sa.select(_CLIENTS.c.id, _CLIENTS.c.merged_into_id).where(
        _CLIENTS.c.organization_id == organization_id, _CLIENTS.c.merged_into_id.in_(roots)
    )
    merged = {row.id: row.merged_into_id for row in await session.execute(statement)}
    return {root: root for root in roots} | merged


async def _consents(
    session: AsyncSession, organization_id: OrganizationId, answering: Mapping[UUID, UUID]
) -> dict[UUID, dict[UUID, ConsentFacts]]:
    expired = sa.case((_CONSENTS.c.expires_at <= sa.func.now(), _CONSENTS.c.expires_at))
    end = sa.func.coalesce(_ENDS.c.revoked_at, expired)
    ended = sa.and_(
        _ENDS.c.organization_id == _CONSENTS.c.organization_id,
        _ENDS.c.consent_id == _CONSENTS.c.id,
    )
    statement = (
        sa.select(
            _CONSENTS.c.client_id,
            _CONSENTS.c.purpose_id,
            sa.func.max(_CONSENTS.c.decided_at).label("granted_at"),
            sa.func.max(end).label("ended_at"),
            sa.func.bool_or(end.is_(None)).label("stands"),
        )
        .select_from(_CONSENTS.outerjoin(_ENDS, ended))
        .where(
            _CONSENTS.c.organization_id == organization_id,
            _CONSENTS.c.client_id.in_(list(answering)),
            _CONSENTS.c.decision == "granted",
        )
        .group_by(_CONSENTS.c.client_id, _CONSENTS.c.purpose_id)
    )
    found: dict[UUID, dict[UUID, ConsentFacts]] = {}
    for row in await session.execute(statement):
        of_root = found.setdefault(answering[row.client_id], {})
        facts = ConsentFacts(
            granted_at=row.granted_at, ended_at=None if row.stands else row.ended_at
        )
        of_root[row.purpose_id] = _both(of_root.get(row.purpose_id), facts)
    return found


def _both(one: ConsentFacts | None, other: ConsentFacts) -> ConsentFacts:
    """Of a client and of one merged into it."""
    if one is None:
        return other
    ends = (one.ended_at, other.ended_at)
    return ConsentFacts(
        granted_at=max(one.granted_at, other.granted_at),
        ended_at=None if None in ends else max(end for end in ends if end is not None),
    )


async def _tickets(
    session: AsyncSession, organization_id: OrganizationId, answering: Mapping[UUID, UUID]
) -> dict[UUID, dict[str, Any]]:
    open_one = _TICKETS.c.status.not_in(("resolved", "closed"))
    statement = (
        sa.select(
            _TICKETS.c.client_id,
            sa.func.max(sa.func.greatest(_TICKETS.c.created_at, _TICKETS.c.last_message_at)).label(
                "contact_at"
            ),
            sa.func.bool_or(open_one).label("has_open_ticket"),
            sa.func.max(sa.func.coalesce(_TICKETS.c.closed_at, _TICKETS.c.resolved_at)).label(
                "ticket_closed_at"
            ),
        )
        .where(
            _TICKETS.c.organization_id == organization_id,
            _TICKETS.c.client_id.in_(list(answering)),
        )
        .group_by(_TICKETS.c.client_id)
    )
    found: dict[UUID, dict[str, Any]] = {}
    for row in await session.execute(statement):
        facts = found.setdefault(
            answering[row.client_id],
            {"contact_at": None, "has_open_ticket": False, "ticket_closed_at": None},
        )
        facts["has_open_ticket"] |= row.has_open_ticket
        for name in ("contact_at", "ticket_closed_at"):
            known = [at for at in (facts[name], getattr(row, name)) if at is not None]
            facts[name] = max(known, default=None)
    return found


async def _named(
    session: AsyncSession,
    table: sa.TableClause,
    organization_id: OrganizationId,
    members: Sequence[UUID],
    wanted: sa.ColumnElement[bool],
) -> set[UUID]:
    """Which of them rows of a table name."""
    statement = sa.select(table.c.client_id).where(
        table.c.organization_id == organization_id, table.c.client_id.in_(members), wanted
    )
    return set(await session.scalars(statement))


def _is_destroying() -> sa.ColumnElement[bool]:
    """Open or done; what was refused or cancelled may be due another day."""
    return sa.and_(
        _REQUESTS.c.type.in_(("erasure", "anonymization")),
        _REQUESTS.c.status.not_in(("refused", "cancelled")),
    )


def _day(text: str | None) -> datetime | None:
    try:
        return None if not text else datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None  # a field of that name that holds no date
