"""Tables of the search of tickets: what each is found by, and the words an organization uses."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Tenant
from core_api.modules.tickets.keys import to_ticket
from core_api.tables import Base


class TicketSearch(Base):
    """What one ticket is found by: words by weight, facets, and the blocks its number lies in.

    Weights: A subject, B client, C description, D messages. Facets begin with `@`.
    """

    __tablename__ = "ticket_search"
    __table_args__ = (
        to_ticket("ticket_id"),
        # Only looked into by crm.candidate_tickets, as the tables' owner (ADR 018).
        sa.Index("ix_ticket_search_terms", "terms", postgresql_using="gin"),
    )

    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    organization_id: Mapped[Tenant]
    number: Mapped[int] = mapped_column(sa.BigInteger())
    characters: Mapped[int]  # of the texts in it; a tsvector has a limit
    terms: Mapped[Any] = mapped_column(TSVECTOR())


class TicketWord(Base):
    """A word the organization's tickets use, folded: begun words are completed and misspelt ones
    corrected from these."""

    __tablename__ = "ticket_words"

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(sa.Text(collation="C"), primary_key=True)
