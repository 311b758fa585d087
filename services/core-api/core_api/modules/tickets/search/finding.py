"""Searching tickets: bounded candidates from the index, the newest first, ranked and explained."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.tickets.filters import TicketFilter
from core_api.modules.tickets.models import Ticket, TicketCounter
from core_api.modules.tickets.repository import READ_COLUMNS, Tickets
from core_api.modules.tickets.search.facets import facet_query
from core_api.modules.tickets.search.highlights import Highlight, highlights_of
from core_api.modules.tickets.search.models import TicketSearch
from core_api.modules.tickets.search.words import Question, understood
from shared_schemas.ids import OrganizationId

CANDIDATES: Final = 300
"""Matches that are ranked: the newest. A frequent word has more, and its older ones are not seen;
who looks for those narrows the search by another word or a filter."""

_NUMBER: Final = re.compile(r"#?(\d{1,18})")
_NEAR: Final = 1_000
"""Numbers and times of creation follow each other but for transactions at the same moment."""
_WEIGHTS: Final[sa.ColumnElement[Any]] = sa.literal_column("'{0.15, 0.3, 0.7, 1.0}'::float4[]")
"""Of messages, description, client and subject, as ts_rank has them: D, C, B, A."""


@dataclass(frozen=True, slots=True)
class Found:
    """A page of tickets, best first, and why each is on it."""

    rows: Sequence[sa.Row[Any]]
    highlights: Mapping[UUID, list[Highlight]]


class TicketSearching:
    """One search in the tickets of one organization. Reads only; a fixed number of statements."""

    def __init__(self, tx: AsyncSession, organization_id: OrganizationId) -> None:
        self._tx = tx
        self._organization_id = organization_id
        self._tickets = Tickets(tx, organization_id)

    async def find(self, text: str, wanted: TicketFilter, limit: int) -> Found:
        """Tickets with all the words, or of the number (`42`, `#42`), which comes first."""
        question = await understood(self._tx, self._organization_id, text)
        numbered = _NUMBER.fullmatch(text.strip())
        number = int(numbered[1]) if numbered else None
        candidates = await self._candidates(question, wanted) if question.groups else ()
        if not candidates and number is None:
            return Found((), {})
        query = "&".join(question.parts())
        rows = await self._ranked(candidates, number, wanted, query, limit)
        return Found(rows, await highlights_of(self._tx, self._organization_id, rows, question))

    async def _candidates(self, question: Question, wanted: TicketFilter) -> Sequence[UUID]:
        categories = await self._tickets.categories_below(wanted.category_id)
        if wanted.category_id is not None and not categories:
            return ()
        parts = [*question.parts(), *facet_query(wanted, categories)]
        found = sa.select(
            sa.func.crm.candidate_tickets(
                sa.cast("&".join(parts), TSQUERY),
                *self._numbers(wanted),
                CANDIDATES,
                type_=sa.Uuid(),
            )
        )
        return (await self._tx.scalars(found)).all()

    def _numbers(self, wanted: TicketFilter) -> tuple[sa.ColumnElement[int], ...]:
        """From which number to which, for the times of creation of the filter."""
        last = sa.select(TicketCounter.last_number).where(
            TicketCounter.organization_id == self._organization_id
        )
        lowest: sa.ColumnElement[Any] = sa.literal(0)
        highest: sa.ColumnElement[Any] = sa.func.coalesce(last.scalar_subquery(), 0)
        mine = sa.select(Ticket.number).where(Ticket.organization_id == self._organization_id)
        if wanted.created_since is not None:
            first = (
                mine.where(Ticket.created_at >= wanted.created_since)
                .order_by(Ticket.created_at, Ticket.id)
                .limit(1)
            )
            lowest = sa.func.coalesce(first.scalar_subquery() - _NEAR, highest + 1)
        if wanted.created_until is not None:
            final = (
                mine.where(Ticket.created_at < wanted.created_until)
                .order_by(Ticket.created_at.desc(), Ticket.id.desc())
                .limit(1)
            )
            highest = sa.func.least(highest, sa.func.coalesce(final.scalar_subquery() + _NEAR, 0))
        return sa.cast(lowest, sa.BigInteger()), sa.cast(highest, sa.BigInteger())

    async def _ranked(
        self,
        candidates: Sequence[UUID],
        number: int | None,
        wanted: TicketFilter,
        query: str,
        limit: int,
    ) -> Sequence[sa.Row[Any]]:
        is_number = sa.false() if number is None else Ticket.number == number
        rank = sa.func.ts_rank(_WEIGHTS, TicketSearch.terms, sa.cast(query, TSQUERY))
        statement = await self._tickets.filtered(wanted, *READ_COLUMNS)
        among = Ticket.id == sa.any_(sa.cast(list(candidates), ARRAY(sa.Uuid())))
        ranked = (
            statement.outerjoin(
                TicketSearch,
                sa.and_(
                    TicketSearch.organization_id == Ticket.organization_id,
                    TicketSearch.ticket_id == Ticket.id,
                ),
            )
            .where(among if number is None else sa.or_(among, is_number))
            .order_by(sa.case((is_number, 0), else_=1), rank.desc(), Ticket.number.desc())
            .limit(limit)
        )
        rows: Sequence[sa.Row[Any]] = (await self._tx.execute(ranked)).all()
        return rows
