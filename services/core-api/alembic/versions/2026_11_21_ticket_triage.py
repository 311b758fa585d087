"""Triage as the assistant proposed it, and how far each organization lets it go."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from alembic import op
from chassis.data.migrations import enable_tenant_isolation, enum_check

revision = "crm_020"
down_revision = "crm_019"
branch_labels = None
depends_on = None

SCHEMA = "crm"
INSTANT = sa.DateTime(timezone=True)
PRIORITIES = ("low", "normal", "high", "urgent")


def upgrade() -> None:
    """New tables: they wait for nobody."""
    _create_settings()
    _create_triages()
    enable_tenant_isolation(op, SCHEMA, "triage_settings", verbs=("SELECT", "INSERT", "UPDATE"))
    enable_tenant_isolation(op, SCHEMA, "ticket_triages")


def downgrade() -> None:
    """Proposals are lost; what was applied of them stays."""
    op.drop_table("ticket_triages", schema=SCHEMA)
    op.drop_table("triage_settings", schema=SCHEMA)


def _row() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
    ]


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


def _list(name: str) -> sa.Column[Any]:
    return sa.Column(name, ARRAY(sa.Text()), nullable=False, server_default=sa.text("'{}'::text[]"))


def _objects(name: str) -> sa.Column[Any]:
    return sa.Column(name, JSONB(), nullable=False, server_default=sa.text("'[]'::jsonb"))


def _share(name: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column(name, sa.Float(), nullable=True),
        sa.CheckConstraint(f"{name} BETWEEN 0 AND 1", name=name),
    ]


def _create_settings() -> None:
    op.create_table(
        "triage_settings",
        *_row(),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("least_confidence", sa.Float(), nullable=False),
        sa.UniqueConstraint("organization_id"),
        enum_check("mode", ("off", "propose", "apply")),
        sa.CheckConstraint("least_confidence BETWEEN 0 AND 1", name="least_confidence"),
        schema=SCHEMA,
    )


def _create_triages() -> None:
    op.create_table(
        "ticket_triages",
        *_row(),
        sa.Column("ticket_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("category_id", sa.Uuid()),
        *_share("category_confidence"),
        sa.Column("priority", sa.Text()),
        *_share("priority_confidence"),
        sa.Column("team_id", sa.Uuid()),
        *_share("team_confidence"),
        _list("inputs"),
        _list("criteria"),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Text()),
        sa.Column("draft", sa.Text()),
        _objects("citations"),
        sa.Column(
            "document_ids",
            ARRAY(sa.Uuid()),
            nullable=False,
            server_default=sa.text("'{}'::uuid[]"),
        ),
        _objects("duplicates"),
        _list("reasons"),
        _list("applied"),
        _list("kept"),
        _list("accepted"),
        sa.Column("decided_by", sa.Uuid()),
        sa.Column("decided_at", INSTANT),
        sa.Column("decline_reason", sa.Text()),
        sa.UniqueConstraint("organization_id", "id"),
        # One ticket is triaged once.
        sa.UniqueConstraint("organization_id", "ticket_id"),
        _refers("ticket_id", "tickets"),
        _refers("category_id", "ticket_categories"),
        _refers("team_id", "teams"),
        _refers("decided_by", "members"),
        enum_check("status", ("proposed", "applied", "accepted", "declined")),
        enum_check("priority", PRIORITIES),
        schema=SCHEMA,
    )
    # Drafts that quote documents: few at a time, and looked through when a document is deleted.
    op.create_index(
        "ix_ticket_triages_drafts",
        "ticket_triages",
        ["organization_id", "id"],
        schema=SCHEMA,
        postgresql_where=sa.text("draft IS NOT NULL"),
    )
