"""Organizations, clients, tickets, consents, audit, and the tables every service has."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

from alembic import op
from chassis.data.migrations import (
    Verb,
    create_schema,
    create_system_tables,
    drop_schema,
    drop_system_tables,
    enable_tenant_isolation,
    enum_check,
)

revision = "crm_001"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "crm"
INSTANT = sa.DateTime(timezone=True)

APPEND: tuple[Verb, ...] = ("SELECT", "INSERT")
CHANGE: tuple[Verb, ...] = ("SELECT", "INSERT", "UPDATE")

FOLD = r"""
CREATE FUNCTION crm.fold(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN pg_catalog.lower(
  pg_catalog.regexp_replace(normalize(value, NFKD), '[\u0300-\u036f]', '', 'g') COLLATE "C"
)
"""
# The Portuguese stemmer does not know that certidões are more than one certidão.
SINGULAR = r"""
CREATE FUNCTION crm.singular(value text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN pg_catalog.regexp_replace(crm.fold(value), '[ao]es\M', 'ao', 'g')
"""
TICKET_SEARCH = """
CREATE FUNCTION crm.ticket_search(subject text, description text) RETURNS tsvector
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN
  pg_catalog.setweight(pg_catalog.to_tsvector('pg_catalog.simple'::regconfig, crm.fold(subject)), 'A')
  || pg_catalog.setweight(pg_catalog.to_tsvector('pg_catalog.portuguese'::regconfig, crm.singular(subject)), 'B')
  || pg_catalog.setweight(pg_catalog.to_tsvector('pg_catalog.simple'::regconfig, crm.fold(description)), 'C')
  || pg_catalog.setweight(pg_catalog.to_tsvector('pg_catalog.portuguese'::regconfig, crm.singular(description)), 'D')
"""

# In the order of their foreign keys, with what the application may do. No DELETE anywhere: retention and erasure
# will come with grants of their own.
TABLES = {
    "organizations": CHANGE,
    "members": CHANGE,
    "clients": CHANGE,
    "ticket_counters": CHANGE,
    "tickets": CHANGE,
    "ticket_messages": APPEND,
    "consent_purposes": CHANGE,
    "consent_notices": APPEND,
    "consents": APPEND,
    "consent_revocations": APPEND,
    "audit_events": APPEND,
}


def upgrade() -> None:
    """Creates everything, with row-level security from the first row on."""
    create_schema(op, SCHEMA)
    op.execute(FOLD)
    op.execute(SINGULAR)
    op.execute(TICKET_SEARCH)
    create_system_tables(op, SCHEMA)
    _create_organizations()
    _create_clients()
    _create_tickets()
    _create_ticket_messages()
    _create_purposes()
    _create_consents()
    _create_audit()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)


def downgrade() -> None:
    """Drops everything."""
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)
    drop_system_tables(op, SCHEMA)
    op.execute("DROP FUNCTION crm.ticket_search(text, text)")
    op.execute("DROP FUNCTION crm.singular(text)")
    op.execute("DROP FUNCTION crm.fold(text)")
    drop_schema(op, SCHEMA)


def _organization_id(*, key: bool = False) -> sa.Column[Any]:
    return sa.Column("organization_id", sa.Uuid(), nullable=False, primary_key=key)


def _created_at() -> sa.Column[Any]:
    return sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now())


def _updated_at() -> sa.Column[Any]:
    return sa.Column("updated_at", INSTANT, nullable=False, server_default=sa.func.now())


def _row() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        _organization_id(),
        sa.UniqueConstraint("organization_id", "id"),
    ]


def _changing_row() -> list[sa.schema.SchemaItem]:
    version = sa.Column("version", sa.Integer(), nullable=False, server_default="1")
    return [*_row(), _created_at(), _updated_at(), version]


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, INSTANT, nullable=nullable)


def _uuid(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


def _index(name: str, table: str, *columns: str) -> None:
    op.create_index(name, table, ["organization_id", *columns], schema=SCHEMA)


def _create_organizations() -> None:
    op.create_table(
        "organizations",
        _organization_id(key=True),
        _text("slug"),
        _text("name"),
        _created_at(),
        _updated_at(),
        schema=SCHEMA,
    )
    op.create_table(
        "members",
        _organization_id(key=True),
        sa.Column("id", sa.Uuid(), primary_key=True),
        _text("email"),
        _text("name"),
        sa.Column("roles", ARRAY(sa.Text()), nullable=False),
        _instant("last_seen_at"),
        _created_at(),
        _updated_at(),
        sa.ForeignKeyConstraint(["organization_id"], [f"{SCHEMA}.organizations.organization_id"]),
        schema=SCHEMA,
    )


def _create_clients() -> None:
    op.create_table(
        "clients",
        *_changing_row(),
        _text("kind"),
        _text("name"),
        sa.Column(
            "name_folded",
            sa.Text(collation="C"),
            sa.Computed("crm.fold(name)", persisted=True),
            nullable=False,
        ),
        _text("email", nullable=True),
        _text("phone", nullable=True),
        _text("document", nullable=True),
        _text("external_id", nullable=True),
        sa.Column("tags", ARRAY(sa.Text()), nullable=False),
        _instant("deleted_at", nullable=True),
        enum_check("kind", ("person", "company")),
        schema=SCHEMA,
    )
    op.create_index(
        "uq_clients_external_id",
        "clients",
        ["organization_id", "external_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    _index("ix_clients_created_at", "clients", "created_at", "id")
    _index("ix_clients_updated_at", "clients", "updated_at", "id")
    _index("ix_clients_name", "clients", "name_folded", "id")
    _index("ix_clients_email", "clients", "email")
    _index("ix_clients_document", "clients", "document")


def _create_tickets() -> None:
    op.create_table(
        "ticket_counters",
        _organization_id(key=True),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "tickets",
        *_changing_row(),
        sa.Column("number", sa.BigInteger(), nullable=False),
        _uuid("client_id"),
        _text("subject"),
        _text("description"),
        _text("priority"),
        _text("channel"),
        _text("status"),
        sa.Column("tags", ARRAY(sa.Text()), nullable=False),
        _uuid("assignee_id", nullable=True),
        _uuid("created_by"),
        _instant("last_message_at", nullable=True),
        _instant("resolved_at", nullable=True),
        _instant("closed_at", nullable=True),
        sa.Column(
            "search",
            TSVECTOR(),
            sa.Computed("crm.ticket_search(subject, description)", persisted=True),
            nullable=False,
        ),
        sa.UniqueConstraint("organization_id", "number"),
        _refers("client_id", "clients"),
        _refers("assignee_id", "members"),
        _refers("created_by", "members"),
        enum_check("priority", ("low", "normal", "high", "urgent")),
        enum_check("channel", ("web", "email", "phone", "whatsapp", "api")),
        enum_check("status", ("open", "pending", "on_hold", "resolved", "closed")),
        schema=SCHEMA,
    )
    _index("ix_tickets_created_at", "tickets", "created_at", "id")
    _index("ix_tickets_updated_at", "tickets", "updated_at", "id")
    _index("ix_tickets_status", "tickets", "status", "created_at", "id")
    _index("ix_tickets_client_id", "tickets", "client_id", "created_at", "id")
    _index("ix_tickets_assignee_id", "tickets", "assignee_id", "created_at", "id")


def _create_ticket_messages() -> None:
    op.create_table(
        "ticket_messages",
        *_row(),
        _uuid("ticket_id"),
        _text("kind"),
        _text("body"),
        _uuid("author_id", nullable=True),
        _created_at(),
        _refers("ticket_id", "tickets"),
        _refers("author_id", "members"),
        enum_check("kind", ("reply", "note", "client")),
        schema=SCHEMA,
    )
    _index("ix_ticket_messages_ticket_id", "ticket_messages", "ticket_id", "created_at", "id")


def _create_purposes() -> None:
    op.create_table(
        "consent_purposes",
        *_changing_row(),
        _text("code"),
        _text("name"),
        _text("description"),
        _text("legal_basis"),
        sa.Column("notice_version", sa.Integer(), nullable=False),
        sa.UniqueConstraint("organization_id", "code"),
        enum_check(
            "legal_basis",
            (
                "consent",
                "legal_obligation",
                "public_policy",
                "research",
                "contract",
                "exercise_of_rights_in_proceedings",
                "protection_of_life",
                "health_protection",
                "legitimate_interest",
                "credit_protection",
            ),
        ),
        schema=SCHEMA,
    )
    op.create_table(
        "consent_notices",
        *_row(),
        _uuid("purpose_id"),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("locale"),
        _text("text"),
        _text("sha256"),
        _uuid("published_by"),
        _created_at(),
        sa.UniqueConstraint("organization_id", "purpose_id", "version"),
        _refers("purpose_id", "consent_purposes"),
        schema=SCHEMA,
    )


def _create_consents() -> None:
    notice = ("organization_id", "purpose_id", "version")
    op.create_table(
        "consents",
        *_row(),
        _uuid("client_id"),
        _uuid("purpose_id"),
        sa.Column("notice_version", sa.Integer(), nullable=False),
        _text("notice_sha256"),
        _text("locale"),
        _text("decision"),
        _text("channel"),
        _instant("shown_at", nullable=True),
        _instant("decided_at"),
        _uuid("recorded_by"),
        _created_at(),
        _refers("client_id", "clients"),
        sa.ForeignKeyConstraint(
            ["organization_id", "purpose_id", "notice_version"],
            [f"{SCHEMA}.consent_notices.{column}" for column in notice],
            name="fk_consents_notice",
        ),
        enum_check("decision", ("granted", "refused")),
        enum_check("channel", ("web", "email", "phone", "whatsapp", "in_person", "paper", "api")),
        schema=SCHEMA,
    )
    _index("ix_consents_client_id", "consents", "client_id", "purpose_id", "decided_at", "id")
    _index("ix_consents_notice", "consents", "purpose_id", "notice_version")
    op.create_table(
        "consent_revocations",
        *_row(),
        _uuid("consent_id"),
        _text("reason", nullable=True),
        _instant("revoked_at"),
        _uuid("recorded_by"),
        _created_at(),
        sa.UniqueConstraint("organization_id", "consent_id"),
        _refers("consent_id", "consents"),
        schema=SCHEMA,
    )


def _create_audit() -> None:
    op.create_table(
        "audit_events",
        *_row(),
        _instant("occurred_at"),
        _uuid("actor_id", nullable=True),
        _text("action"),
        _text("subject_type"),
        _uuid("subject_id"),
        sa.Column("changed", ARRAY(sa.Text()), nullable=False),
        sa.Column("related", JSONB(), nullable=False),
        _text("request_id"),
        schema=SCHEMA,
    )
    _index("ix_audit_events_occurred_at", "audit_events", "occurred_at", "id")
    _index("ix_audit_events_subject_id", "audit_events", "subject_id", "occurred_at", "id")
    _index("ix_audit_events_actor_id", "audit_events", "actor_id", "occurred_at", "id")
