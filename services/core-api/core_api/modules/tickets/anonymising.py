"""Free text of tickets, page by page, for who takes identifiers out of it; statistics stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.tickets.erasing import messages_of, tickets_of
from core_api.modules.tickets.messages.models import MessageRevision, TicketMessage
from core_api.modules.tickets.models import Ticket
from core_api.modules.tickets.search import index as search_index
from core_api.subject_stores import Subject

_PAGE: Final = 50


class Scrubs(Protocol):
    """Takes identifiers out."""

    def text(self, text: str) -> str:
        """Of a text."""

    def value(self, value: Any) -> Any:
        """Of JSON."""

    def tags(self, tags: Sequence[str]) -> list[str]:
        """Of labels."""


class Texts(Protocol):
    """The texts of one table."""

    @property
    def name(self) -> str:
        """As receipts name them."""

    @property
    def label(self) -> str:
        """As people read it, in Portuguese."""

    async def page(
        self, tx: AsyncSession, subject: Subject, after: UUID, *, lock: bool
    ) -> Sequence[Any]:
        """The next rows of the subject's, by id."""

    def scrubbed(self, row: Any, scrubs: Scrubs) -> bool:
        """Takes identifiers out of a row; whether there were any."""

    async def written(self, tx: AsyncSession, rows: Sequence[Any]) -> None:
        """After rows were changed."""


@dataclass(frozen=True, kw_only=True)
class _Bodies:
    """Rows that say one thing: `body`."""

    name: str
    label: str
    model: Any

    async def page(
        self, tx: AsyncSession, subject: Subject, after: UUID, *, lock: bool
    ) -> Sequence[Any]:
        """By id."""
        return await _page(tx, self.model, self._of(subject), subject, after, lock=lock)

    def scrubbed(self, row: Any, scrubs: Scrubs) -> bool:
        """Whether the body changed."""
        body = scrubs.text(row.body)
        changed = bool(body != row.body)
        if changed:
            row.body = body
        return changed

    async def written(self, tx: AsyncSession, rows: Sequence[Any]) -> None:
        """Tickets are no longer found by what was taken out."""
        await tx.flush()
        said_on = {row.ticket_id for row in rows if isinstance(row, TicketMessage)}
        if said_on:
            tickets = sa.select(Ticket).where(
                Ticket.organization_id == rows[0].organization_id, Ticket.id.in_(said_on)
            )
            for ticket in await tx.scalars(tickets.order_by(Ticket.id)):
                await search_index.rebuild(tx, ticket)

    def _of(self, subject: Subject) -> sa.ColumnElement[bool]:
        if self.model is MessageRevision:
            return MessageRevision.message_id.in_(messages_of(subject))
        return TicketMessage.ticket_id.in_(tickets_of(subject))


@dataclass(frozen=True, kw_only=True)
class _TicketTexts:
    """Subject, description, tags and custom values. After what was said on them."""

    name: str = "tickets"
    label: str = "Chamados: assunto, descrição, etiquetas e campos"

    async def page(
        self, tx: AsyncSession, subject: Subject, after: UUID, *, lock: bool
    ) -> Sequence[Ticket]:
        """By id, as everybody locks tickets."""
        mine = Ticket.client_id.in_(subject.client_ids)
        return await _page(tx, Ticket, mine, subject, after, lock=lock)

    def scrubbed(self, row: Ticket, scrubs: Scrubs) -> bool:
        """Whether anything changed."""
        values: Mapping[str, Any] = {
            "subject": scrubs.text(row.subject),
            "description": scrubs.text(row.description),
            "tags": scrubs.tags(row.tags),
            "custom_fields": scrubs.value(row.custom_fields),
        }
        return bool(row.change(values))

    async def written(self, tx: AsyncSession, rows: Sequence[Ticket]) -> None:
        """They are found by what is left, and no longer by what was said on them."""
        await tx.flush()
        for ticket in rows:
            await search_index.rebuild(tx, ticket)


async def found_by_more(
    tx: AsyncSession, subject: Subject, after: UUID
) -> tuple[Sequence[Ticket], Sequence[Ticket]]:
    """The subject's next tickets, locked; and those found by more than they say now."""
    page = await TICKETS.page(tx, subject, after, lock=True)
    stale = [ticket for ticket in page if not await search_index.is_in_step(tx, ticket)]
    return page, stale


async def find_anew(tx: AsyncSession, tickets: Sequence[Ticket]) -> None:
    """By what they say now."""
    for ticket in tickets:
        await search_index.rebuild(tx, ticket)


async def _page(
    tx: AsyncSession,
    model: Any,
    wanted: sa.ColumnElement[bool],
    subject: Subject,
    after: UUID,
    *,
    lock: bool,
) -> Sequence[Any]:
    statement = (
        sa.select(model)
        .where(model.organization_id == subject.organization_id, wanted, model.id > after)
        .order_by(model.id)
        .limit(_PAGE)
    )
    if lock:
        statement = statement.with_for_update(key_share=True)
    return (await tx.scalars(statement)).all()


REVISIONS: Final[Texts] = _Bodies(
    name="message_revisions", label="Versões anteriores das mensagens", model=MessageRevision
)
MESSAGES: Final[Texts] = _Bodies(
    name="ticket_messages",
    label="Mensagens, anotações e rascunhos dos chamados",
    model=TicketMessage,
)
TICKETS: Final[Texts] = _TicketTexts()
