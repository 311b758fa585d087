"""Taking what a person was found by out of the search of tickets: rows made anew, words nobody else
uses forgotten."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.tickets.search.models import TicketWord
from shared_schemas.ids import OrganizationId

# As `words.learn` splits them; of every message, for each was among the latest once.
_USED: Final = sa.text(
    r"""
    SELECT DISTINCT found.word FROM (
      SELECT t.subject || ' ' || t.description || ' ' || c.name AS said
      FROM crm.tickets t
      JOIN crm.clients c ON c.organization_id = t.organization_id AND c.id = t.client_id
      WHERE t.organization_id = :organization_id AND t.id = ANY(:ticket_ids)
      UNION ALL
      SELECT left(m.body, 20000) FROM crm.ticket_messages m
      WHERE m.organization_id = :organization_id AND m.ticket_id = ANY(:ticket_ids)
      UNION ALL
      SELECT left(r.body, 20000) FROM crm.message_revisions r
      JOIN crm.ticket_messages m ON m.organization_id = r.organization_id AND m.id = r.message_id
      WHERE r.organization_id = :organization_id AND m.ticket_id = ANY(:ticket_ids)
    ) AS texts
    CROSS JOIN LATERAL regexp_split_to_table(crm.singular(texts.said), '[\W\d_]+') AS found(word)
    WHERE length(found.word) BETWEEN 3 AND 30
    """
).bindparams(
    sa.bindparam("organization_id", type_=sa.Uuid()),
    sa.bindparam("ticket_ids", type_=ARRAY(sa.Uuid())),
)
# A word that says nothing ("para") has no stem, is in no row, and is nobody's: it stays.
_UNUSED: Final = sa.text(
    """
    SELECT known.word FROM crm.ticket_words known
    CROSS JOIN LATERAL (
      SELECT string_agg(quote_literal(stem), '|')::tsquery AS wanted
      FROM unnest(tsvector_to_array(crm.terms(known.word))) AS stem
    ) AS looked_up
    WHERE known.organization_id = :organization_id AND known.word = ANY(:words)
      AND looked_up.wanted IS NOT NULL
      AND NOT EXISTS (SELECT FROM crm.candidate_tickets(looked_up.wanted, 0,
        (SELECT coalesce(max(last_number), 0) FROM crm.ticket_counters
         WHERE organization_id = :organization_id), 1))
    ORDER BY known.word LIMIT :most
    """
).bindparams(
    sa.bindparam("organization_id", type_=sa.Uuid()),
    sa.bindparam("words", type_=ARRAY(sa.Text())),
    sa.bindparam("most", type_=sa.Integer()),
)
# Rows of tickets whose texts are gone, that hold more than what stands in their place.
_STALE: Final = sa.text(
    """
    SELECT s.ticket_id FROM crm.ticket_search s
    JOIN crm.tickets t ON t.organization_id = s.organization_id AND t.id = s.ticket_id
    WHERE s.organization_id = :organization_id AND t.client_id = ANY(:client_ids)
      AND EXISTS (
        SELECT FROM unnest(tsvector_to_array(s.terms)) AS lexeme
        WHERE lexeme LIKE '@t:%' OR (lexeme NOT LIKE '@%'
          AND lexeme <> ALL (tsvector_to_array(crm.terms(:left)))))
    ORDER BY s.ticket_id LIMIT :most
    """
).bindparams(
    sa.bindparam("organization_id", type_=sa.Uuid()),
    sa.bindparam("client_ids", type_=ARRAY(sa.Uuid())),
    sa.bindparam("left", type_=sa.Text()),
    sa.bindparam("most", type_=sa.Integer()),
)


async def words_used(
    tx: AsyncSession, organization_id: OrganizationId, ticket_ids: Sequence[UUID]
) -> frozenset[str]:
    """Every word the vocabulary may have learned from these tickets."""
    given = {"organization_id": organization_id, "ticket_ids": list(ticket_ids)}
    return frozenset(await tx.scalars(_USED, given))


async def unused_among(
    tx: AsyncSession, organization_id: OrganizationId, words: Sequence[str], most: int
) -> Sequence[str]:
    """Those of the words that are known, and that no ticket holds any more."""
    given = {"organization_id": organization_id, "words": list(words), "most": most}
    return (await tx.scalars(_UNUSED, given)).all()


async def forget(tx: AsyncSession, organization_id: OrganizationId, words: Sequence[str]) -> None:
    """Takes words out of the vocabulary. Another ticket that brings one back teaches it again."""
    await tx.execute(
        sa.delete(TicketWord).where(
            TicketWord.organization_id == organization_id,
            TicketWord.word == sa.any_(sa.cast(list(words), ARRAY(sa.Text()))),
        )
    )


async def stale_rows(
    tx: AsyncSession,
    organization_id: OrganizationId,
    client_ids: Sequence[UUID],
    left: str,
    most: int,
) -> Sequence[UUID]:
    """Tickets of these clients that are found by anything but their facets and the words of
    `left`."""
    given = {
        "organization_id": organization_id,
        "client_ids": list(client_ids),
        "left": left,
        "most": most,
    }
    return (await tx.scalars(_STALE, given)).all()
