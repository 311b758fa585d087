"""What tickets hold of a person, and how it goes: texts, tags and values; statistics stay."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.changes import Change, Changes
from core_api.modules.tickets.messages.models import MessageRevision, TicketMessage
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.relations.models import TicketFacet, TicketLink, TicketWatcher
from core_api.modules.tickets.search import forgetting
from core_api.modules.tickets.search import index as search_index
from core_api.subject_stores import (
    ERASED_NAME,
    ERASED_TEXT,
    KeptRows,
    RowStore,
    Store,
    Subject,
    Tally,
    Workshop,
    count_rows,
)
from shared_schemas.privacy import StoreAction

_TICKETS_AT_ONCE: Final = 50
_WORDS_AT_ONCE: Final = 200
_ALL: Final = 2_147_483_647
_LEFT: Final = f"{ERASED_TEXT} {ERASED_NAME}"
_EVERYTHING_SAID: Final = Changes(messages=Change(None, None))
"""Has the search row made anew, whatever the ticket says now."""
_NO_TAGS: Final = sa.cast(sa.literal([], ARRAY(sa.Text())), ARRAY(sa.Text()))
_NO_VALUES: Final = sa.cast(sa.literal({}, JSONB()), JSONB())

_MESSAGES: Final = cast("sa.Table", TicketMessage.__table__)
_REVISIONS: Final = cast("sa.Table", MessageRevision.__table__)
_FACETS: Final = cast("sa.Table", TicketFacet.__table__)
_WATCHERS: Final = cast("sa.Table", TicketWatcher.__table__)
_LINKS: Final = cast("sa.Table", TicketLink.__table__)
_TABLE: Final = cast("sa.Table", Ticket.__table__)
STATISTICS: Final = (
    "LGPD, art. 12 e art. 16, IV: estatística do atendimento, que não diz de quem era"
)


def tickets_of(subject: Subject) -> sa.Select[UUID]:
    """Ids of the subject's tickets: also of those that went into another one."""
    return sa.select(Ticket.id).where(
        Ticket.organization_id == subject.organization_id,
        Ticket.client_id.in_(subject.client_ids),
    )


def messages_of(subject: Subject) -> sa.Select[UUID]:
    """Ids of what was said on them."""
    return sa.select(TicketMessage.id).where(
        TicketMessage.organization_id == subject.organization_id,
        TicketMessage.ticket_id.in_(tickets_of(subject)),
    )


async def words_of(tx: AsyncSession, subject: Subject) -> frozenset[str]:
    """Words of the subject's tickets that the organization's vocabulary may have learned."""
    ids = (await tx.scalars(tickets_of(subject))).all()
    return await forgetting.words_used(tx, subject.organization_id, ids)


def _speaks(subject: Subject) -> sa.ColumnElement[bool]:
    return sa.and_(
        Ticket.client_id.in_(subject.client_ids),
        sa.or_(
            Ticket.subject != ERASED_TEXT,
            Ticket.description != ERASED_TEXT,
            Ticket.tags != _NO_TAGS,
            Ticket.custom_fields != _NO_VALUES,
        ),
    )


@dataclass(frozen=True, kw_only=True)
class TicketTexts:
    """Subject, description, tags and values of tickets, and what search knows of them. After what
    was said on them: the search row is made anew from what is left."""

    name: str = "tickets"
    label: str = "Chamados: assunto, descrição, etiquetas e campos"
    action: StoreAction = StoreAction.ANONYMISE
    ground: None = None

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """Tickets that still say something."""
        return await count_rows(workshop, subject, _TABLE, _speaks)

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """Locked in the order everybody locks tickets in, before any client."""
        some = (
            sa.select(Ticket)
            .where(Ticket.organization_id == subject.organization_id, _speaks(subject))
            .order_by(Ticket.id)
            .limit(_TICKETS_AT_ONCE)
            .with_for_update()
        )
        async with workshop.database.transaction(subject.organization_id) as tx:
            tickets = (await tx.scalars(some)).all()
            for ticket in tickets:
                await self._erase(tx, ticket)
            if tickets:
                await tally(tx, len(tickets))
        return len(tickets)

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Counts again."""
        return await self.count(workshop, subject)

    async def _erase(self, tx: AsyncSession, ticket: Ticket) -> None:
        changes = ticket.change(
            {
                "subject": ERASED_TEXT,
                "description": ERASED_TEXT,
                "tags": [],
                "custom_fields": {},
            }
        )
        await tx.flush()
        await search_index.refresh(tx, ticket, changes)


@dataclass(frozen=True, kw_only=True)
class TicketSearchRows:
    """What the subject's tickets are found by. After their texts and the client's name: rows that
    hold more than what stands in their place are made anew."""

    name: str = "ticket_search"
    label: str = "Índice de busca dos chamados"
    action: StoreAction = StoreAction.ERASE
    ground: None = None

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """Rows that still tell something."""
        async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
            return len(await self._stale(tx, subject, _ALL))

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """One transaction, tickets locked first."""
        async with workshop.database.transaction(subject.organization_id) as tx:
            stale = await self._stale(tx, subject, _TICKETS_AT_ONCE)
            some = sa.select(Ticket).where(
                Ticket.organization_id == subject.organization_id, Ticket.id.in_(stale)
            )
            tickets = (await tx.scalars(some.order_by(Ticket.id).with_for_update())).all()
            for ticket in tickets:
                await search_index.refresh(tx, ticket, _EVERYTHING_SAID)
            if tickets:
                await tally(tx, len(tickets))
        return len(tickets)

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Counts again."""
        return await self.count(workshop, subject)

    async def _stale(self, tx: AsyncSession, subject: Subject, most: int) -> Sequence[UUID]:
        return await forgetting.stale_rows(
            tx, subject.organization_id, subject.client_ids, _LEFT, most
        )


@dataclass(frozen=True, kw_only=True)
class TicketVocabulary:
    """Words that only the subject's tickets used: names and places are among them. After the
    tickets: a word that any ticket still holds stays."""

    name: str = "ticket_words"
    label: str = "Vocabulário da busca de chamados"
    action: StoreAction = StoreAction.ERASE
    ground: None = None

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """Words nobody else's ticket holds; none as long as the tickets themselves hold them."""
        async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
            return len(await self._unused(tx, subject, len(subject.ticket_words)))

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """One transaction."""
        async with workshop.database.transaction(subject.organization_id) as tx:
            words = await self._unused(tx, subject, _WORDS_AT_ONCE)
            if words:
                await forgetting.forget(tx, subject.organization_id, words)
                await tally(tx, len(words))
        return len(words)

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Counts again."""
        return await self.count(workshop, subject)

    async def _unused(self, tx: AsyncSession, subject: Subject, most: int) -> Sequence[str]:
        return await forgetting.unused_among(
            tx, subject.organization_id, sorted(subject.ticket_words), most
        )


MESSAGE_STORES: Final[tuple[Store, ...]] = (
    RowStore(
        name="message_revisions",
        label="Versões anteriores das mensagens",
        table=_REVISIONS,
        where=lambda subject: _REVISIONS.c.message_id.in_(messages_of(subject)),
    ),
    RowStore(
        name="ticket_messages",
        label="Mensagens, anotações e rascunhos dos chamados",
        table=_MESSAGES,
        where=lambda subject: sa.and_(
            _MESSAGES.c.ticket_id.in_(tickets_of(subject)), _MESSAGES.c.body != ERASED_TEXT
        ),
        blank={"body": ERASED_TEXT},
    ),
    TicketTexts(),
    RowStore(
        name="ticket_facets",
        label="Etiquetas e valores dos chamados, para filtrar",
        table=_FACETS,
        where=lambda subject: _FACETS.c.ticket_id.in_(tickets_of(subject)),
        order=("name", "value", "created_at", "ticket_id"),
    ),
)
"""In this order."""
SEARCH_STORES: Final[tuple[Store, ...]] = (TicketSearchRows(), TicketVocabulary())
"""After the client's name is gone."""
STATISTICS_STORES: Final[tuple[Store, ...]] = (
    KeptRows(
        name="ticket_watchers",
        label="Quem da equipe acompanhava os chamados",
        ground=STATISTICS,
        table=_WATCHERS,
        where=lambda subject: _WATCHERS.c.ticket_id.in_(tickets_of(subject)),
    ),
    KeptRows(
        name="ticket_links",
        label="Ligações entre chamados (identificadores)",
        ground=STATISTICS,
        table=_LINKS,
        where=lambda subject: sa.or_(
            _LINKS.c.ticket_id.in_(tickets_of(subject)), _LINKS.c.other_id.in_(tickets_of(subject))
        ),
    ),
)
