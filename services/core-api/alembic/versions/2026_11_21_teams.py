"""Teams, saved views, canned replies and macros.

Online: the new column of tickets is empty, its key is NOT VALID first, indexes and validation block
nobody.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from alembic import op
from chassis.data.migrations import (
    Verb,
    allow_worker,
    enable_tenant_isolation,
    enum_check,
    hold_off_vacuum,
)

revision = "crm_008"
down_revision = "crm_007"
branch_labels = None
depends_on = None

SCHEMA = "crm"
INSTANT = sa.DateTime(timezone=True)
CHANGE: tuple[Verb, ...] = ("SELECT", "INSERT", "UPDATE")
DELETE: tuple[Verb, ...] = (*CHANGE, "DELETE")
TABLES: dict[str, tuple[Verb, ...]] = {
    "teams": CHANGE,
    "team_rotations": CHANGE,
    "team_members": DELETE,
    "attendants": CHANGE,
    "absences": DELETE,
    "skill_rules": DELETE,
    "assignment_sweeps": ("SELECT", "INSERT"),
    "saved_views": DELETE,
    "default_views": DELETE,
    "canned_replies": DELETE,
    "macros": DELETE,
    "macro_canned_replies": ("SELECT", "INSERT", "DELETE"),
}
TEAM_KEY = "fk_tickets_organization_id_team_id_teams"
UNFINISHED = "status NOT IN ('resolved', 'closed')"
IN_TEAM = f"team_id IS NOT NULL AND {UNFINISHED}"


def upgrade() -> None:
    """New tables, then the column, then what takes time."""
    _create_teams()
    _create_attendants()
    _create_views()
    _create_macros()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
    allow_worker(op, SCHEMA, "assignment_sweeps", ("SELECT",))
    hold_off_vacuum(op, SCHEMA, "tickets")
    op.add_column("tickets", sa.Column("team_id", sa.Uuid(), nullable=True), schema=SCHEMA)
    op.execute(
        f"ALTER TABLE crm.tickets ADD CONSTRAINT {TEAM_KEY} FOREIGN KEY (organization_id, team_id) "
        "REFERENCES crm.teams (organization_id, id) NOT VALID"
    )
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE crm.tickets VALIDATE CONSTRAINT {TEAM_KEY}")
        _index_tickets("ix_tickets_team_id", "team_id", "created_at", "id")
        _index_tickets(
            "ix_tickets_team_queue", "team_id", "assignee_id", "created_at", "id", where=IN_TEAM
        )
        _index_tickets("ix_tickets_unfinished", "assignee_id", "created_at", "id", where=UNFINISHED)


def downgrade() -> None:
    """Who was in which team is forgotten; the assignees stay."""
    op.drop_index("ix_tickets_unfinished", "tickets", schema=SCHEMA)
    op.drop_index("ix_tickets_team_queue", "tickets", schema=SCHEMA)
    op.drop_index("ix_tickets_team_id", "tickets", schema=SCHEMA)
    op.drop_column("tickets", "team_id", schema=SCHEMA)
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _row() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        *_times(),
        sa.UniqueConstraint("organization_id", "id"),
    ]


def _times() -> list[sa.schema.SchemaItem]:
    return [
        _instant("created_at", default=True),
        _instant("updated_at", default=True),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
    ]


def _uuid(name: str, *, key: bool = False, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable, primary_key=key)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _texts(name: str) -> sa.Column[Any]:
    return sa.Column(name, ARRAY(sa.Text()), nullable=False)


def _instant(name: str, *, default: bool = False, nullable: bool = False) -> sa.Column[Any]:
    now = sa.func.now() if default else None
    return sa.Column(name, INSTANT, nullable=nullable, server_default=now)


def _refers(
    column: str, table: str, *, name: str | None = None, ondelete: str | None = None
) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"],
        name=name,
        ondelete=ondelete,
    )


def _index(name: str, table: str, *columns: str, **options: Any) -> None:
    op.create_index(name, table, ["organization_id", *columns], schema=SCHEMA, **options)


def _index_tickets(name: str, *columns: str, where: str | None = None) -> None:
    _index(
        name,
        "tickets",
        *columns,
        postgresql_concurrently=True,
        if_not_exists=True,
        postgresql_where=sa.text(where) if where else None,
    )


def _create_teams() -> None:
    op.create_table(
        "teams",
        *_row(),
        _text("name"),
        _text("mode"),
        sa.Column("absence_limit_minutes", sa.Integer(), nullable=True),
        _instant("archived_at", nullable=True),
        sa.CheckConstraint("absence_limit_minutes > 0", name="absence_limit"),
        enum_check("mode", ("manual", "round_robin", "least_loaded")),
        schema=SCHEMA,
    )
    active = sa.text("archived_at IS NULL")
    _index("uq_teams_name", "teams", "name", unique=True, postgresql_where=active)
    op.create_table(
        "team_rotations",
        _uuid("organization_id", key=True),
        _uuid("team_id", key=True),
        sa.Column("turns", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("last_turns", JSONB(), nullable=False, server_default=sa.text("'{}'")),
        _refers("team_id", "teams"),
        schema=SCHEMA,
    )
    op.create_table(
        "team_members",
        _uuid("organization_id", key=True),
        _uuid("team_id", key=True),
        _uuid("member_id", key=True),
        sa.Column("capacity", sa.Integer(), nullable=False),
        *_times(),
        _refers("team_id", "teams"),
        _refers("member_id", "members"),
        sa.CheckConstraint("capacity >= 0", name="capacity"),
        schema=SCHEMA,
    )
    _index("ix_team_members_member_id", "team_members", "member_id", "team_id")
    op.create_table(
        "assignment_sweeps",
        _uuid("organization_id", key=True),
        sa.ForeignKeyConstraint(["organization_id"], [f"{SCHEMA}.organizations.organization_id"]),
        schema=SCHEMA,
    )


def _create_attendants() -> None:
    op.create_table(
        "attendants",
        _uuid("organization_id", key=True),
        _uuid("member_id", key=True),
        _text("availability"),
        _instant("availability_since"),
        _texts("skills"),
        *_times(),
        _refers("member_id", "members"),
        enum_check("availability", ("available", "busy", "away")),
        schema=SCHEMA,
    )
    op.create_table(
        "absences",
        *_row(),
        _uuid("member_id"),
        _instant("starts_at"),
        _instant("ends_at"),
        _uuid("created_by"),
        _refers("member_id", "members"),
        _refers("created_by", "members"),
        sa.CheckConstraint("ends_at > starts_at", name="period"),
        schema=SCHEMA,
    )
    _index("ix_absences_starts_at", "absences", "starts_at", "id")
    _index("ix_absences_member_id", "absences", "member_id", "starts_at", "id")
    _index("ix_absences_ends_at", "absences", "ends_at")
    op.create_table(
        "skill_rules",
        *_row(),
        _uuid("category_id", nullable=True),
        _text("tag", nullable=True),
        _texts("skills"),
        _refers("category_id", "ticket_categories"),
        sa.UniqueConstraint("organization_id", "category_id"),
        sa.UniqueConstraint("organization_id", "tag"),
        sa.CheckConstraint("num_nonnulls(category_id, tag) = 1", name="one_reason"),
        schema=SCHEMA,
    )


def _create_views() -> None:
    op.create_table(
        "saved_views",
        *_row(),
        _uuid("owner_id", nullable=True),
        _text("name"),
        sa.Column("filter", JSONB(), nullable=False),
        _text("sort"),
        _texts("columns"),
        sa.Column("position", sa.Integer(), nullable=False),
        _refers("owner_id", "members"),
        schema=SCHEMA,
    )
    _owned_name("saved_views")
    op.create_table(
        "default_views",
        _uuid("organization_id", key=True),
        _uuid("member_id", key=True),
        _uuid("view_id"),
        _refers("member_id", "members"),
        _refers("view_id", "saved_views", ondelete="CASCADE"),
        schema=SCHEMA,
    )
    _index("ix_default_views_view_id", "default_views", "view_id")


def _create_macros() -> None:
    op.create_table(
        "canned_replies",
        *_row(),
        _uuid("owner_id", nullable=True),
        _text("name"),
        _text("body"),
        _refers("owner_id", "members"),
        schema=SCHEMA,
    )
    _owned_name("canned_replies")
    op.create_table(
        "macros",
        *_row(),
        _uuid("owner_id", nullable=True),
        _text("name"),
        sa.Column("actions", JSONB(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        _refers("owner_id", "members"),
        schema=SCHEMA,
    )
    _owned_name("macros")
    op.create_table(
        "macro_canned_replies",
        _uuid("organization_id", key=True),
        _uuid("macro_id", key=True),
        _uuid("canned_reply_id", key=True),
        _refers("macro_id", "macros", ondelete="CASCADE"),
        _refers("canned_reply_id", "canned_replies", name="fk_macro_canned_replies_canned_reply"),
        schema=SCHEMA,
    )
    _index("ix_macro_canned_replies_canned_reply_id", "macro_canned_replies", "canned_reply_id")


def _owned_name(table: str) -> None:
    """A name is there once per person, and once among what everybody shares."""
    _index(
        f"uq_{table}_name",
        table,
        "owner_id",
        "name",
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
