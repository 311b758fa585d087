"""Texts of versions are stored as they are: a quote is cut out of a megabyte without unpacking it.

Compressing five kilobytes also costs as much time as all else that submitting them does. Versions
that are there keep the form they were stored in.
"""

from alembic import op

revision = "ai_008"
down_revision = "ai_007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A change of the catalogue only."""
    _store("EXTERNAL")


def downgrade() -> None:
    """New texts are compressed again."""
    _store("EXTENDED")


def _store(how: str) -> None:
    op.execute(f"ALTER TABLE ai.document_versions ALTER COLUMN content SET STORAGE {how}")
