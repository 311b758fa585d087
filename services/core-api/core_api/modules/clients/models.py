"""The table of clients, and what a client may become."""

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import text_enum, utc_now
from core_api.tables import Base, VersionedRow


class ClientKind(StrEnum):
    """Whether a CPF or a CNPJ identifies the client."""

    PERSON = "person"
    COMPANY = "company"


class Client(VersionedRow, Base):
    """A person or company the organization serves. Deleted ones stay until retention ends."""

    __tablename__ = "clients"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.Index(
            "uq_clients_external_id",
            "organization_id",
            "external_id",
            unique=True,
            postgresql_where=sa.text("deleted_at IS NULL"),
        ),
        sa.Index("ix_clients_created_at", "organization_id", "created_at", "id"),
        sa.Index("ix_clients_updated_at", "organization_id", "updated_at", "id"),
        sa.Index("ix_clients_name", "organization_id", "name_folded", "id"),
        sa.Index("ix_clients_email", "organization_id", "email"),
        sa.Index("ix_clients_document", "organization_id", "document"),
    )

    kind: Mapped[ClientKind] = mapped_column(text_enum(ClientKind, "kind"))
    name: Mapped[str]
    # As people search for it: no accents, lower case. Compared byte by byte, so that cursors order
    # the same on every machine.
    name_folded: Mapped[str] = mapped_column(
        sa.Text(collation="C"), sa.Computed("crm.fold(name)", persisted=True)
    )
    email: Mapped[str | None]
    phone: Mapped[str | None]
    document: Mapped[str | None]  # CPF or CNPJ without punctuation
    external_id: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    deleted_at: Mapped[datetime | None]

    def delete(self) -> None:
        """From now on nobody finds the client; tickets and consents keep referring to it."""
        self.deleted_at = utc_now()
