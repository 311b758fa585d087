"""Where the words looked for stand in the texts of the tickets found."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.folding import singular
from core_api.modules.tickets.search.words import Question
from shared_schemas.ids import OrganizationId

_BEFORE: Final = 60
_LENGTH: Final = 200
_MOST_MESSAGES: Final = 10
"""Newest first; of older ones the words are found, but not shown."""
_MOST_CHARACTERS: Final = 2_000
_PER_TICKET: Final = 4
_BEGINNING: Final = 3

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
    likely = _likely(question)
    found = {
        ticket_id: [(text, _spans(likely, text.text)) for text in each]
        for ticket_id, each in texts.items()
    }
    words = {word for each in found.values() for _, spans in each for word in spans}
    matching = await _matching(tx, words, question)
    return {
        ticket_id: [
            piece
            for text, spans in each
            if (piece := _highlighted(text, spans, matching)) is not None
        ][:_PER_TICKET]
        for ticket_id, each in found.items()
    }


async def _matching(tx: AsyncSession, words: set[str], question: Question) -> set[str]:
    """Those of the words that have one of the stems: the stemmer is the database's."""
    asked = {"words": sorted(words), "stems": sorted(question.stems)}
    matching = set((await tx.scalars(_MATCHING, asked)).all())
    if question.begun:
        matching |= {word for word in words if word.startswith(question.begun)}
    return matching


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


class _Base(dict[int, str]):
    """Characters without accents, one for one, so that places in the text stay what they are."""

    def __missing__(self, code: int) -> str:
        base = unicodedata.normalize("NFKD", chr(code))[0]
        self[code] = base.lower() if base.isascii() else base
        return self[code]


_BASE: Final = _Base()


def _likely(question: Question) -> re.Pattern[str]:
    """Words that begin as a stem does: a stemmer changes only ends. Few are left to ask about."""
    beginnings = {stem[:_BEGINNING] for stem in (*question.stems, question.begun) if stem}
    alternatives = "|".join(re.escape(beginning) for beginning in sorted(beginnings)) or r"(?!)"
    return re.compile(rf"(?<![^\W_])(?:{alternatives})[^\W_]*")


def _spans(likely: re.Pattern[str], text: str) -> dict[str, list[tuple[int, int]]]:
    """Word, folded → where it stands."""
    found: dict[str, list[tuple[int, int]]] = {}
    for match in likely.finditer(text.translate(_BASE)):
        found.setdefault(singular(match.group()), []).append(match.span())
    return found


def _highlighted(
    text: Text, found: Mapping[str, list[tuple[int, int]]], matching: set[str]
) -> Highlight | None:
    spans = sorted(span for word in found.keys() & matching for span in found[word])
    if not spans:
        return None
    start = max(0, spans[0][0] - _BEFORE)
    start = text.text.rfind(" ", 0, start) + 1 if start else 0
    piece = text.text[start : start + _LENGTH]
    ranges = [(begin - start, end - start) for begin, end in spans if end - start <= len(piece)]
    return Highlight(text.field, text.message_id, piece, ranges)
