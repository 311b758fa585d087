"""Fills a database at revision `crm_001` with two service desks by COPY, later what came later."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

import asyncpg

from bench import crm_rows
from bench.crm_rows import ATTENDANTS, Desk, DeskRows, Row
from devstack.people import AURORA, BOREAL, PEOPLE

FIRST_REVISION: Final = "crm_001"
TIMED_REVISION: Final = "crm_007"
"""The first one that has timers."""
GROUPED_REVISION: Final = "crm_008"
"""The first one that has teams; categories are older."""
_BATCH: Final = 5_000
T = TypeVar("T")
_ORGANIZATION: Final = """
INSERT INTO crm.organizations (organization_id, slug, name) VALUES ($1, $2, $3)
"""
_MEMBER: Final = """
INSERT INTO crm.members (organization_id, id, email, name, roles, last_seen_at)
VALUES ($1, $2, $3, $4, '{agent}', now())
"""
_PURPOSE: Final = """
INSERT INTO crm.consent_purposes
    (id, organization_id, code, name, description, legal_basis, notice_version)
VALUES ($1, $2, 'novidades', 'Novidades', 'Novidades por e-mail.', 'consent', 1)
"""
_NOTICE: Final = """
INSERT INTO crm.consent_notices
    (id, organization_id, purpose_id, version, locale, text, sha256, published_by)
VALUES ($1, $2, $3, 1, 'pt-BR', 'Usamos seu e-mail.', repeat('0', 64), $4)
"""
# As if there had always been a policy: 8 and 40 hours by the clock, a third of which is business
# time, and an answer to each message of the client within 8.
_TIMERS: Final = """
INSERT INTO crm.sla_timers (
  id, organization_id, created_at, updated_at, ticket_id, metric, run, state, target_seconds,
  started_at, stopped_at, due_at, level, breached_at, counted_at, elapsed_seconds,
  elapsed_business_seconds, elapsed_calendar_seconds
)
SELECT gen_random_uuid(), m.organization_id, m.start, m.start, m.ticket_id, m.metric, m.run,
  m.state, m.target, m.start, m.stop, m.start + m.target * interval '1 second', 0,
  CASE WHEN coalesce(m.stop, m.today) > m.start + m.target * interval '1 second'
    THEN m.start + m.target * interval '1 second' END,
  coalesce(m.stop, m.start), m.took, m.took / 3, m.took
FROM (
  SELECT *, extract(epoch FROM coalesce(stop, start) - start)::bigint AS took,
    timestamptz '2026-11-01 12:00+00' AS today
  FROM (
    SELECT organization_id, id AS ticket_id, 'first_response' AS metric, 1 AS run,
      CASE WHEN first_replied_at IS NOT NULL THEN 'stopped' WHEN resolved_at IS NOT NULL
        THEN 'cancelled' ELSE 'running' END AS state,
      28800 AS target, created_at AS start, coalesce(first_replied_at, resolved_at) AS stop
    FROM crm.tickets
    UNION ALL
    SELECT organization_id, id, 'resolution', 1,
      CASE WHEN resolved_at IS NULL THEN 'running' ELSE 'stopped' END,
      144000, created_at, resolved_at
    FROM crm.tickets
    UNION ALL
    SELECT t.organization_id, t.id, 'next_response', 1,
      CASE WHEN t.resolved_at IS NULL THEN 'running' ELSE 'stopped' END,
      28800, asked.at, t.resolved_at
    FROM crm.tickets t JOIN (
      SELECT organization_id, ticket_id, min(created_at) AS at FROM crm.ticket_messages
      WHERE kind = 'client' GROUP BY organization_id, ticket_id
    ) asked ON asked.organization_id = t.organization_id AND asked.ticket_id = t.id
  ) one
) m
"""
# Five attendants to a team; few categories have most of the tickets. One in twelve has no team yet,
# one in ten no category.
_GROUPS: Final = """
INSERT INTO crm.teams (id, organization_id, name, mode)
SELECT gen_random_uuid(), organization_id, 'Equipe ' || number, 'manual'
FROM crm.organizations, generate_series(1, 6) AS number;
WITH made AS MATERIALIZED (
  SELECT gen_random_uuid() AS id, organization_id, number
  FROM crm.organizations, generate_series(1, 24) AS number
)
INSERT INTO crm.ticket_categories (id, organization_id, name, path)
SELECT id, organization_id, 'Assunto ' || number, id || '/' FROM made;
UPDATE crm.tickets t SET
  team_id = CASE WHEN t.number % 12 > 0
    THEN g.teams[1 + coalesce(array_position(g.members, t.assignee_id), t.number::int) / 5 % 6] END,
  category_id = CASE WHEN t.number % 10 > 0
    THEN g.categories[1 + floor(24 * power(t.number % 997 / 997.0, 2))::int] END
FROM (
  SELECT o.organization_id,
    ARRAY(SELECT id FROM crm.members m WHERE m.organization_id = o.organization_id) AS members,
    ARRAY(SELECT id FROM crm.teams g WHERE g.organization_id = o.organization_id) AS teams,
    ARRAY(SELECT id FROM crm.ticket_categories c WHERE c.organization_id = o.organization_id)
      AS categories
  FROM crm.organizations o
) g
WHERE g.organization_id = t.organization_id
"""


def attendants(organization_id: UUID) -> list[UUID]:
    """The ids of an organization's attendants; the sample people come first."""
    known = [p.sub for p in PEOPLE.values() if p.organization.id == organization_id]
    invented = [UUID(int=organization_id.int + 0x100 + number) for number in range(ATTENDANTS)]
    return [*known, *invented][:ATTENDANTS]


def large_and_small(clients: int, tickets: int) -> list[Desk]:
    """aurora with all of them, and boreal with a hundredth."""
    return [
        Desk(
            organization_id=organization.id,
            members=attendants(organization.id),
            clients=clients // share,
            tickets=tickets // share,
            purpose_id=UUID(int=organization.id.int + 0x900),
            seed=share,
        )
        for organization, share in ((AURORA, 1), (BOREAL, 100))
    ]


async def fill(url: str, desks: Iterable[Desk]) -> None:
    """As superuser: row-level security would bind the owner. Statistics are gathered at the end."""
    connection = await asyncpg.connect(url)
    # JSONB as text in COPY's binary format: version byte, then the text.
    await connection.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        encoder=lambda text: b"\x01" + text.encode(),
        decoder=lambda data: data[1:].decode(),
        format="binary",
    )
    try:
        for desk in desks:
            await _fill_one(connection, desk)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def fill_timers(url: str) -> None:
    """The timers of service levels, at revision `TIMED_REVISION`."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_TIMERS)
        await connection.execute("VACUUM ANALYZE crm.sla_timers")
    finally:
        await connection.close()


async def fill_groups(url: str) -> None:
    """Teams, categories, and to which of them each ticket belongs, at `GROUPED_REVISION`."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_GROUPS)
        await connection.execute("VACUUM ANALYZE crm.tickets")
    finally:
        await connection.close()


async def settle(url: str) -> None:
    """What autovacuum does in the minutes after the migrations."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _fill_one(connection: asyncpg.Connection, desk: Desk) -> None:
    rows = DeskRows(desk)
    await _people(connection, desk)
    await _copy(connection, "clients", crm_rows.CLIENTS, rows.clients())
    opened: list[tuple[UUID, datetime]] = []
    for batch in _batches(rows.tickets()):
        opened += [(ticket[0], ticket[-2]) for ticket, _ in batch]
        tickets = (ticket for ticket, _ in batch)
        await _copy(connection, "tickets", crm_rows.TICKETS, tickets)
        messages = (message for _, said in batch for message in said)
        await _copy(connection, "ticket_messages", crm_rows.MESSAGES, messages)
    await _copy(connection, "consents", crm_rows.CONSENTS, rows.consents())
    await _copy(connection, "audit_events", crm_rows.AUDIT, rows.audit(opened))
    await connection.execute(
        "INSERT INTO crm.ticket_counters VALUES ($1, $2)", desk.organization_id, desk.tickets
    )


async def _people(connection: asyncpg.Connection, desk: Desk) -> None:
    slug = (AURORA if desk.organization_id == AURORA.id else BOREAL).slug
    await connection.execute(_ORGANIZATION, desk.organization_id, slug, slug.title())
    for number, member in enumerate(desk.members):
        address = f"atendente{number}@{slug}.example"
        await connection.execute(
            _MEMBER, desk.organization_id, member, address, f"Atendente {number}"
        )
    await connection.execute(_PURPOSE, desk.purpose_id, desk.organization_id)
    await connection.execute(
        _NOTICE, desk.purpose_id, desk.organization_id, desk.purpose_id, desk.members[0]
    )


async def _copy(
    connection: asyncpg.Connection, table: str, columns: str, rows: Iterable[Row]
) -> None:
    for batch in _batches(rows):
        await connection.copy_records_to_table(
            table, schema_name="crm", columns=columns.split(), records=batch
        )


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    left = iter(rows)
    while batch := list(islice(left, _BATCH)):
        yield batch
