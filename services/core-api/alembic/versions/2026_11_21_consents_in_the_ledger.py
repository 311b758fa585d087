"""Every notice, consent and revocation there is becomes a link of its organization's ledger.

In batches, each of which is one statement that extends the ledger or does nothing; stopped halfway
it goes on where it was. What replicas of the release before write meanwhile, and after, is entered
by the sweep.
"""

import hashlib
import json
from typing import Any

import sqlalchemy as sa

from alembic import op
from chassis.data.migrations import all_rows

revision = "crm_012"
down_revision = "crm_011"
branch_labels = None
depends_on = None

BATCH = 1_000
FIRST = bytes(32)
CHECKS = {
    "consent_purposes": ("retention_from", "retention_then"),
    "consent_revocations": ("kind",),
    "consents": ("channel",),
}
TABLES = (
    "organizations",
    "consent_notices",
    "consents",
    "consent_revocations",
    "consent_ledger",
    "consent_ledger_heads",
)
_INSTANT = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
# The same entries as core-api writes; as of this day.
MISSING = f"""
SELECT receipt_id, entry FROM (
  SELECT n.created_at, n.id AS receipt_id, jsonb_build_object('kind', 'notice.published',
      'purpose_id', n.purpose_id, 'notice_version', n.version, 'notice_sha256', n.sha256,
      'locale', n.locale, 'is_material', n.is_material, 'recorded_by', n.published_by,
      'at', {_INSTANT.format("n.created_at")}) AS entry
    FROM crm.consent_notices n WHERE n.organization_id = :organization_id
  UNION ALL
  SELECT c.created_at, c.id, jsonb_build_object('kind', 'consent.' || c.decision,
      'consent_id', c.id, 'client_id', c.client_id, 'purpose_id', c.purpose_id,
      'notice_version', c.notice_version, 'notice_sha256', c.notice_sha256, 'locale', c.locale,
      'channel', c.channel, 'shown_at', {_INSTANT.format("c.shown_at")},
      'decided_at', {_INSTANT.format("c.decided_at")},
      'expires_at', {_INSTANT.format("c.expires_at")}, 'renews_id', c.renews_id,
      'recorded_by', c.recorded_by, 'at', {_INSTANT.format("c.created_at")})
    FROM crm.consents c WHERE c.organization_id = :organization_id
  UNION ALL
  SELECT r.created_at, r.id, jsonb_build_object('kind', 'consent.' || r.kind,
      'consent_id', r.consent_id, 'recorded_by', r.recorded_by,
      'ended_at', {_INSTANT.format("r.revoked_at")}, 'at', {_INSTANT.format("r.created_at")})
    FROM crm.consent_revocations r WHERE r.organization_id = :organization_id
) AS receipts
WHERE NOT EXISTS (SELECT FROM crm.consent_ledger l
  WHERE l.organization_id = :organization_id AND l.receipt_id = receipts.receipt_id)
ORDER BY created_at, receipt_id LIMIT :batch
"""
# Extends the ledger by the whole batch if nobody else has extended it since it was read.
EXTEND = """
WITH head AS (
  UPDATE crm.consent_ledger_heads SET sequence = :sequence, hash = :hash
  WHERE organization_id = :organization_id AND sequence = :before RETURNING sequence
)
INSERT INTO crm.consent_ledger
  (organization_id, sequence, receipt_id, entry, previous_hash, hash)
SELECT :organization_id, link.sequence, link.receipt_id, link.entry, link.previous_hash, link.hash
FROM head, unnest(cast(:sequences AS bigint[]), cast(:receipts AS uuid[]),
  cast(:entries AS text[]), cast(:previous AS bytea[]), cast(:hashes AS bytea[]))
  AS link(sequence, receipt_id, entry, previous_hash, hash)
"""
BEGUN = """
INSERT INTO crm.consent_ledger_heads (organization_id, sequence, hash)
VALUES (:organization_id, 0, :hash) ON CONFLICT DO NOTHING
"""


def upgrade() -> None:
    """Constraints are validated, then organization by organization."""
    with op.get_context().autocommit_block():
        for table, checks in CHECKS.items():
            for check in checks:
                op.execute(f"ALTER TABLE crm.{table} VALIDATE CONSTRAINT ck_{table}_{check}")
        with all_rows(op, "crm", *TABLES):
            found = sa.text("SELECT organization_id FROM crm.organizations ORDER BY 1")
            for organization_id in op.get_bind().execute(found).scalars().all():
                while _batch(organization_id):
                    pass


def downgrade() -> None:
    """Nothing: the revision before takes the ledger away."""


def _batch(organization_id: Any) -> bool:
    """One batch of one organization; whether there may be more."""
    connection, given = op.get_bind(), {"organization_id": organization_id}
    missing = connection.execute(sa.text(MISSING), {**given, "batch": BATCH}).all()
    if not missing:
        return False
    connection.execute(sa.text(BEGUN), {**given, "hash": FIRST})
    head = connection.execute(
        sa.text(
            "SELECT sequence, hash FROM crm.consent_ledger_heads"
            " WHERE organization_id = :organization_id"
        ),
        given,
    ).one()
    links, last = [], bytes(head.hash)
    for sequence, row in enumerate(missing, head.sequence + 1):
        fields = {name: value for name, value in row.entry.items() if value is not None}
        entry = json.dumps(
            fields
            | {
                "organization_id": str(organization_id),
                "receipt_id": str(row.receipt_id),
                "sequence": sequence,
            },
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
        )
        previous, last = last, hashlib.sha256(last + entry.encode()).digest()
        links.append((sequence, row.receipt_id, entry, previous, last))
    names = ("sequences", "receipts", "entries", "previous", "hashes")
    columns = dict(zip(names, map(list, zip(*links, strict=True)), strict=True))
    ends = {"before": head.sequence, "sequence": links[-1][0], "hash": last}
    connection.execute(sa.text(EXTEND), given | columns | ends)
    return True
