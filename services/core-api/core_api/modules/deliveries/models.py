"""The table of deliveries, a job queue. It holds ids, enumerations, times and causes: address and
words are read from who owns them at the moment of sending, and are never here."""

from enum import StrEnum
from typing import Final

import sqlalchemy as sa

from chassis.data.columns import Instant, text_enum
from chassis.messaging.job_queue import job_columns
from core_api.tables import SCHEMA, Base


class DeliveryKind(StrEnum):
    """What is sent, and so who owns its words."""

    PRIVACY_MESSAGE = "privacy_message"
    RECIPIENT_NOTICE = "recipient_notice"
    INCIDENT_NOTICE = "incident_notice"
    PREFERENCES_LINK = "preferences_link"


OWNERS: Final = {
    DeliveryKind.PRIVACY_MESSAGE: ("privacy_message_id", "privacy_messages"),
    DeliveryKind.RECIPIENT_NOTICE: ("recipient_notice_id", "recipient_notices"),
    DeliveryKind.INCIDENT_NOTICE: ("incident_notice_id", "incident_notices"),
    DeliveryKind.PREFERENCES_LINK: ("preferences_link_id", "preferences_links"),
}
"""Kind → the column that names what is sent, and its table."""


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


def _found_by(column: str) -> sa.Index:
    return sa.Index(
        f"ix_deliveries_{column}",
        "organization_id",
        column,
        "created_at",
        "id",
        postgresql_where=sa.text(f"{column} IS NOT NULL"),
    )


class Delivery(Base):
    """One mail to one address. Of the same thing to the same person at most one is not in vain."""

    __table__ = sa.Table(
        "deliveries",
        Base.metadata,
        *job_columns(),
        sa.Column("kind", text_enum(DeliveryKind, "kind"), nullable=False),
        # Whom it is about, who is not always whom it goes to.
        sa.Column("client_id", sa.Uuid(), nullable=False),
        *(sa.Column(column, sa.Uuid()) for column, _ in OWNERS.values()),
        sa.Column("message_id", sa.Text()),  # of the mail that went out (RFC 5322, 3.6.4)
        sa.Column("sent_at", Instant),
        # While it was being sent: it ends with what became of it, and is not tried again.
        sa.Column("called_off_at", Instant),
        _refers("client_id", "clients"),
        *(_refers(column, table) for column, table in OWNERS.values()),
        sa.CheckConstraint(
            f"num_nonnulls({', '.join(column for column, _ in OWNERS.values())}) = 1",
            name="one_owner",
        ),
        sa.Index(
            "uq_deliveries_once",
            "organization_id",
            "client_id",
            *(column for column, _ in OWNERS.values()),
            unique=True,
            postgresql_where=sa.text("state IN ('pending', 'processing', 'succeeded')"),
            postgresql_nulls_not_distinct=True,
        ),
        sa.Index("ix_deliveries_created_at", "organization_id", "created_at", "id"),
        *(_found_by(column) for column, _ in OWNERS.values()),
    )
