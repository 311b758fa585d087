"""Categories, watchers, links, revisions and settings of tickets.

Online: columns without rewriting, constraints NOT VALID first, indexes and validation without
blocking anybody, rows brought up to date in batches that commit.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from alembic import op
from chassis.data.migrations import Verb, all_rows, enable_tenant_isolation, enum_check, grant

revision = "crm_005"
down_revision = "crm_004"
branch_labels = None
depends_on = None

SCHEMA = "crm"
INSTANT = sa.DateTime(timezone=True)
BATCH = 1_000

TABLES: dict[str, tuple[Verb, ...]] = {
    "desk_settings": ("SELECT", "INSERT", "UPDATE"),
    "ticket_categories": ("SELECT", "INSERT", "UPDATE"),
    "ticket_watchers": ("SELECT", "INSERT", "DELETE"),
    "ticket_links": ("SELECT", "INSERT", "DELETE"),
    "ticket_facets": ("SELECT", "INSERT", "DELETE"),
    "message_revisions": ("SELECT", "INSERT"),
}
STATUSES = ("open", "pending", "on_hold", "resolved", "closed")
KINDS = ("reply", "note", "client")

# Tags and custom values as rows with a B-tree: `@>` is not leakproof, so that no index on the array could serve it
# under row-level security. A trigger, so that no writer can forget it.
FACETS = """
CREATE FUNCTION crm.index_ticket_facets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    DELETE FROM crm.ticket_facets
      WHERE organization_id = OLD.organization_id AND ticket_id = OLD.id;
  END IF;
  INSERT INTO crm.ticket_facets (organization_id, name, value, created_at, ticket_id)
    SELECT NEW.organization_id, 'tag', tag, NEW.created_at, NEW.id FROM unnest(NEW.tags) AS tag
    UNION
    SELECT NEW.organization_id, 'custom.' || field.key, left(field.value, 200),
           NEW.created_at, NEW.id
      FROM jsonb_each_text(NEW.custom_fields) AS field
      WHERE field.value IS NOT NULL;
  RETURN NULL;
END $$
"""
ON_INSERT = """
CREATE TRIGGER index_facets_of_new AFTER INSERT ON crm.tickets FOR EACH ROW
WHEN (NEW.tags <> '{}' OR NEW.custom_fields <> '{}') EXECUTE FUNCTION crm.index_ticket_facets()
"""
ON_UPDATE = """
CREATE TRIGGER index_facets_of_changed AFTER UPDATE OF tags, custom_fields ON crm.tickets
FOR EACH ROW
WHEN (OLD.tags IS DISTINCT FROM NEW.tags OR OLD.custom_fields IS DISTINCT FROM NEW.custom_fields)
EXECUTE FUNCTION crm.index_ticket_facets()
"""

TICKET_INDEXES = {
    "ix_tickets_category_id": ("category_id", "created_at", "id"),
    "ix_tickets_priority": ("priority", "created_at", "id"),
    "ix_tickets_merged_into_id": ("merged_into_id",),
    "ix_tickets_follow_up_of_id": ("follow_up_of_id",),
}
PARTIAL = {
    "ix_tickets_merged_into_id": "merged_into_id IS NOT NULL",
    "ix_tickets_follow_up_of_id": "follow_up_of_id IS NOT NULL",
}
# Column of tickets → table it refers to.
TICKET_KEYS = {
    "category_id": "ticket_categories",
    "merged_into_id": "tickets",
    "follow_up_of_id": "tickets",
}
MESSAGE_KEYS = {"origin_ticket_id": "tickets", "drafted_by": "members"}


def upgrade() -> None:
    """New tables, then the columns, then what takes time."""
    _create_categories()
    _create_relations()
    _create_revisions()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
    _add_columns()
    _check("tickets", "status", ("new", *STATUSES))
    _check("ticket_messages", "kind", (*KINDS, "draft"))
    for column, other in TICKET_KEYS.items():
        _refer("tickets", column, other)
    for column, other in MESSAGE_KEYS.items():
        _refer("ticket_messages", column, other)
    grant(op, SCHEMA, "ticket_messages", ("UPDATE",))
    for statement in (FACETS, ON_INSERT, ON_UPDATE):
        op.execute(statement)
    with op.get_context().autocommit_block():
        _validate()
        for name, columns in TICKET_INDEXES.items():
            op.create_index(
                name,
                "tickets",
                ["organization_id", *columns],
                schema=SCHEMA,
                postgresql_concurrently=True,
                if_not_exists=True,
                postgresql_where=sa.text(PARTIAL[name]) if name in PARTIAL else None,
            )
        _bring_up_to_date()


def downgrade() -> None:
    """New tickets become open, drafts become notes; merges, links and categories are forgotten."""
    for name in TICKET_INDEXES:
        op.drop_index(name, "tickets", schema=SCHEMA)
    op.execute("DROP TRIGGER index_facets_of_changed ON crm.tickets")
    op.execute("DROP TRIGGER index_facets_of_new ON crm.tickets")
    op.execute("DROP FUNCTION crm.index_ticket_facets()")
    for table, column, old, new in (
        ("tickets", "status", "new", "open"),
        ("ticket_messages", "kind", "draft", "note"),
    ):
        with all_rows(op, SCHEMA, table):
            op.execute(f"UPDATE crm.{table} SET {column} = '{new}' WHERE {column} = '{old}'")
    _check("tickets", "status", STATUSES)
    _check("ticket_messages", "kind", KINDS)
    op.execute("REVOKE UPDATE ON crm.ticket_messages FROM cogep_app")
    for column in ("origin_ticket_id", "drafted_by", "mentions", "discarded_at", "edited_at"):
        op.drop_column("ticket_messages", column, schema=SCHEMA)
    op.drop_column("ticket_messages", "version", schema=SCHEMA)
    for column in (*TICKET_KEYS, "custom_fields", "reopened_at", "reopen_count"):
        op.drop_column("tickets", column, schema=SCHEMA)
    op.drop_column("tickets", "first_replied_at", schema=SCHEMA)
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _row() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
    ]


def _instant(name: str) -> sa.Column[Any]:
    return sa.Column(name, INSTANT, nullable=False, server_default=sa.func.now())


def _changing_row() -> list[sa.schema.SchemaItem]:
    version = sa.Column("version", sa.Integer(), nullable=False, server_default="1")
    return [*_row(), _instant("created_at"), _instant("updated_at"), version]


def _uuid(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable, primary_key=key)


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


def _create_categories() -> None:
    op.create_table(
        "desk_settings",
        *_changing_row(),
        sa.Column("reopen_within_days", sa.Integer(), nullable=True),
        sa.UniqueConstraint("organization_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "ticket_categories",
        *_changing_row(),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Uuid(), nullable=True),
        sa.Column("path", sa.Text(collation="C"), nullable=False),
        sa.Column("archived_at", INSTANT, nullable=True),
        sa.UniqueConstraint("organization_id", "id"),
        _refers("parent_id", "ticket_categories"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_ticket_categories_path",
        "ticket_categories",
        ["organization_id", "path", "id"],
        schema=SCHEMA,
    )
    op.create_index(
        "uq_ticket_categories_name",
        "ticket_categories",
        ["organization_id", "parent_id", "name"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("archived_at IS NULL"),
        postgresql_nulls_not_distinct=True,
    )


def _create_relations() -> None:
    op.create_table(
        "ticket_watchers",
        _uuid("organization_id", key=True),
        _uuid("ticket_id", key=True),
        _uuid("member_id", key=True),
        _uuid("added_by"),
        _instant("created_at"),
        _refers("ticket_id", "tickets"),
        _refers("member_id", "members"),
        schema=SCHEMA,
    )
    _index("ix_ticket_watchers_member_id", "ticket_watchers", "member_id", "ticket_id")
    op.create_table(
        "ticket_links",
        *_row(),
        _uuid("ticket_id"),
        _uuid("other_id"),
        sa.Column("kind", sa.Text(), nullable=False),
        _uuid("created_by"),
        _instant("created_at"),
        _refers("ticket_id", "tickets"),
        _refers("other_id", "tickets"),
        enum_check("kind", ("duplicate", "parent", "related", "follow_up", "split")),
        sa.CheckConstraint("ticket_id <> other_id", name="not_itself"),
        sa.UniqueConstraint("organization_id", "ticket_id", "other_id", "kind"),
        schema=SCHEMA,
    )
    _index("ix_ticket_links_other_id", "ticket_links", "other_id", "ticket_id")
    op.create_index(
        "uq_ticket_links_parent",
        "ticket_links",
        ["organization_id", "ticket_id"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("kind = 'parent'"),
    )
    op.create_table(
        "ticket_facets",
        _uuid("organization_id", key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("value", sa.Text(), primary_key=True),
        sa.Column("created_at", INSTANT, primary_key=True),
        _uuid("ticket_id", key=True),
        schema=SCHEMA,
    )
    _index("ix_ticket_facets_ticket_id", "ticket_facets", "ticket_id")


def _create_revisions() -> None:
    op.create_table(
        "message_revisions",
        *_row(),
        _uuid("message_id"),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        _uuid("replaced_by"),
        _instant("replaced_at"),
        _refers("message_id", "ticket_messages"),
        sa.UniqueConstraint("organization_id", "message_id", "revision"),
        schema=SCHEMA,
    )


def _index(name: str, table: str, *columns: str) -> None:
    op.create_index(name, table, ["organization_id", *columns], schema=SCHEMA)


def _add_columns() -> None:
    empty = sa.text("'{}'")
    tickets = [
        *(_uuid(column, nullable=True) for column in TICKET_KEYS),
        sa.Column("custom_fields", JSONB(), nullable=False, server_default=empty),
        sa.Column("reopened_at", INSTANT, nullable=True),
        sa.Column("reopen_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("first_replied_at", INSTANT, nullable=True),
    ]
    messages = [
        *(_uuid(column, nullable=True) for column in MESSAGE_KEYS),
        sa.Column("mentions", ARRAY(sa.Uuid()), nullable=False, server_default=empty),
        sa.Column("discarded_at", INSTANT, nullable=True),
        sa.Column("edited_at", INSTANT, nullable=True),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
    ]
    for table, columns in (("tickets", tickets), ("ticket_messages", messages)):
        for column in columns:
            op.add_column(table, column, schema=SCHEMA)


def _check(table: str, column: str, values: tuple[str, ...]) -> None:
    """Replaces the CHECK of an enumeration; rows written from now on are held to it."""
    allowed = ", ".join(f"'{value}'" for value in values)
    name = f"ck_{table}_{column}"
    op.execute(f"ALTER TABLE crm.{table} DROP CONSTRAINT {name}")
    op.execute(
        f"ALTER TABLE crm.{table} ADD CONSTRAINT {name} CHECK ({column} IN ({allowed})) NOT VALID"
    )


def _refer(table: str, column: str, other: str) -> None:
    op.execute(
        f"ALTER TABLE crm.{table} ADD CONSTRAINT {_key(table, column, other)} "
        f"FOREIGN KEY (organization_id, {column}) REFERENCES crm.{other} (organization_id, id) "
        "NOT VALID"
    )


def _key(table: str, column: str, other: str) -> str:
    return f"fk_{table}_organization_id_{column}_{other}"


def _validate() -> None:
    names = [
        *(("tickets", _key("tickets", column, other)) for column, other in TICKET_KEYS.items()),
        *(
            ("ticket_messages", _key("ticket_messages", column, other))
            for column, other in MESSAGE_KEYS.items()
        ),
        ("tickets", "ck_tickets_status"),
        ("ticket_messages", "ck_ticket_messages_kind"),
    ]
    for table, name in names:
        op.execute(f"ALTER TABLE crm.{table} VALIDATE CONSTRAINT {name}")


def _bring_up_to_date() -> None:
    """Tags of existing tickets become facets, first replies are looked up."""
    with all_rows(op, SCHEMA, "tickets", "ticket_messages", "ticket_facets"):
        last: str | None = "00000000-0000-0000-0000-000000000000"
        while last is not None:
            last = _batch_after(last)


def _batch_after(first: str) -> str | None:
    """One batch in id order; the id it ended with, or None at the end."""
    connection = op.get_bind()
    ids = sa.text("SELECT id FROM crm.tickets WHERE id > :first ORDER BY id LIMIT :batch")
    batch = connection.execute(ids, {"first": first, "batch": BATCH}).scalars().all()
    if not batch:
        return None
    span = {"low": batch[0], "high": batch[-1]}
    connection.execute(
        sa.text(
            "INSERT INTO crm.ticket_facets (organization_id, name, value, created_at, ticket_id) "
            "SELECT DISTINCT organization_id, 'tag', tag, created_at, id "
            "FROM crm.tickets, unnest(tags) AS tag "
            "WHERE id BETWEEN :low AND :high ON CONFLICT DO NOTHING"
        ),
        span,
    )
    connection.execute(
        sa.text(
            "UPDATE crm.tickets t SET first_replied_at = r.first FROM ("
            "SELECT m.organization_id, m.ticket_id, min(m.created_at) AS first "
            "FROM crm.ticket_messages m JOIN crm.tickets t "
            "ON t.organization_id = m.organization_id AND t.id = m.ticket_id "
            "WHERE m.kind = 'reply' AND t.id BETWEEN :low AND :high GROUP BY 1, 2) r "
            "WHERE t.organization_id = r.organization_id AND t.id = r.ticket_id "
            "AND t.first_replied_at IS NULL"
        ),
        span,
    )
    return str(batch[-1])
