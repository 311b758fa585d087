"""The tables of clients, of their notes, and of who belongs to which company."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Tenant, text_enum, utc_now
from core_api.changes import Changes
from core_api.modules.clients.contacts.lists import in_step, without_echo
from core_api.tables import SCHEMA, Base, VersionedRow
from shared_schemas.ids import UserId

_NO_ENTRIES: Final = sa.text("'[]'::jsonb")
_NO_VALUES: Final = sa.text("'{}'::jsonb")


class ClientKind(StrEnum):
    """Whether a CPF or a CNPJ identifies the client."""

    PERSON = "person"
    COMPANY = "company"


def _client(column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{SCHEMA}.clients.organization_id", f"{SCHEMA}.clients.id"],
    )


class Client(VersionedRow, Base):
    """A person or company the organization serves. Deleted ones stay until retention ends."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset(
        {
            "name",
            "email",
            "phone",
            "emails",
            "phones",
            "addresses",
            "document",
            "external_id",
            "tags",
            "custom_fields",
        }
    )

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
        sa.Index("ix_clients_document_index", "organization_id", "document_index"),
        sa.Index(
            "ix_clients_merged_into_id",
            "organization_id",
            "merged_into_id",
            postgresql_where=sa.text("merged_into_id IS NOT NULL"),
        ),
        # What `search` finds clients by.
        sa.Index(
            "ix_clients_terms",
            sa.text(
                "crm.client_terms(organization_id, name, emails, phones, addresses,"
                " document_index, external_id)"
            ),
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
            postgresql_where=sa.text("deleted_at IS NULL AND merged_into_id IS NULL"),
        ),
        _client("merged_into_id"),
    )

    kind: Mapped[ClientKind] = mapped_column(text_enum(ClientKind, "kind"))
    name: Mapped[str]
    # As people search for it: no accents, lower case. Compared byte by byte, so that cursors order
    # the same on every machine.
    name_folded: Mapped[str] = mapped_column(
        sa.Text(collation="C"), sa.Computed("crm.fold(name)", persisted=True)
    )
    # The primary ones of the lists below, as columns: found, sorted and shown without opening JSON.
    email: Mapped[str | None]
    phone: Mapped[str | None]  # E.164
    emails: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB(), default=list, server_default=_NO_ENTRIES
    )
    phones: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB(), default=list, server_default=_NO_ENTRIES
    )
    addresses: Mapped[list[dict[str, Any]]] = mapped_column(
        JSONB(), default=list, server_default=_NO_ENTRIES
    )
    # CPF or CNPJ without punctuation, sealed for this row; and its blind index, to find it by.
    document_sealed: Mapped[bytes | None]
    document_index: Mapped[bytes | None]
    # Always empty but for what replicas of the version before write while they are replaced;
    # `rotate_keys` seals it. To be dropped by the migrations of the next release.
    document_plain: Mapped[str | None] = mapped_column(
        "document", deferred=True, deferred_raiseload=True
    )
    external_id: Mapped[str | None]
    tags: Mapped[list[str]] = mapped_column(ARRAY(sa.Text()))
    custom_fields: Mapped[dict[str, Any]] = mapped_column(
        JSONB(), default=dict, server_default=_NO_VALUES
    )
    merged_into_id: Mapped[UUID | None]
    deleted_at: Mapped[datetime | None]

    def change(self, values: Mapping[str, Any]) -> Changes:
        """Takes over new values, lists of contacts and primary ones in step; what changed."""
        lists = {name: getattr(self, name) for name in ("emails", "phones")}
        return without_echo(super().change(in_step(values, lists)))

    def delete(self) -> None:
        """From now on nobody finds the client; tickets and consents keep referring to it."""
        self.deleted_at = utc_now()


class ClientFacet(Base):
    """A tag or custom value of a client, findable by B-tree. Kept in step by a trigger."""

    __tablename__ = "client_facets"
    __table_args__ = (sa.Index("ix_client_facets_client_id", "organization_id", "client_id"),)

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)  # `tag`, or `custom.<key>`
    value: Mapped[str] = mapped_column(primary_key=True)  # of custom values the beginning
    created_at: Mapped[datetime] = mapped_column(primary_key=True)  # the client's
    client_id: Mapped[UUID] = mapped_column(primary_key=True)


class ClientNote(VersionedRow, Base):
    """What attendants should know about a client. The client does not see it."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"body"})

    __tablename__ = "client_notes"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _client("client_id"),
        sa.ForeignKeyConstraint(
            ["organization_id", "author_id"],
            [f"{SCHEMA}.members.organization_id", f"{SCHEMA}.members.id"],
        ),
        sa.Index("ix_client_notes_client_id", "organization_id", "client_id", "created_at", "id"),
    )

    client_id: Mapped[UUID]
    body: Mapped[str]
    author_id: Mapped[UserId]


class ClientRelation(VersionedRow, Base):
    """A person's place in a company."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset({"role"})

    __tablename__ = "client_relations"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "company_id", "person_id"),
        _client("company_id"),
        _client("person_id"),
        sa.Index("ix_client_relations_person_id", "organization_id", "person_id", "company_id"),
        sa.CheckConstraint("company_id <> person_id", name="two_clients"),
    )

    company_id: Mapped[UUID]
    person_id: Mapped[UUID]
    role: Mapped[str | None]  # what they do there, as people say it
