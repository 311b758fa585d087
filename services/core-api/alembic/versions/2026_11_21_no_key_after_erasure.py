"""Whoever was erased gets no key again: what somebody seals for them afterwards opens for nobody."""

from alembic import op

revision = "crm_021"
down_revision = "crm_020"
branch_labels = None
depends_on = None

# Their tickets stay as numbers, and reading one for a reason is an event about them. The key is an
# erasure's last store: from its proof on there is none. Who was merged was erased with the other.
REFUSE = """
CREATE FUNCTION crm.no_key_after_erasure() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF EXISTS (
    SELECT FROM crm.erasures e
    WHERE e.organization_id = NEW.organization_id
      AND e.client_id IN (NEW.client_id, (
        SELECT c.merged_into_id FROM crm.clients c
        WHERE c.organization_id = NEW.organization_id AND c.id = NEW.client_id))
      AND (e.completed_at IS NOT NULL OR EXISTS (
        SELECT FROM crm.erasure_steps s
        WHERE s.organization_id = e.organization_id AND s.erasure_id = e.id
          AND s.store = 'subject_keys' AND s.proven_at IS NOT NULL))
  ) THEN
    RETURN NULL;
  END IF;
  RETURN NEW;
END
$$
"""


def upgrade() -> None:
    """Asked once in the life of a client, when their key is made."""
    op.execute(REFUSE)
    op.execute(
        "CREATE TRIGGER no_key_after_erasure BEFORE INSERT ON crm.subject_keys"
        " FOR EACH ROW EXECUTE FUNCTION crm.no_key_after_erasure()"
    )


def downgrade() -> None:
    """Keys for everybody."""
    op.execute("DROP TRIGGER no_key_after_erasure ON crm.subject_keys")
    op.execute("DROP FUNCTION crm.no_key_after_erasure()")
