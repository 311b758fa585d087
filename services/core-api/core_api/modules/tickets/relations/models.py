"""Tables of who watches a ticket, and of what it has to do with other tickets."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import CreatedAt, Id, Tenant, text_enum
from core_api.modules.tickets.keys import to_member, to_ticket
from core_api.tables import Base
from shared_schemas.ids import UserId


class TicketWatcher(Base):
    """A member who wants to know what happens to a ticket."""

    __tablename__ = "ticket_watchers"
    __table_args__ = (
        to_ticket("ticket_id"),
        to_member("member_id"),
        sa.Index("ix_ticket_watchers_member_id", "organization_id", "member_id", "ticket_id"),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
    member_id: Mapped[UserId] = mapped_column(primary_key=True)
    added_by: Mapped[UserId]
    created_at: Mapped[CreatedAt]


class LinkKind(StrEnum):
    """What a ticket is to the other one."""

    DUPLICATE = "duplicate"  # says the same as the other
    PARENT = "parent"  # the other is its parent
    RELATED = "related"  # both ways
    FOLLOW_UP = "follow_up"  # takes up the other, closed too long to be reopened
    SPLIT = "split"  # was split off the other


class TicketLink(Base):
    """`ticket` is … of `other`. Both sides show it."""

    __tablename__ = "ticket_links"
    __table_args__ = (
        to_ticket("ticket_id"),
        to_ticket("other_id"),
        sa.CheckConstraint("ticket_id <> other_id", name="not_itself"),
        sa.UniqueConstraint("organization_id", "ticket_id", "other_id", "kind"),
        sa.Index("ix_ticket_links_other_id", "organization_id", "other_id", "ticket_id"),
        sa.Index(
            "uq_ticket_links_parent",
            "organization_id",
            "ticket_id",
            unique=True,
            postgresql_where=sa.text("kind = 'parent'"),
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    ticket_id: Mapped[UUID]
    other_id: Mapped[UUID]
    kind: Mapped[LinkKind] = mapped_column(text_enum(LinkKind, "kind"))
    created_by: Mapped[UserId]
    created_at: Mapped[CreatedAt]


class TicketFacet(Base):
    """A tag or custom value of a ticket, findable by B-tree. Kept in step by a trigger."""

    __tablename__ = "ticket_facets"
    __table_args__ = (sa.Index("ix_ticket_facets_ticket_id", "organization_id", "ticket_id"),)

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)  # `tag`, or `custom.<key>`
    value: Mapped[str] = mapped_column(primary_key=True)  # of custom values the beginning
    created_at: Mapped[datetime] = mapped_column(primary_key=True)  # the ticket's
    ticket_id: Mapped[UUID] = mapped_column(primary_key=True)
