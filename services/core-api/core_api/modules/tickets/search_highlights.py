"""Where the words looked for stand in the texts of the tickets found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.folding import singular
from core_api.modules.tickets.search_words import WORDS, Question
from shared_schemas.ids import OrganizationId

_BEFORE: Final = 60
_LENGTH: Final = 200
_MOST_MESSAGES: Final = 20
"""Newest first; of older ones the words are found, but not shown."""
_MOST_CHARACTERS: Final = 4_000
_PER_TICKET: Final = 4

_TEXTS: Final = sa.text(
    f"""
    SELECT t.id, c.name AS client, said.message_id, said.body
    FROM crm.tickets t
    JOIN crm.clients c ON c.organization_id = t.organization_id AND c.id = t.client_id
    LEFT JOIN LATERAL (
      SELECT m.id AS message_id, left(m.body, {_MOST_CHARACTERS}) AS body
      FROM crm.ticket_messages m
      WHERE m.organization_id = t.organization_id AND m.ticket_id = t.id AND m.kind <> 'draft'
      ORDER BY m.created_at DESC, m.id DESC LIMIT {_MOST_MESSAGES}
    ) said ON true
    WHERE t.organization_id = :organization_id AND t.id = ANY(:ticket_ids)
    """  # noqa: S608 - numbers of ours
).bindparams(
    sa.bindparam("organization_id", type_=sa.Uuid()),
    sa.bindparam("ticket_ids", type_=ARRAY(sa.Uuid())),
)
_MATCHING: Final = sa.text(
    """
    SELECT word FROM unnest(:words) AS word
    WHERE tsvector_to_array(to_tsvector('pg_catalog.portuguese', word)) && :stems
    """
).bindparams(
    sa.bindparam("words", type_=ARRAY(sa.Text())),
    sa.bindparam("stems", type_=ARRAY(sa.Text())),
)


@dataclass(frozen=True, slots=True)
class Text:
    """One text of a ticket."""

    field: str
    message_id: UUID | None
    text: str


@dataclass(frozen=True, slots=True)
class Highlight:
    """A piece of a text, and where in it the words stand: from and to, in characters."""

    field: str
    message_id: UUID | None
    text: str
    ranges: list[tuple[int, int]]


async def highlights_of(
    tx: AsyncSession,
    organization_id: OrganizationId,
    rows: Sequence[sa.Row[Any]],
    question: Question,
) -> Mapping[UUID, list[Highlight]]:
    """Per ticket up to four pieces: subject, client, description, then the newest messages."""
    texts = await _texts_of(tx, organization_id, rows)
    words = {word for each in texts.values() for text in each for word in _words_in(text.text)}
    asked = {"words": sorted(words), "stems": sorted(question.stems)}
    matching = set((await tx.scalars(_MATCHING, asked)).all())
    if question.begun:
        matching |= {word for word in words if word.startswith(question.begun)}
    return {
        ticket_id: [piece for text in each if (piece := _highlighted(text, matching)) is not None][
            :_PER_TICKET
        ]
        for ticket_id, each in texts.items()
    }


async def _texts_of(
    tx: AsyncSession, organization_id: OrganizationId, rows: Sequence[sa.Row[Any]]
) -> dict[UUID, list[Text]]:
    ids = [row.id for row in rows]
    asked = {"organization_id": organization_id, "ticket_ids": ids}
    found = (await tx.execute(_TEXTS, asked)).all()
    clients = {row.id: row.client for row in found}
    texts = {
        row.id: [
            Text("subject", None, row.subject),
            Text("client", None, clients[row.id]),
            Text("description", None, row.description[:_MOST_CHARACTERS]),
        ]
        for row in rows
    }
    for row in found:
        if row.message_id is not None:
            texts[row.id].append(Text("message", row.message_id, row.body))
    return texts


def _words_in(text: str) -> list[str]:
    return [singular(match.group()) for match in WORDS.finditer(text)]


def _highlighted(text: Text, matching: set[str]) -> Highlight | None:
    spans = [
        match.span() for match in WORDS.finditer(text.text) if singular(match.group()) in matching
    ]
    if not spans:
        return None
    start = max(0, spans[0][0] - _BEFORE)
    start = text.text.rfind(" ", 0, start) + 1 if start else 0
    piece = text.text[start : start + _LENGTH]
    ranges = [(begin - start, end - start) for begin, end in spans if end - start <= len(piece)]
    return Highlight(text.field, text.message_id, piece, ranges)
