"""Keeping what tickets are found by in step with them, in the transaction of every change."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.changes import Changes
from core_api.modules.tickets.messages.models import MessageKind, TicketMessage
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.search.facets import FACET_FIELDS, facets_of
from shared_schemas.ids import OrganizationId

_TEXTS: Final = frozenset({"subject", "description", "client_id"})
_MOST_CHARACTERS: Final = 300_000
"""Of all texts of a ticket: their tsvector stays below PostgreSQL's megabyte. What is said after
that is kept, and not found."""

_ONE: Final = (
    sa.bindparam("organization_id", type_=sa.Uuid()),
    sa.bindparam("ticket_id", type_=sa.Uuid()),
    sa.bindparam("facets", type_=ARRAY(sa.Text())),
)
_FRESH: Final = """
    SELECT t.id, t.organization_id, t.number,
           length(t.subject) + length(t.description) + length(coalesce(said.bodies, ''))
             AS characters,
           setweight(crm.terms(t.subject), 'A')
           || setweight(crm.terms(c.name), 'B')
           || setweight(crm.terms(left(t.description, 50000)), 'C')
           || setweight(crm.terms(left(coalesce(said.bodies, ''), 200000)), 'D')
           || array_to_tsvector(crm.ticket_blocks(t.organization_id, t.number) || :facets)
             AS terms
    FROM crm.tickets t
    JOIN crm.clients c ON c.organization_id = t.organization_id AND c.id = t.client_id
    LEFT JOIN LATERAL (
      SELECT string_agg(m.body, E'\\n' ORDER BY m.created_at) AS bodies
      FROM crm.ticket_messages m
      WHERE m.organization_id = t.organization_id AND m.ticket_id = t.id AND m.kind <> 'draft'
    ) said ON true
    WHERE t.organization_id = :organization_id AND t.id = :ticket_id
"""
# The client is locked against renaming until this commits: who renames sees the ticket afterwards.
_REBUILD: Final = sa.text(
    f"""
    INSERT INTO crm.ticket_search (ticket_id, organization_id, number, characters, terms)
    {_FRESH}
    FOR SHARE OF c
    ON CONFLICT (ticket_id) DO UPDATE
    SET characters = excluded.characters, terms = excluded.terms
    """  # noqa: S608 - a text of ours
).bindparams(*_ONE)
_IN_STEP: Final = sa.text(
    f"""
    SELECT coalesce(bool_and(s.terms = fresh.terms), true)
    FROM ({_FRESH}) AS fresh
    JOIN crm.ticket_search s ON s.organization_id = fresh.organization_id AND s.ticket_id = fresh.id
    """  # noqa: S608 - a text of ours
).bindparams(*_ONE)
_CHANGE: Final = sa.text(
    f"""
    UPDATE crm.ticket_search s
    SET characters = s.characters + length(:said),
        terms = ts_delete(s.terms, ARRAY(
                  SELECT old.lexeme FROM unnest(s.terms) AS old WHERE old.lexeme LIKE '@_:%'))
                || array_to_tsvector(:facets)
                || CASE WHEN s.characters + length(:said) <= {_MOST_CHARACTERS}
                        THEN setweight(crm.terms(:said), 'D') ELSE '' END
    WHERE s.organization_id = :organization_id AND s.ticket_id = :ticket_id
    RETURNING 1
    """  # noqa: S608 - a number of ours
).bindparams(*_ONE, sa.bindparam("said", type_=sa.Text()))
# ts_filter drops the words of the client, and with them what has no weight: it is put back. Rows
# that are right already are passed over, so that a second attempt gets further than the first.
_RENAME: Final = sa.text(
    """
    UPDATE crm.ticket_search s
    SET terms = ts_filter(s.terms, '{a,c,d}')
                || (SELECT setweight(crm.terms(c.name), 'B') FROM crm.clients c
                    WHERE c.organization_id = :organization_id AND c.id = :client_id)
                || array_to_tsvector(ARRAY(
                  SELECT old.lexeme FROM unnest(s.terms) AS old
                  WHERE old.lexeme LIKE '@%' AND old.lexeme NOT LIKE '@c:%') || ('@c:' || :client))
    WHERE s.organization_id = :organization_id
    AND (strip(ts_filter(s.terms, '{b}')) IS DISTINCT FROM
           (SELECT strip(crm.terms(c.name)) FROM crm.clients c
            WHERE c.organization_id = :organization_id AND c.id = :client_id)
         OR NOT ('@c:' || :client) = ANY(tsvector_to_array(s.terms)))
    AND s.ticket_id IN (
      SELECT ticket_id FROM crm.ticket_search
      WHERE organization_id = :organization_id AND ticket_id = ANY(:ticket_ids)
      ORDER BY ticket_id FOR UPDATE)
    """
).bindparams(
    sa.bindparam("organization_id", type_=sa.Uuid()),
    sa.bindparam("client_id", type_=sa.Uuid()),
    sa.bindparam("client", type_=sa.Text()),
    sa.bindparam("ticket_ids", type_=ARRAY(sa.Uuid())),
)


async def refresh(
    tx: AsyncSession, ticket: Ticket, changes: Changes, message: TicketMessage | None = None
) -> None:
    """After a change of a ticket, flushed: its words and facets as they are now.

    `message`: the one that was added, if any; its words are added to the others.
    """
    said = message.body if message is not None and message.kind is not MessageKind.DRAFT else ""
    if message is None and ("messages" in changes or _TEXTS & changes.keys()):
        await rebuild(tx, ticket)
    elif said or FACET_FIELDS & changes.keys():
        found = await tx.execute(_CHANGE, {**_of(ticket), "said": said})
        if found.first() is None or _TEXTS & changes.keys():
            await rebuild(tx, ticket)  # opened by a version that did not know of the index


async def rebuild(tx: AsyncSession, ticket: Ticket) -> None:
    """Anew, from what the ticket and its messages say now."""
    await tx.execute(_REBUILD, _of(ticket))


async def is_in_step(tx: AsyncSession, ticket: Ticket) -> bool:
    """Whether it is found by just what the ticket and its messages say now."""
    return bool(await tx.scalar(_IN_STEP, _of(ticket)))


async def rename(
    tx: AsyncSession,
    organization_id: OrganizationId,
    client_id: UUID,
    ticket_ids: Sequence[UUID],
) -> None:
    """Gives some tickets of a client the client's present name and id."""
    await tx.execute(
        _RENAME,
        {
            "organization_id": organization_id,
            "client_id": client_id,
            "client": str(client_id),
            "ticket_ids": list(ticket_ids),
        },
    )


def _of(ticket: Ticket) -> dict[str, Any]:
    return {
        "organization_id": ticket.organization_id,
        "ticket_id": ticket.id,
        "facets": facets_of(ticket),
    }
