"""Requests of data subjects: what is asked for, what happened to it, what was said about it, and
how each organization counts.

Tables only: nothing that is there is touched.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from alembic import op
from chassis.data.migrations import Verb, enable_tenant_isolation, enum_check

revision = "crm_014"
down_revision = "crm_013"
branch_labels = None
depends_on = None

SCHEMA = "crm"
INSTANT = sa.DateTime(timezone=True)
TABLES: dict[str, tuple[Verb, ...]] = {
    "privacy_requests": ("SELECT", "INSERT", "UPDATE"),
    "privacy_request_steps": ("SELECT", "INSERT"),
    "privacy_messages": ("SELECT", "INSERT", "UPDATE"),
    "privacy_settings": ("SELECT", "INSERT", "UPDATE"),
    "privacy_policies": ("SELECT", "INSERT", "UPDATE"),
}
TYPES = (
    "confirmation",
    "access",
    "correction",
    "anonymization",
    "blocking",
    "erasure",
    "portability",
    "sharing",
    "consent_consequences",
    "revocation",
    "opposition",
)
STATUSES = (
    "received",
    "identity_pending",
    "in_progress",
    "waiting_for_subject",
    "executing",
    "completed",
    "refused",
    "cancelled",
)
CHANNELS = (
    "web",
    "email",
    "phone",
    "whatsapp",
    "in_person",
    "letter",
    "api",
    "preferences_link",
)
UNITS = ("at_once", "calendar_days", "business_days")
LEVELS = ("none", "basic", "strong")
METHODS = (
    "preferences_link",
    "email_code",
    "phone_call",
    "registered_data",
    "document_with_photo",
    "in_person",
    "digital_signature",
    "gov_br",
)
REPRESENTATIVES = ("legal_guardian", "attorney", "lawyer", "heir", "other")
GROUNDS = (
    "not_the_controller",
    "impossible_at_once",
    "legal_obligation",
    "research",
    "lawful_transfer",
    "anonymised_own_use",
    "exercise_of_rights",
    "trade_secret",
    "no_personal_data",
    "identity_not_proven",
    "representation_not_proven",
    "law_does_not_apply",
)
STEPS = (
    "opened",
    "identity_checked",
    "representative_named",
    "clarification_asked",
    "clarified",
    "extended",
    "message_recorded",
    "message_delivery",
    "deadline_warned",
    "deadline_missed",
    "execution_started",
    "completed",
    "refused",
    "cancelled",
)
IS_OPEN = "status NOT IN ('completed', 'refused', 'cancelled')"


def upgrade() -> None:
    """New tables, isolated; of the requests the sweep sees whose are due, across tenants."""
    _create_requests()
    _create_steps()
    _create_messages()
    _create_settings()
    for table, verbs in TABLES.items():
        enable_tenant_isolation(op, SCHEMA, table, verbs=verbs)
    op.execute(
        "CREATE POLICY worker ON crm.privacy_requests FOR SELECT TO cogep_worker USING (true)"
    )
    op.execute(
        "GRANT SELECT (organization_id, next_warning_at) ON crm.privacy_requests TO cogep_worker"
    )
    # What happened stays; what was said in words goes with the person.
    op.execute("GRANT UPDATE (text_sealed) ON crm.privacy_request_steps TO cogep_app")


def downgrade() -> None:
    """The requests are forgotten."""
    for table in reversed(TABLES):
        op.drop_table(table, schema=SCHEMA)


def _uuid(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable, primary_key=key)


def _instant(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, INSTANT, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _integer(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=nullable)


def _versioned() -> list[sa.Column[Any]]:
    """The key, the tenant, the times and the version of a row that people change."""
    return [
        _uuid("id", key=True),
        _uuid("organization_id"),
        sa.Column("created_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("updated_at", INSTANT, nullable=False, server_default=sa.func.now()),
        sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
    ]


def _refers(column: str, table: str, name: str | None = None) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column],
        [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"],
        name=name,
    )


def _index(name: str, table: str, columns: list[str], where: str | None = None) -> None:
    op.create_index(
        name,
        table,
        columns,
        unique=name.startswith("uq_"),
        schema=SCHEMA,
        postgresql_where=None if where is None else sa.text(where),
    )


def _create_requests() -> None:
    op.create_table(
        "privacy_requests",
        *_versioned(),
        _uuid("client_id"),
        *(_text(name) for name in ("type", "status")),
        *(_text(name, nullable=True) for name in ("form", "purpose_code")),
        _text("channel"),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=True),
        *(_uuid(name, nullable=True) for name in ("preferences_link_id", "opened_by")),
        *(_instant(name) for name in ("received_at", "due_at")),
        _integer("deadline_days"),
        _text("deadline_unit"),
        sa.Column("deadline_doubled", sa.Boolean(), nullable=False),
        sa.Column("warning_days", ARRAY(sa.Integer()), nullable=False),
        *(_instant(name, nullable=True) for name in ("next_warning_at", "paused_at")),
        _text("paused_from", nullable=True),
        sa.Column("paused_seconds", sa.BigInteger(), nullable=False, server_default="0"),
        *(_text(name) for name in ("identity_required", "identity_level")),
        _text("identity_method", nullable=True),
        _instant("identity_checked_at", nullable=True),
        _uuid("identity_checked_by", nullable=True),
        _text("representative_kind", nullable=True),
        sa.Column("representative_sealed", sa.LargeBinary(), nullable=True),
        _instant("representative_checked_at", nullable=True),
        _integer("extension_allowed_days"),
        _integer("extended_days", nullable=True),
        _instant("extended_at", nullable=True),
        _uuid("extended_by", nullable=True),
        _text("refusal_ground", nullable=True),
        _uuid("executed_by", nullable=True),
        *(_instant(name, nullable=True) for name in ("execution_started_at", "closed_at")),
        _uuid("closed_by", nullable=True),
        sa.Column("receipt", JSONB(), nullable=True),
        _refers("client_id", "clients"),
        _refers("preferences_link_id", "preferences_links", "fk_privacy_requests_link"),
        *_request_checks(),
        sa.UniqueConstraint("organization_id", "id"),
        schema=SCHEMA,
    )
    table = "privacy_requests"
    _index(
        "uq_privacy_requests_destroying",
        table,
        ["organization_id", "client_id"],
        f"type IN ('erasure', 'anonymization') AND {IS_OPEN}",
    )
    _index(
        "uq_privacy_requests_link",
        table,
        ["organization_id", "preferences_link_id"],
        "preferences_link_id IS NOT NULL",
    )
    _index("ix_privacy_requests_client_id", table, ["organization_id", "client_id", "received_at"])
    _index("ix_privacy_requests_received_at", table, ["organization_id", "received_at", "id"])
    _index("ix_privacy_requests_open", table, ["organization_id", "due_at", "id"], IS_OPEN)
    _index(
        "ix_privacy_requests_next_warning_at",
        table,
        ["next_warning_at", "organization_id"],
        "next_warning_at IS NOT NULL",
    )


def _request_checks() -> list[sa.CheckConstraint]:
    return [
        enum_check("type", TYPES),
        enum_check("status", STATUSES),
        enum_check("form", ("simplified", "complete")),
        enum_check("channel", CHANNELS),
        enum_check("deadline_unit", UNITS),
        enum_check("paused_from", STATUSES),
        enum_check("identity_required", LEVELS),
        enum_check("identity_level", LEVELS),
        enum_check("identity_method", METHODS),
        enum_check("representative_kind", REPRESENTATIVES),
        enum_check("refusal_ground", GROUNDS),
    ]


def _create_steps() -> None:
    table = "privacy_request_steps"
    op.create_table(
        table,
        _uuid("id", key=True),
        _uuid("organization_id"),
        *(_uuid(name) for name in ("request_id", "client_id")),
        _text("kind"),
        _instant("occurred_at"),
        _uuid("actor_id", nullable=True),
        sa.Column("details", JSONB(), nullable=False),
        sa.Column("text_sealed", sa.LargeBinary(), nullable=True),
        _integer("warning_days", nullable=True),
        _instant("warned_for", nullable=True),
        _refers("request_id", "privacy_requests", "fk_privacy_request_steps_request"),
        _refers("client_id", "clients"),
        enum_check("kind", STEPS),
        sa.UniqueConstraint("organization_id", "id"),
        schema=SCHEMA,
    )
    for name in ("request_id", "client_id"):
        columns = ["organization_id", name, "occurred_at", "id"]
        _index(f"ix_privacy_request_steps_{name}", table, columns)
    _index(
        "uq_privacy_request_steps_warning",
        table,
        ["organization_id", "request_id", "warning_days", "warned_for"],
        "warned_for IS NOT NULL",
    )


def _create_messages() -> None:
    table = "privacy_messages"
    op.create_table(
        table,
        *_versioned(),
        *(_uuid(name) for name in ("request_id", "client_id")),
        *(_text(name) for name in ("direction", "channel")),
        sa.Column("body_sealed", sa.LargeBinary(), nullable=True),
        _text("delivery"),
        _instant("delivery_at", nullable=True),
        _uuid("recorded_by", nullable=True),
        _refers("request_id", "privacy_requests", "fk_privacy_messages_request"),
        _refers("client_id", "clients"),
        enum_check("direction", ("to_subject", "from_subject")),
        enum_check("channel", CHANNELS),
        enum_check("delivery", ("pending", "sent", "delivered", "failed")),
        sa.UniqueConstraint("organization_id", "id"),
        schema=SCHEMA,
    )
    _index(
        "ix_privacy_messages_request_id",
        table,
        ["organization_id", "request_id", "created_at", "id"],
    )
    _index("ix_privacy_messages_client_id", table, ["organization_id", "client_id"])


def _create_settings() -> None:
    op.create_table(
        "privacy_settings",
        *_versioned(),
        sa.Column("is_small_agent", sa.Boolean(), nullable=False),
        sa.UniqueConstraint("organization_id"),
        schema=SCHEMA,
    )
    op.create_table(
        "privacy_policies",
        *_versioned(),
        _text("type"),
        _integer("days"),
        _text("unit"),
        _integer("extension_days"),
        _text("identity_required"),
        sa.Column("warning_days", ARRAY(sa.Integer()), nullable=False),
        enum_check("type", TYPES),
        enum_check("unit", UNITS),
        enum_check("identity_required", LEVELS),
        sa.UniqueConstraint("organization_id", "type"),
        schema=SCHEMA,
    )
