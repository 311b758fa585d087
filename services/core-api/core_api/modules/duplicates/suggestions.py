"""Clients that are probably one: of one client, or all through the organization."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.modules.clients.exceptions import ClientNotFound
from core_api.modules.clients.models import Client
from core_api.modules.clients.repository import READ_COLUMNS
from core_api.modules.clients.search.finding import ClientSearch
from core_api.modules.clients.search.terms import own_key
from core_api.modules.duplicates.likeness import LEAST, Likeness, Traits
from core_api.modules.duplicates.repository import Pairs
from shared_schemas.ids import OrganizationId

_EACH: Final = 20
"""Others looked at for one client: a phone that a thousand clients share says nothing."""
_STEP: Final = 500
_STEPS: Final = 4
"""A page looks at 2,000 clients at most, and may then hold fewer pairs than asked for."""
_LAST: Final = UUID(int=2**128 - 1)
_COLUMNS: Final = (*READ_COLUMNS, Client.__table__.c.document_index)
Pair = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two clients, the one registered first and the other, and how alike they are."""

    client: Any
    other: Any
    likeness: Likeness


@dataclass(frozen=True, slots=True)
class Found:
    """A page of suggestions; `position` is where the next one begins, None at the end."""

    suggestions: list[Suggestion]
    position: Pair | None


class Suggestions:
    """What one organization's clients have in common."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id
        self._pairs = Pairs(session, organization_id)

    async def of(self, client_id: UUID, limit: int) -> list[Suggestion]:
        """Those that are probably the client, the likeliest first, or ClientNotFound."""
        rows = await self._rows([client_id])
        if client_id not in rows:
            raise ClientNotFound
        client = rows[client_id]
        search = ClientSearch(self._session, self._organization_id)
        alike = await search.similar_names(client.name, 2 * _EACH)
        others = {*await self._sharing(client_id), *alike} - {client_id}
        found = await self._suggested([(client_id, other) for other in others])
        return sorted(found, key=_likeliest_first)[:limit]

    async def of_new(self, client: Client, limit: int) -> list[Suggestion]:
        """The same of one that was registered just now, quickly: only by what is equal, in two
        statements."""
        others = {*await self._sharing(client.id)} - {client.id}
        rows = await self._rows(others) if others else {}
        mine = Traits.of(client)
        compared = [
            Suggestion(client, row, Likeness.of(mine, Traits.of(row))) for row in rows.values()
        ]
        found = [pair for pair in compared if pair.likeness.score >= LEAST]
        return sorted(found, key=_likeliest_first)[:limit]

    async def page(self, page: CursorPage) -> Found:
        """Through all clients in the order of their ids; of each the younger ones it resembles."""
        position = page.position(UUID, UUID) or (UUID(int=0), _LAST)
        found: list[Suggestion] = []
        after = UUID(int=max(position[0].int - 1, 0))  # the rest of the client it stopped at
        for _ in range(_STEPS):
            last = await self._end_of_step(after)
            pairs = await self._candidates(after)
            found += await self._suggested([pair for pair in pairs if pair > position])
            if len(found) > page.limit:
                shown = found[: page.limit]
                return Found(shown, (shown[-1].client.id, shown[-1].other.id))
            if last is None:
                return Found(found, None)
            after = last
        return Found(found, (after, _LAST))

    async def _suggested(self, pairs: Sequence[Pair]) -> list[Suggestion]:
        """Those of the pairs that are alike enough and not known to be two, in order."""
        if not pairs:
            return []
        distinct = await self._pairs.distinct(pairs)
        rows = await self._rows({client_id for pair in pairs for client_id in pair})
        traits = {client_id: Traits.of(row) for client_id, row in rows.items()}
        compared = [
            Suggestion(rows[one], rows[other], Likeness.of(traits[one], traits[other]))
            for one, other in sorted(pairs)
            if one in rows and other in rows and tuple(sorted((one, other))) not in distinct
        ]
        return [pair for pair in compared if pair.likeness.score >= LEAST]

    async def _rows(self, ids: Any) -> dict[UUID, Any]:
        statement = sa.select(*_COLUMNS).where(self._live(), Client.id.in_(ids))
        return {row.id: row for row in await self._session.execute(statement)}

    async def _sharing(self, client_id: UUID) -> Sequence[UUID]:
        """Those with the same document, an e-mail, a phone, or name and city."""
        known_by = sa.func.crm.client_identity(
            Client.name, Client.emails, Client.phones, Client.addresses, Client.document_index
        )
        column = sa.column("term", sa.Text())
        identity = sa.func.unnest(known_by).table_valued(column, name="identity").render_derived()
        term = sa.func.quote_literal(sa.literal(own_key(self._organization_id)) + identity.c.term)
        query = (
            sa.select(sa.cast(sa.func.string_agg(term, " | "), TSQUERY))
            .select_from(Client)
            .join(identity, sa.true())
            .where(self._live(), Client.id == client_id)
            .scalar_subquery()
        )
        found = sa.func.crm.client_candidates(query, _EACH + 1, type_=sa.Uuid())
        return (await self._session.scalars(sa.select(found))).all()

    async def _candidates(self, after: UUID) -> list[Pair]:
        pairs = sa.func.crm.duplicate_candidates(after, _STEP, _EACH).table_valued(
            sa.column("client_id", sa.Uuid()), sa.column("other_id", sa.Uuid())
        )
        statement = sa.select(pairs.c.client_id, pairs.c.other_id)
        return [(row.client_id, row.other_id) for row in await self._session.execute(statement)]

    async def _end_of_step(self, after: UUID) -> UUID | None:
        """The last client of a whole step; None when there are fewer left."""
        statement = (
            sa.select(Client.id)
            .where(self._live(), Client.id > after)
            .order_by(Client.id)
            .offset(_STEP - 1)
            .limit(1)
        )
        return await self._session.scalar(statement)

    def _live(self) -> sa.ColumnElement[bool]:
        return sa.and_(
            Client.organization_id == self._organization_id,
            Client.deleted_at.is_(None),
            Client.merged_into_id.is_(None),
        )


def _likeliest_first(pair: Suggestion) -> tuple[float, UUID]:
    return (-pair.likeness.score, pair.other.id)
