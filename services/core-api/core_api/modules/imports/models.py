"""Tables of imports, of their runs (a job queue), and of the rows a run could not use."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Id, Tenant, utc_now
from chassis.messaging.job_queue import job_columns
from core_api.tables import SCHEMA, Base, VersionedRow
from shared_schemas.ids import OrganizationId, UserId


def storage_prefix(organization_id: OrganizationId, import_id: UUID) -> str:
    """Where the file lies as it was sent. No name given by a user is part of it."""
    return f"{storage_folder(organization_id)}{import_id}"


def storage_folder(organization_id: OrganizationId) -> str:
    """Where an organization's files lie."""
    return f"{organization_id}/imports/"


def owner_of(key: str) -> UUID | None:
    """The import of an object in such a folder; None for what is not ours."""
    try:
        return UUID(key.rpartition("/")[2])
    except ValueError:
        return None


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


class ClientImport(VersionedRow, Base):
    """A file somebody has sent, and how it is to be read."""

    __tablename__ = "client_imports"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _refers("created_by", "members"),
        sa.Index("ix_client_imports_created_at", "organization_id", "created_at", "id"),
        sa.Index(
            "ix_client_imports_file",
            "created_at",
            postgresql_where=sa.text("file_deleted_at IS NULL"),
        ),
    )

    file_name: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(sa.BigInteger())
    sha256: Mapped[str]
    encoding: Mapped[str]
    delimiter: Mapped[str]
    header: Mapped[list[str]] = mapped_column(JSONB())
    # The first rows: people's data, gone together with the file. So is the header: who forgets it
    # sends a person's row in its place.
    sample: Mapped[list[list[str]] | None] = mapped_column(JSONB(none_as_null=True))
    created_by: Mapped[UserId]
    file_deleted_at: Mapped[datetime | None]

    def forget(self) -> None:
        """The file is gone; what it was called and what became of its rows stays."""
        self.header, self.sample = [], None
        self.file_deleted_at = utc_now()


class ClientImportRun(Base):
    """One way through the file, dry or for real. At most one unfinished run per import."""

    __table__ = sa.Table(
        "client_import_runs",
        Base.metadata,
        *job_columns(),
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("plan", JSONB(), nullable=False),
        # The batch that is expected: an earlier one is applied already, a later one too early.
        sa.Column("next_batch", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("rows_total", sa.Integer()),
        *(
            sa.Column(name, sa.Integer(), nullable=False, server_default="0")
            for name in (
                "rows_done",
                "rows_created",
                "rows_updated",
                "rows_unchanged",
                "rows_failed",
            )
        ),
        sa.Column("started_by", sa.Uuid(), nullable=False),
        sa.Column("correlation_id", sa.Text(), nullable=False),  # of the request that started it
        sa.Column("traceparent", sa.Text()),
        sa.UniqueConstraint("organization_id", "id"),
        _refers("import_id", "client_imports"),
        _refers("started_by", "members"),
        sa.Index(None, "organization_id", "import_id", "created_at"),
        sa.Index(
            "uq_client_import_runs_unfinished",
            "organization_id",
            "import_id",
            unique=True,
            postgresql_where=sa.text("state IN ('pending', 'processing')"),
        ),
    )


class ClientImportError(Base):
    """A row that was not imported, as it stands in the file, and why."""

    __tablename__ = "client_import_errors"
    __table_args__ = (
        _refers("run_id", "client_import_runs"),
        sa.Index("ix_client_import_errors_run_id", "organization_id", "run_id", "row_number", "id"),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    run_id: Mapped[UUID]
    row_number: Mapped[int]
    cells: Mapped[list[str]] = mapped_column(JSONB())
    problems: Mapped[list[dict[str, Any]]] = mapped_column(JSONB())  # column, message
