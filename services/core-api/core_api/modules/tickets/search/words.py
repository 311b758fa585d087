"""From what a person typed to the words of the index: inflected, begun or misspelt."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.folding import singular
from core_api.modules.tickets.search.facets import any_of
from core_api.modules.tickets.search.models import TicketWord
from core_api.typos import edits_allowed, similar_to
from shared_schemas.ids import OrganizationId

WORDS: Final = re.compile(r"[^\W_]+")
_MOST_WORDS: Final = 8
_COMPLETIONS: Final = 20
_SHORTEST_BEGINNING: Final = 3
_SIMILAR: Final = 3_000
_CORRECTIONS: Final = 4

_LOOK_UP: Final = sa.text(
    """
    SELECT asked.word, tsvector_to_array(crm.terms(asked.word)) AS stems,
           EXISTS (SELECT FROM crm.ticket_words known
                   WHERE known.organization_id = :organization_id AND known.word = asked.word)
             AS known
    FROM unnest(:words) WITH ORDINALITY AS asked(word, place) ORDER BY asked.place
    """
).bindparams(
    sa.bindparam("organization_id", type_=sa.Uuid()),
    sa.bindparam("words", type_=ARRAY(sa.Text())),
)
_STEMS: Final = sa.text("SELECT tsvector_to_array(crm.terms(:words))").bindparams(
    sa.bindparam("words", type_=sa.Text())
)
_LEARN: Final = sa.text(
    r"""
    INSERT INTO crm.ticket_words (organization_id, word)
    SELECT DISTINCT t.organization_id, found.word
    FROM crm.tickets t
    JOIN crm.clients c ON c.organization_id = t.organization_id AND c.id = t.client_id
    CROSS JOIN LATERAL (
      SELECT coalesce(string_agg(latest.body, ' '), '') AS bodies FROM (
        SELECT left(m.body, 20000) AS body FROM crm.ticket_messages m
        WHERE m.organization_id = t.organization_id AND m.ticket_id = t.id AND m.kind <> 'draft'
        ORDER BY m.created_at DESC, m.id DESC LIMIT 3
      ) AS latest
    ) AS said
    CROSS JOIN LATERAL regexp_split_to_table(
      crm.singular(t.subject || ' ' || t.description || ' ' || c.name || ' ' || said.bodies),
      '[\W\d_]+') AS found(word)
    WHERE t.organization_id = :organization_id AND t.id = ANY(:ticket_ids)
      AND length(found.word) BETWEEN 3 AND 30
    ORDER BY 1, 2
    ON CONFLICT DO NOTHING
    """
).bindparams(
    sa.bindparam("organization_id", type_=sa.Uuid()),
    sa.bindparam("ticket_ids", type_=ARRAY(sa.Uuid())),
)


@dataclass(frozen=True, slots=True)
class Question:
    """The words somebody looks for: per word the stems that would do."""

    groups: tuple[frozenset[str], ...]
    begun: str = ""  # a beginning of the last word, when no known word begins so

    @property
    def stems(self) -> frozenset[str]:
        """All of them."""
        return frozenset().union(*self.groups)

    def parts(self) -> list[str]:
        """As parts of a tsquery, all of which must hold."""
        parts = [any_of(sorted(group)) for group in self.groups]
        if self.begun:
            parts[-1] = f"({parts[-1]}|'{self.begun}':*)"  # letters and digits only
        return parts


async def understood(tx: AsyncSession, organization_id: OrganizationId, text: str) -> Question:
    """What was meant. Words that say nothing ("de", "para") are left out."""
    words = WORDS.findall(singular(text))[:_MOST_WORDS]
    if not words:
        return Question(())
    rows = await tx.execute(_LOOK_UP, {"organization_id": organization_id, "words": words})
    groups: list[frozenset[str]] = []
    begun = ""
    for place, row in enumerate(rows.all()):
        stems = set(row.stems)
        if not stems:
            continue
        last = place == len(words) - 1
        others = await _begun_with(tx, organization_id, row.word) if last else ()
        if not others and not row.known:
            others = await _similar(tx, organization_id, row.word)
            # A word so new that nobody has learned it yet is rare enough to be scanned for.
            begun = row.word if last and len(row.word) >= _SHORTEST_BEGINNING else ""
        if others:
            stems.update((await tx.execute(_STEMS, {"words": " ".join(others)})).scalar_one())
        groups.append(frozenset(stems))
    return Question(tuple(groups), begun)


async def learn(
    tx: AsyncSession, organization_id: OrganizationId, ticket_ids: Sequence[UUID]
) -> None:
    """Notes the words of some tickets."""
    await tx.execute(_LEARN, {"organization_id": organization_id, "ticket_ids": list(ticket_ids)})


async def _begun_with(
    tx: AsyncSession, organization_id: OrganizationId, word: str
) -> Sequence[str]:
    """Words the last one may become when it is typed to its end."""
    if len(word) < _SHORTEST_BEGINNING:
        return ()
    begun = _beginning(organization_id, word).order_by(TicketWord.word).limit(_COMPLETIONS)
    return (await tx.scalars(begun)).all()


async def _similar(tx: AsyncSession, organization_id: OrganizationId, word: str) -> Sequence[str]:
    """What may have been meant: one or two letters away, with the first two as they were typed."""
    edits = edits_allowed(word)
    if not edits:
        return ()
    length = sa.func.length(TicketWord.word)
    near = (
        _beginning(organization_id, word[:2])
        .where(length.between(len(word) - edits, len(word) + edits))
        .limit(_SIMILAR)
    )
    found = similar_to(word, (await tx.scalars(near)).all())
    return sorted(found, key=lambda other: (found[other], other))[:_CORRECTIONS]


def _beginning(organization_id: OrganizationId, start: str) -> sa.Select[str]:
    """A range of the index: LIKE would not use it under row-level security."""
    after = start[:-1] + chr(ord(start[-1]) + 1)
    return sa.select(TicketWord.word).where(
        TicketWord.organization_id == organization_id,
        TicketWord.word >= start,
        TicketWord.word < after,
    )
