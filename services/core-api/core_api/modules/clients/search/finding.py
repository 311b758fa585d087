"""Finding clients by any part of name, e-mail, phone or external id, or by a whole CPF or CNPJ.

Stages, from the best matches to the loosest; the next one only runs while there is room, and words
that are somebody's name are not looked for elsewhere. Each stage looks at a bounded number of
clients, so that a very frequent name costs no more than a rare one.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.clients import documents, tax_ids
from core_api.modules.clients.models import Client
from core_api.modules.clients.repository import READ_COLUMNS
from core_api.modules.clients.search.terms import Question, Terms, Word, own_key
from core_api.typos import edits_allowed, similar_to, variants
from core_api.workplace import vault_of
from shared_schemas.ids import OrganizationId

_CANDIDATES: Final = 400
_SIMILAR_WORDS: Final = 400
_SATISFIED: Final = 5
"""With fewer than these, typing errors are considered."""

_IDENTIFIED, _NAMED, _BEGUN = 0, 1, 2
_AFTER_ANY: Final = "\U0010ffff"
_NAME_WORDS: Final = sa.func.crm.name_words(Client.name, type_=ARRAY(sa.Text()))
Rows = Sequence[sa.Row[Any]]
Similar = Mapping[str, Mapping[str, int]]
"""A word → those that may have been meant → how many edits away each is."""


class ClientSearch:
    """One search in the clients of one organization."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id
        self._terms = Terms(organization_id)

    async def find(self, text: str, limit: int, *, contact: bool) -> Rows:
        """The best first, at most `limit`. Without `contact` nothing is found by e-mail or phone,
        which somebody who sees them masked could otherwise guess, part by part; nor by CPF: who
        serves nobody has no use for finding out whose one is (ADR 014)."""
        question = Question.of(text, contact=contact)
        found: dict[UUID, sa.Row[Any]] = {}

        def keep(rows: Rows) -> int:
            for row in rows:
                found.setdefault(row.id, row)
            return limit - len(found)

        begun = await self._by_beginning(question, limit)
        room = keep(begun)
        if any(row.rank == _IDENTIFIED for row in begun):
            return begun
        if room > 0:
            room = keep(await self._by_names(question, limit))
        if room > 0 and not (found and len(question.words) > 1):
            room = keep(await self._anywhere(question, limit))
            if len(found) < min(limit, _SATISFIED):
                keep(await self._nearly(question, limit))
        return list(found.values())[:limit]

    async def similar_names(self, name: str, limit: int) -> list[UUID]:
        """Clients whose names hold these words, but for typing errors."""
        question = Question.of(name, contact=False)
        rows = await self._nearly(question, limit) or await self._by_names(question, limit)
        return [row.id for row in rows]

    async def _by_beginning(self, question: Question, limit: int) -> Rows:
        """What the text is as a whole, then names that begin with it."""
        columns = (*READ_COLUMNS, Client.name_folded)
        whole = (
            sa.select(*columns, sa.literal(_IDENTIFIED).label("rank"))
            .where(self._live(), _one_of(self._identified(question)))
            .limit(limit)
        )
        begun = (
            sa.select(
                *columns, sa.case((Client.name_folded == question.folded, _NAMED), else_=_BEGUN)
            )
            .where(
                self._live(),
                Client.name_folded >= question.folded,
                Client.name_folded < question.folded + _AFTER_ANY,
            )
            .order_by(Client.name_folded, Client.id)
            .limit(limit)
        )
        both = sa.union_all(sa.select(whole.subquery()), sa.select(begun.subquery())).subquery()
        read: list[Any] = [*(both.c[column.name] for column in READ_COLUMNS), both.c.rank]
        order = (both.c.rank, both.c.name_folded, both.c.id)
        statement = sa.select(*read).order_by(*order).limit(limit)
        rows: Rows = (await self._session.execute(statement)).all()
        return rows

    async def _by_names(self, question: Question, limit: int) -> Rows:
        """All words begin words of the name, in any order; whole words first."""
        query = self._terms.beginnings(question)
        words = [name for word in question.words for name in word.names]
        rank = sa.case((_NAME_WORDS.contains(words), 0), else_=1)
        return await self._ranked(query, rank, limit)

    async def _anywhere(self, question: Question, limit: int) -> Rows:
        """All words are somewhere; in the name first."""
        in_name = sa.and_(*(_in_name(word) for word in question.words))
        # Three letters after another may all be there without the word being there.
        really = [sa.and_(*(_holds(word, question) for word in question.words))]
        if question.digits is not None:
            really.append(_in_phones(question.digits))
        rank = sa.case((in_name, 0), else_=1)
        return await self._ranked(self._terms.anywhere(question), rank, limit, sa.or_(*really))

    async def _nearly(self, question: Question, limit: int) -> Rows:
        """As by names, with typing errors; those with fewer first."""
        meant = await self._meant(question)
        unknown = {typed: words for typed, words in meant.items() if typed not in words}
        rows = await self._corrected(question, unknown, limit)
        if rows or len(unknown) == len(meant):
            return rows
        # Words that are names may be wrong as well: Luís, where it should be Luiz.
        return await self._corrected(question, meant, limit)

    async def _corrected(self, question: Question, meant: Similar, limit: int) -> Rows:
        if not any(meant.values()):
            return []
        query = self._terms.nearly(question, lambda name: meant.get(name, ()))
        rank = sum((_edits(words) for words in meant.values()), start=sa.literal(0))
        return await self._ranked(query, rank, limit)

    async def _meant(self, question: Question) -> Similar:
        """For each word of a name those that may have been meant, with the number of errors."""
        typed = {name for word in question.words for name in word.names if edits_allowed(name)}
        if not typed:
            return {}
        own = own_key(self._organization_id)
        wanted = sorted({own + variant for word in typed for variant in variants(word)})
        similar = sa.func.crm.similar_words(
            sa.cast(wanted, ARRAY(sa.Text())), _SIMILAR_WORDS, type_=sa.Text()
        )
        known = (await self._session.scalars(sa.select(similar))).all()
        return {word: similar_to(word, known) for word in typed}

    async def _ranked(
        self,
        query: str | None,
        rank: sa.ColumnElement[Any],
        limit: int,
        *conditions: sa.ColumnElement[bool],
    ) -> Rows:
        if query is None:
            return []
        candidates = sa.select(self._candidates(query, _CANDIDATES))
        statement = (
            sa.select(*READ_COLUMNS)
            .where(self._live(), _one_of(candidates), *conditions)
            .order_by(rank, Client.name_folded, Client.id)
            .limit(limit)
        )
        rows: Rows = (await self._session.execute(statement)).all()
        return rows

    def _identified(self, question: Question) -> sa.CompoundSelect[Any] | sa.Select[Any]:
        """Those with this document or external id, also as part of who they were merged into."""
        keys = [Client.external_id == question.text]
        number = tax_ids.find(question.text)
        if number is not None and (question.contact or not tax_ids.is_personal(number)):
            vault = vault_of(self._session)
            index = documents.index_of(vault, self._organization_id, number)
            keys.append(Client.document_index == index)
        alive = sa.and_(
            Client.organization_id == self._organization_id, Client.deleted_at.is_(None)
        )
        found = sa.select(sa.func.coalesce(Client.merged_into_id, Client.id)).where(
            alive, sa.or_(*keys)
        )
        contact = self._terms.whole_contact(question)
        if contact is None:
            return found
        return sa.union(found, sa.select(self._candidates(contact, _CANDIDATES)))

    def _candidates(self, query: str, most: int) -> sa.ColumnElement[Any]:
        return sa.func.crm.client_candidates(sa.cast(query, TSQUERY), most, type_=sa.Uuid())

    def _live(self) -> sa.ColumnElement[bool]:
        return sa.and_(
            Client.organization_id == self._organization_id,
            Client.deleted_at.is_(None),
            Client.merged_into_id.is_(None),
        )


def _one_of(ids: sa.Select[Any] | sa.CompoundSelect[Any]) -> sa.ColumnElement[bool]:
    """As an array the ids are looked up one by one; joined, the planner may read all clients."""
    return Client.id == sa.any_(sa.func.array(ids.scalar_subquery()))


def _holds(word: Word, question: Question) -> sa.ColumnElement[bool]:
    places = [_in_name(word), _contains(sa.func.crm.fold(Client.external_id), word.text)]
    if question.contact:
        places.append(_contains(sa.func.crm.fold(sa.cast(Client.emails, sa.Text())), word.text))
        if word.digits is not None:
            places.append(_in_phones(word.digits))
    return sa.or_(*places)


def _in_name(word: Word) -> sa.ColumnElement[bool]:
    if not word.names:
        return sa.false()
    return sa.and_(*(_contains(Client.name_folded, name) for name in word.names))


def _in_phones(digits: str) -> sa.ColumnElement[bool]:
    return _contains(sa.cast(Client.phones, sa.Text()), digits)


def _contains(column: sa.ColumnElement[Any] | Any, text: str) -> sa.ColumnElement[bool]:
    found: sa.ColumnElement[bool] = sa.func.coalesce(sa.func.strpos(column, text), 0) > 0
    return found


def _edits(similar: Mapping[str, int]) -> sa.ColumnElement[Any]:
    by_edits: dict[int, list[str]] = {}
    for word, edits in similar.items():
        by_edits.setdefault(edits, []).append(word)
    cases = [(_NAME_WORDS.overlap(words), edits) for edits, words in sorted(by_edits.items())]
    return sa.case(*cases, else_=3) if cases else sa.literal(0)
