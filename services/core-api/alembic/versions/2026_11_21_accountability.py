"""Records, recipients, incidents and automated decisions."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from alembic import op
from chassis.data.migrations import Verb, enable_tenant_isolation, enum_check

revision = "crm_018"
down_revision = "crm_017"
branch_labels = None
depends_on = None

SCHEMA = "crm"
INSTANT = sa.DateTime(timezone=True)
APPEND: tuple[Verb, ...] = ("SELECT", "INSERT")
CHANGE: tuple[Verb, ...] = ("SELECT", "INSERT", "UPDATE")
# In the order of their foreign keys. What is kept as proof is never deleted by the application.
TABLES: dict[str, tuple[Verb, ...]] = {
    "accountability_deadlines": CHANGE,
    "controller_profiles": CHANGE,
    "privacy_officers": CHANGE,
    "international_transfers": CHANGE,
    "recipient_notices": CHANGE,
    "impact_assessments": CHANGE,
    "incidents": CHANGE,
    "incident_subjects": (*CHANGE, "DELETE"),  # who turns out not to be affected
    "incident_notices": APPEND,
    "automated_decisions": APPEND,
    "decision_reviews": CHANGE,
}


def upgrade() -> None:
    """Only tables that are new."""
    _create_deadlines()
    _create_officers()
    _create_transfers()
    _create_recipient_notices()
    _create_assessments()
    _create_incidents()
    _create_incident_notices()
    _create_decisions()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
    # What the sweep sees across tenants: who has something due. Nothing else.
    op.execute(
        "CREATE POLICY worker ON crm.accountability_deadlines FOR SELECT TO cogep_worker"
        " USING (true)"
    )
    op.execute(
        "GRANT SELECT (organization_id, next_at) ON crm.accountability_deadlines TO cogep_worker"
    )


def downgrade() -> None:
    """The registers are lost."""
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _row(*, changes: bool = True) -> list[sa.schema.SchemaItem]:
    """Key and tenant; with the columns of a row that people change."""
    items: list[sa.schema.SchemaItem] = [
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        _created_at(),
    ]
    if changes:
        items += [
            sa.Column("updated_at", INSTANT, nullable=False, server_default=sa.func.now()),
            sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        ]
    return items


def _once(*columns: str) -> sa.UniqueConstraint:
    return sa.UniqueConstraint("organization_id", *(columns or ("id",)))


def _created_at() -> sa.Column[Any]:
    return sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now())


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _texts(name: str) -> sa.Column[Any]:
    return sa.Column(name, ARRAY(sa.Text()), nullable=False)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, INSTANT, nullable=nullable)


def _day(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Date(), nullable=nullable)


def _uuid(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable, primary_key=key)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=True)


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


def _index(name: str, table: str, *columns: str, where: str | None = None) -> None:
    condition = None if where is None else sa.text(where)
    op.create_index(
        name, table, ["organization_id", *columns], schema=SCHEMA, postgresql_where=condition
    )


def _unique_where(name: str, table: str, *columns: str, where: str) -> None:
    op.create_index(
        name,
        table,
        ["organization_id", *columns],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text(where),
    )


def _create_deadlines() -> None:
    subjects = ("incident", "decision_review", "transfer", "impact_assessment", "recipient_notice")
    kinds = (
        "anpd_notice",
        "subjects_notice",
        "subjects_declaration",
        "anpd_completion",
        "review_answer",
        "validity",
        "reassessment",
        "delivery",
    )
    op.create_table(
        "accountability_deadlines",
        _uuid("id", key=True),
        _uuid("organization_id"),
        _text("subject_type"),
        _uuid("subject_id"),
        _text("kind"),
        _instant("started_at"),
        _instant("due_at"),
        _instant("met_at", nullable=True),
        _instant("waived_at", nullable=True),
        sa.Column("warned", sa.Integer(), nullable=False),
        _instant("next_at", nullable=True),
        _created_at(),
        sa.Column("updated_at", INSTANT, nullable=False, server_default=sa.func.now()),
        _once("subject_id", "kind"),
        enum_check("subject_type", subjects),
        enum_check("kind", kinds),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_accountability_deadlines_next_at",
        "accountability_deadlines",
        ["next_at", "organization_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("next_at IS NOT NULL"),
    )
    _index("ix_accountability_deadlines_due_at", "accountability_deadlines", "due_at", "id")


def _create_officers() -> None:
    op.create_table(
        "controller_profiles",
        *_row(),
        _text("legal_name"),
        *(
            _text(name, nullable=True)
            for name in ("tax_id", "address", "website", "subject_channel", "security_measures")
        ),
        sa.Column("page_is_public", sa.Boolean(), nullable=False, server_default="false"),
        sa.UniqueConstraint("organization_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "privacy_officers",
        *_row(),
        _text("role"),
        _text("kind"),
        _text("name"),
        _text("responsible_name", nullable=True),
        _text("email"),
        _text("phone", nullable=True),
        _text("act_reference"),
        _day("appointed_on"),
        _day("starts_on"),
        _day("ends_on", nullable=True),
        _once(),
        enum_check("role", ("holder", "substitute")),
        enum_check("kind", ("person", "company")),
        sa.CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name="ends_on"),
        schema=SCHEMA,
    )
    _unique_where(
        "uq_privacy_officers_standing", "privacy_officers", "role", where="ends_on IS NULL"
    )
    _index("ix_privacy_officers_starts_on", "privacy_officers", "starts_on", "id")


def _create_transfers() -> None:
    mechanisms = (
        "adequacy",
        "standard_clauses",
        "specific_clauses",
        "corporate_rules",
        "certification",
        "legal_cooperation",
        "protection_of_life",
        "anpd_authorisation",
        "international_commitment",
        "public_policy",
        "consent",
        "legal_duty",
        "contract",
        "exercise_of_rights",
    )
    op.create_table(
        "international_transfers",
        *_row(),
        _text("provider"),
        _text("importer_name"),
        _text("importer_contact", nullable=True),
        _text("country"),
        _text("mechanism"),
        _text("mechanism_reference", nullable=True),
        _text("exporter_role"),
        _texts("purpose_codes"),
        _texts("data_categories"),
        _text("how"),
        _text("duration"),
        _text("security_measures", nullable=True),
        _day("valid_from"),
        _day("valid_until", nullable=True),
        _text("status"),
        _text("status_reason", nullable=True),
        _uuid("status_by", nullable=True),
        _instant("status_at", nullable=True),
        _once(),
        enum_check("mechanism", mechanisms),
        enum_check("exporter_role", ("controller", "operator")),
        enum_check("status", ("draft", "authorised", "suspended", "ended")),
        sa.CheckConstraint("valid_until IS NULL OR valid_until >= valid_from", name="valid_until"),
        schema=SCHEMA,
    )
    table = "international_transfers"
    _unique_where(f"uq_{table}_standing", table, "provider", "country", where="status <> 'ended'")
    _index(f"ix_{table}_provider", table, "provider", "id")


def _create_recipient_notices() -> None:
    table = "recipient_notices"
    op.create_table(
        table,
        *_row(),
        _uuid("client_id"),
        _text("act"),
        _uuid("cause_id"),
        _texts("fields"),
        _text("recipient"),
        _text("recipient_role"),
        _text("country", nullable=True),
        _texts("purpose_codes"),
        _text("state"),
        _instant("due_at"),
        _text("channel", nullable=True),
        _instant("sent_at", nullable=True),
        _instant("delivered_at", nullable=True),
        _text("proof", nullable=True),
        _text("impossible_because", nullable=True),
        _uuid("settled_by", nullable=True),
        _once(),
        sa.UniqueConstraint(
            "organization_id",
            "cause_id",
            "client_id",
            "act",
            "recipient",
            name="uq_recipient_notices_once",
        ),
        _refers("client_id", "clients"),
        enum_check("act", ("correction", "deletion", "anonymisation", "blocking", "unblocking")),
        enum_check("state", ("pending", "sent", "delivered", "impossible")),
        enum_check("channel", ("email", "letter", "phone", "api", "portal", "in_person")),
        schema=SCHEMA,
    )
    _index(f"ix_{table}_created_at", table, "created_at", "id")
    _index(f"ix_{table}_client_id", table, "client_id", "created_at")
    _index(f"ix_{table}_open", table, "created_at", "id", where="state IN ('pending', 'sent')")


def _create_assessments() -> None:
    op.create_table(
        "impact_assessments",
        *_row(),
        _uuid("purpose_id"),
        _text("necessity"),
        _text("proportionality"),
        _text("methodology"),
        sa.Column("risks", JSONB(), nullable=False),
        _text("measures"),
        _text("consulted", nullable=True),
        _text("conclusion"),
        _day("assessed_on"),
        _day("review_on"),
        _once(),
        _once("purpose_id"),
        _refers("purpose_id", "consent_purposes"),
        enum_check("conclusion", ("acceptable", "acceptable_with_measures", "not_acceptable")),
        schema=SCHEMA,
    )


def _create_incidents() -> None:
    optional = ("root_cause", "measures_before", "measures_after", "risks", "mitigation")
    op.create_table(
        "incidents",
        *_row(),
        *(_text(name) for name in ("title", "description", "severity", "status")),
        _texts("breaches"),
        _instant("occurred_at", nullable=True),
        _instant("known_at"),
        _uuid("reported_by"),
        _texts("data_categories"),
        _texts("subject_categories"),
        *(
            _number(name)
            for name in (
                "subjects_affected",
                "minors_affected",
                "elderly_affected",
                "subjects_in_activities",
            )
        ),
        sa.Column("computed", JSONB(), nullable=True),
        *(_text(name, nullable=True) for name in (*optional, "operator", "delay_reason")),
        sa.Column("affects_significantly", sa.Boolean(), nullable=True),
        _texts("involves"),
        sa.Column("threatens_integrity", sa.Boolean(), nullable=False, server_default="false"),
        sa.Column("doubled", sa.Boolean(), nullable=False),
        _instant("assessed_at", nullable=True),
        _uuid("assessed_by", nullable=True),
        _text("no_notice_reason", nullable=True),
        _instant("closed_at", nullable=True),
        _uuid("closed_by", nullable=True),
        _instant("keep_until"),
        _once(),
        enum_check("severity", ("low", "medium", "high", "critical")),
        enum_check("status", ("open", "closed")),
        schema=SCHEMA,
    )
    _index("ix_incidents_known_at", "incidents", "known_at", "id")


CHANNELS = ("anpd_form", "email", "letter", "phone", "message", "in_person", "public")


def _create_incident_notices() -> None:
    op.create_table(
        "incident_subjects",
        *(_uuid(name, key=True) for name in ("organization_id", "incident_id", "client_id")),
        _instant("told_at", nullable=True),
        _text("channel", nullable=True),
        _text("proof", nullable=True),
        _uuid("told_by", nullable=True),
        _refers("incident_id", "incidents"),
        _refers("client_id", "clients"),
        enum_check("channel", CHANNELS),
        schema=SCHEMA,
    )
    _index("ix_incident_subjects_client_id", "incident_subjects", "client_id")
    op.create_table(
        "incident_notices",
        *_row(changes=False),
        _uuid("incident_id"),
        *(_text(name) for name in ("audience", "kind", "channel", "text", "sha256")),
        _instant("sent_at"),
        _instant("public_until", nullable=True),
        _text("protocol"),
        _text("incomplete_because", nullable=True),
        _uuid("recorded_by"),
        _once(),
        _refers("incident_id", "incidents"),
        enum_check("audience", ("anpd", "subjects")),
        enum_check("kind", ("initial", "completion", "declaration")),
        enum_check("channel", CHANNELS),
        schema=SCHEMA,
    )
    table = "incident_notices"
    _index(f"ix_{table}_incident_id", table, "incident_id", "sent_at", "id")


def _create_decisions() -> None:
    op.create_table(
        "automated_decisions",
        *_row(changes=False),
        _text("kind"),
        _uuid("source_id"),
        _uuid("ticket_id"),
        _texts("inputs"),
        _texts("criteria"),
        _text("model", nullable=True),
        _text("prompt_version", nullable=True),
        sa.Column("outcome", JSONB(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=True),
        sa.Column("applied", sa.Boolean(), nullable=False),
        _instant("decided_at"),
        _once(),
        _once("source_id"),
        _refers("ticket_id", "tickets"),
        enum_check("kind", ("ticket_triage",)),
        schema=SCHEMA,
    )
    table = "automated_decisions"
    _index(f"ix_{table}_decided_at", table, "decided_at", "id")
    _index(f"ix_{table}_ticket_id", table, "ticket_id", "decided_at")
    op.create_table(
        "decision_reviews",
        *_row(),
        _uuid("decision_id"),
        _uuid("client_id"),
        _text("status"),
        sa.Column("by_representative", sa.Boolean(), nullable=False),
        _text("channel"),
        _instant("requested_at"),
        _uuid("recorded_by"),
        _instant("due_at"),
        sa.Column("grounds_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("answer_sealed", sa.LargeBinary(), nullable=True),
        _text("outcome", nullable=True),
        _instant("answered_at", nullable=True),
        _uuid("answered_by", nullable=True),
        _once(),
        _refers("decision_id", "automated_decisions"),
        _refers("client_id", "clients"),
        enum_check("status", ("open", "answered")),
        enum_check("channel", ("web", "email", "phone", "whatsapp", "in_person", "letter")),
        enum_check("outcome", ("upheld", "changed", "annulled")),
        schema=SCHEMA,
    )
    table = "decision_reviews"
    _unique_where(f"uq_{table}_open", table, "decision_id", where="status = 'open'")
    _index(f"ix_{table}_due_at", table, "due_at", "id")
    _index(f"ix_{table}_client_id", table, "client_id")
