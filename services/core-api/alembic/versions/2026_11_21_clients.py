"""A client's contacts, sealed documents, custom fields, notes and relations; what the audit log
remembers."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import phonenumbers
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from alembic import op
from chassis.data.migrations import ALL_VERBS, Verb, all_rows, enable_tenant_isolation, enum_check
from chassis.security.sealing import Place, Vault
from chassis.settings import SealingSettings, read_settings

revision = "crm_002"
down_revision = "crm_001"
branch_labels = None
depends_on = None

SCHEMA = "crm"
INSTANT = sa.DateTime(timezone=True)
BATCH = 1000

CHANGE: tuple[Verb, ...] = ("SELECT", "INSERT", "UPDATE")
TABLES: dict[str, tuple[Verb, ...]] = {
    "subject_keys": ALL_VERBS,  # erasing a person deletes their key
    "client_notes": ALL_VERBS,
    "client_relations": ALL_VERBS,
    "field_definitions": CHANGE,
    "client_facets": ("SELECT", "INSERT", "DELETE"),
}
LISTS = ("emails", "phones", "addresses")
BIG_INDEXES = {
    "ix_clients_document_index": ("clients", ["document_index"], None),
    "ix_clients_merged_into_id": ("clients", ["merged_into_id"], "merged_into_id IS NOT NULL"),
    "ix_audit_events_about": ("audit_events", ["about", "occurred_at", "id"], "about IS NOT NULL"),
}

# Tags and custom values as rows with a B-tree: `@>` is not leakproof, so that no index on the array
# could serve it under row-level security. A trigger, so that no writer can forget it.
FACETS = """
CREATE FUNCTION crm.index_client_facets() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' THEN
    DELETE FROM crm.client_facets
      WHERE organization_id = OLD.organization_id AND client_id = OLD.id;
  END IF;
  INSERT INTO crm.client_facets (organization_id, name, value, created_at, client_id)
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
CREATE TRIGGER index_facets_of_new AFTER INSERT ON crm.clients FOR EACH ROW
WHEN (NEW.tags <> '{}' OR NEW.custom_fields <> '{}') EXECUTE FUNCTION crm.index_client_facets()
"""
ON_UPDATE = """
CREATE TRIGGER index_facets_of_changed AFTER UPDATE OF tags, custom_fields ON crm.clients
FOR EACH ROW
WHEN (OLD.tags IS DISTINCT FROM NEW.tags OR OLD.custom_fields IS DISTINCT FROM NEW.custom_fields)
EXECUTE FUNCTION crm.index_client_facets()
"""
TAGGED = sa.text(
    "SELECT id FROM crm.clients WHERE id > :after AND tags <> '{}' ORDER BY id LIMIT :limit"
)
# FOR SHARE: nobody changes the tags between reading and writing them.
TAGS = sa.text(
    """
    INSERT INTO crm.client_facets (organization_id, name, value, created_at, client_id)
    SELECT c.organization_id, 'tag', tag, c.created_at, c.id
    FROM (SELECT * FROM crm.clients WHERE id BETWEEN :first AND :last FOR SHARE) AS c,
         unnest(c.tags) AS tag
    ON CONFLICT DO NOTHING
    """
).bindparams(sa.bindparam("first", type_=sa.Uuid()), sa.bindparam("last", type_=sa.Uuid()))
PAGE = sa.text(
    "SELECT id, email, phone FROM crm.clients WHERE id > :after"
    " AND (email IS NOT NULL OR phone IS NOT NULL) AND emails = '[]' AND phones = '[]'"
    " ORDER BY id LIMIT :limit"
)
FILL = sa.text(
    "UPDATE crm.clients SET emails = :emails, phones = :phones, phone = :phone WHERE id = :id"
    " AND email IS NOT DISTINCT FROM :old_email AND phone IS NOT DISTINCT FROM :old_phone"
).bindparams(
    sa.bindparam("emails", type_=JSONB()),
    sa.bindparam("phones", type_=JSONB()),
    *(sa.bindparam(name, type_=sa.Text()) for name in ("phone", "old_email", "old_phone")),
)
PLAIN = sa.text(
    "SELECT id, organization_id, document FROM crm.clients WHERE id > :after"
    " AND document IS NOT NULL ORDER BY id LIMIT :limit"
)
SEAL = sa.text(
    "UPDATE crm.clients SET document = NULL, document_sealed = :sealed, document_index = :found_by"
    " WHERE id = :id AND document = :document"
)
SEALED = sa.text(
    "SELECT id, organization_id, document_sealed FROM crm.clients WHERE id > :after"
    " AND document_sealed IS NOT NULL ORDER BY id LIMIT :limit"
)
UNSEAL = sa.text(
    "UPDATE crm.clients SET document = coalesce(document, :document), document_sealed = NULL"
    " WHERE id = :id"
)
FIRST = UUID(int=0)


def upgrade() -> None:
    """Adds columns and tables, then fills them in batches that commit.

    Stopped halfway, it goes on where it was. The version before still runs on the result: the
    column of the plain documents stays, empty, and what old replicas write there meanwhile is
    sealed by `python -m core_api.rotate_keys`.
    """
    if not _has_been_added():
        _require_keys()
        _add_everything()
    with op.get_context().autocommit_block():
        op.execute(
            "ALTER TABLE crm.clients VALIDATE CONSTRAINT fk_clients_organization_id_merged_into_id_clients"
        )
        for name, (table, columns, where) in BIG_INDEXES.items():
            _big_index(name, table, columns, where)
        with all_rows(op, SCHEMA, "clients", "client_facets"):
            _fill_contacts()
            _seal_documents()
            _fill_facets()
        _drop_big_index("ix_clients_document")


def downgrade() -> None:
    """Documents in the clear again; further contacts, notes, relations and values are lost."""
    with op.get_context().autocommit_block():
        with all_rows(op, SCHEMA, "clients"):
            _unseal_documents()
        _big_index("ix_clients_document", "clients", ["document"], None)
        for name in BIG_INDEXES:
            _drop_big_index(name)
    op.execute("DROP POLICY key_rotation ON crm.organizations")
    op.execute("DROP TRIGGER index_facets_of_changed ON crm.clients")
    op.execute("DROP TRIGGER index_facets_of_new ON crm.clients")
    op.execute("DROP FUNCTION crm.index_client_facets()")
    _constrain(add=False)
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)
    for column in ("values", "reason", "about"):
        op.drop_column("audit_events", column, schema=SCHEMA)
    for column in (*LISTS, "custom_fields", "merged_into_id", "document_sealed", "document_index"):
        op.drop_column("clients", column, schema=SCHEMA)


def _has_been_added() -> bool:
    columns = sa.inspect(op.get_bind()).get_columns("clients", schema=SCHEMA)
    return "document_sealed" in {column["name"] for column in columns}


def _require_keys() -> None:
    """Better to miss them before anything was done; an empty database needs none."""
    with all_rows(op, SCHEMA, "clients"):
        found = sa.text("SELECT 1 FROM crm.clients WHERE document IS NOT NULL LIMIT 1")
        if op.get_bind().execute(found).first() is not None:
            read_settings(SealingSettings)


def _add_everything() -> None:
    _add_columns()
    _create_subject_keys()
    _create_notes()
    _create_relations()
    _create_field_definitions()
    _create_facets()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
    _constrain(add=True)
    for statement in (FACETS, ON_INSERT, ON_UPDATE):
        op.execute(statement)
    # The rotation of keys goes through all organizations, each as its own tenant: the owner may
    # know which there are, and nothing else of them.
    op.execute(
        "CREATE POLICY key_rotation ON crm.organizations FOR SELECT TO cogep_owner USING (true)"
    )


def _add_columns() -> None:
    """A constant default is kept in the catalogue: no row is rewritten."""
    for name in LISTS:
        _add("clients", name, JSONB(), nullable=False, server_default=sa.text("'[]'::jsonb"))
    _add("clients", "custom_fields", JSONB(), nullable=False, server_default=sa.text("'{}'::jsonb"))
    _add("clients", "merged_into_id", sa.Uuid())
    _add("clients", "document_sealed", sa.LargeBinary())
    _add("clients", "document_index", sa.LargeBinary())
    _add("audit_events", "values", JSONB())
    _add("audit_events", "reason", sa.Text())
    _add("audit_events", "about", sa.Uuid())


def _add(table: str, name: str, kind: Any, **options: Any) -> None:
    op.add_column(table, sa.Column(name, kind, **options), schema=SCHEMA)


def _constrain(*, add: bool) -> None:
    name = "fk_clients_organization_id_merged_into_id_clients"
    if not add:
        op.drop_constraint(name, "clients", schema=SCHEMA, type_="foreignkey")
        return
    op.execute(
        f"ALTER TABLE crm.clients ADD CONSTRAINT {name}"
        " FOREIGN KEY (organization_id, merged_into_id)"
        " REFERENCES crm.clients (organization_id, id) NOT VALID"
    )


def _big_index(name: str, table: str, columns: list[str], where: str | None) -> None:
    op.create_index(
        name,
        table,
        ["organization_id", *columns],
        schema=SCHEMA,
        postgresql_concurrently=True,
        if_not_exists=True,
        postgresql_where=sa.text(where) if where else None,
    )


def _drop_big_index(name: str) -> None:
    op.drop_index(name, schema=SCHEMA, postgresql_concurrently=True, if_exists=True)


def _row() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", INSTANT, nullable=False, server_default=sa.func.now()),
    ]


def _changing_row() -> list[sa.schema.SchemaItem]:
    return [
        *_row(),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        sa.UniqueConstraint("organization_id", "id"),
    ]


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


def _create_subject_keys() -> None:
    op.create_table(
        "subject_keys",
        *_row(),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("key_sealed", sa.LargeBinary(), nullable=False),
        sa.UniqueConstraint("organization_id", "client_id"),
        _refers("client_id", "clients"),
        schema=SCHEMA,
    )


def _create_notes() -> None:
    op.create_table(
        "client_notes",
        *_changing_row(),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("author_id", sa.Uuid(), nullable=False),
        _refers("client_id", "clients"),
        _refers("author_id", "members"),
        sa.Index("ix_client_notes_client_id", "organization_id", "client_id", "created_at", "id"),
        schema=SCHEMA,
    )


def _create_relations() -> None:
    op.create_table(
        "client_relations",
        *_changing_row(),
        sa.Column("company_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text()),
        sa.UniqueConstraint("organization_id", "company_id", "person_id"),
        _refers("company_id", "clients"),
        _refers("person_id", "clients"),
        sa.CheckConstraint("company_id <> person_id", name="two_clients"),
        sa.Index("ix_client_relations_person_id", "organization_id", "person_id", "company_id"),
        schema=SCHEMA,
    )


def _create_field_definitions() -> None:
    op.create_table(
        "field_definitions",
        *_changing_row(),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("choices", ARRAY(sa.Text()), nullable=False),
        sa.Column("required", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("archived_at", INSTANT),
        sa.UniqueConstraint("organization_id", "entity", "key"),
        enum_check("entity", ("client", "ticket")),
        enum_check("type", ("text", "number", "date", "choice")),
        schema=SCHEMA,
    )


def _create_facets() -> None:
    op.create_table(
        "client_facets",
        sa.Column("organization_id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("value", sa.Text(), primary_key=True),
        sa.Column("created_at", INSTANT, primary_key=True),
        sa.Column("client_id", sa.Uuid(), primary_key=True),
        sa.Index("ix_client_facets_client_id", "organization_id", "client_id"),
        schema=SCHEMA,
    )


def _pages(statement: sa.TextClause) -> Iterator[list[Any]]:
    connection, after = op.get_bind(), FIRST
    statement = statement.bindparams(
        sa.bindparam("after", type_=sa.Uuid()), sa.bindparam("limit", type_=sa.Integer())
    )
    while rows := connection.execute(statement, {"after": after, "limit": BATCH}).all():
        yield list(rows)
        after = UUID(str(rows[-1].id))


def _fill_contacts() -> None:
    for rows in _pages(PAGE):
        op.get_bind().execute(FILL, [_contacts(row) for row in rows])


def _contacts(row: Any) -> dict[str, Any]:
    phone = _international(row.phone)
    return {
        "id": row.id,
        "emails": _only("address", row.email),
        "phones": _only("number", phone),
        "phone": phone,
        "old_email": row.email,
        "old_phone": row.phone,
    }


def _only(key: str, value: str | None) -> list[dict[str, Any]]:
    return [] if value is None else [{key: value, "label": None, "primary": True}]


def _international(phone: str | None) -> str | None:
    """E.164; what is no number of any country stays as somebody wrote it."""
    try:
        number = phonenumbers.parse(phone or "", "BR")
    except phonenumbers.NumberParseException:
        return phone
    without_area = number.country_code == 55 and number.national_number < 10**9
    if without_area and not phonenumbers.is_valid_number(number):
        return phone
    if not phonenumbers.is_possible_number(number):
        return phone
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _fill_facets() -> None:
    for rows in _pages(TAGGED):
        op.get_bind().execute(TAGS, {"first": rows[0].id, "last": rows[-1].id})


def _seal_documents() -> None:
    vault = None
    for rows in _pages(PLAIN):
        vault = vault or Vault(read_settings(SealingSettings))
        op.get_bind().execute(SEAL, [_sealed(vault, row) for row in rows])


def _sealed(vault: Vault, row: Any) -> dict[str, Any]:
    place = Place(row.organization_id, row.id, "clients.document")
    return {
        "id": row.id,
        "document": row.document,
        "sealed": vault.seal(row.document.encode(), place),
        "found_by": vault.blind_index(row.organization_id, "clients.document", row.document),
    }


def _unseal_documents() -> None:
    vault = None
    for rows in _pages(SEALED):
        vault = vault or Vault(read_settings(SealingSettings))
        op.get_bind().execute(UNSEAL, [_unsealed(vault, row) for row in rows])


def _unsealed(vault: Vault, row: Any) -> dict[str, Any]:
    place = Place(row.organization_id, row.id, "clients.document")
    return {"id": row.id, "document": vault.unseal(row.document_sealed, place).decode()}
