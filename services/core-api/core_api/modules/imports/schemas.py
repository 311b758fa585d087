"""What imports look like on the wire."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chassis.messaging.job_queue import JobState
from core_api.inputs import Input
from core_api.modules.imports.models import ClientImport

FIELD_NAMES: Final = (
    "id, external_id, kind, name, document, email, other_emails, phone, other_phones, tags, cep, "
    "uf, city, street, number, complement, district, or custom.<key>"
)


class ImportStatus(StrEnum):
    """uploaded → pending → processing → succeeded, failed or cancelled; then started again."""

    UPLOADED = "uploaded"
    PENDING = "pending"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class MappedColumn(Input):
    """What one column of the file holds."""

    column: int = Field(ge=0, le=199, description="Position in the file, from 0", examples=[0])
    field: str = Field(max_length=60, description=FIELD_NAMES, examples=["name"])


class ImportPlan(Input):
    """How the rows are to be understood."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "dry_run": True,
                    "mapping": [
                        {"column": 0, "field": "external_id"},
                        {"column": 1, "field": "name"},
                        {"column": 2, "field": "email"},
                    ],
                }
            ]
        }
    )

    mapping: Annotated[list[MappedColumn], Field(min_length=1, max_length=200)] | None = Field(
        default=None, description="Left out, what was proposed from the header is taken"
    )
    dry_run: bool = Field(
        default=False, description="Writes nothing, and reports what a real run would do"
    )
    kind: Literal["person", "company"] = Field(
        default="person", description="Of rows that have neither a kind nor a CNPJ"
    )
    blank: Literal["keep", "clear"] = Field(
        default="keep",
        description="Whether an empty cell leaves the field of a known client, or empties it",
    )


class RowCounts(BaseModel):
    """How many rows, and what became of them."""

    total: int | None = Field(description="Null until the file was read once")
    done: int
    created: int
    updated: int
    unchanged: int
    failed: int


class RunRead(BaseModel):
    """One way through the file."""

    id: UUID
    status: JobState
    dry_run: bool
    percent: int
    rows: RowCounts
    error_code: str | None
    error_message: str | None = Field(examples=["O arquivo tem mais de 100000 linhas."])
    started_by: UUID
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def of(cls, run: Any) -> Self:
        """From a run's row."""
        rows = {name: getattr(run, f"rows_{name}") for name in RowCounts.model_fields}
        counts = RowCounts(**rows)
        percent = 100 * counts.done // counts.total if counts.total else 0
        return cls(
            id=run.id,
            status=run.state,
            dry_run=run.dry_run,
            percent=100 if run.state == JobState.SUCCEEDED else min(percent, 99),
            rows=counts,
            error_code=run.error_code,
            error_message=run.error_message,
            started_by=run.started_by,
            created_at=run.created_at,
            finished_at=run.finished_at,
        )


class FileColumn(BaseModel):
    """A column of the file, and what it probably holds."""

    column: int
    header: str = Field(examples=["Nome completo"])
    field: str | None = Field(description="Proposed from the header", examples=["name"])


class ClientImportRead(BaseModel):
    """A file of clients, and its latest run."""

    id: UUID
    status: ImportStatus
    file_name: str = Field(examples=["municipes.csv"])
    size_bytes: int
    encoding: str = Field(examples=["cp1252"])
    separator: str = Field(examples=[";"])
    run: RunRead | None = Field(description="The latest run; null before the first")
    warnings: list[str] = Field(
        examples=[["Sem código externo, enviar o arquivo de novo duplica os clientes."]]
    )
    created_by: UUID
    created_at: datetime
    file_deleted_at: datetime | None = Field(
        description="Since when the file, its columns and sample and all its error reports "
        "are gone; null while they are kept"
    )

    @classmethod
    def of(cls, found: ClientImport, run: Any, warnings: list[str]) -> Self:
        """From an import and its latest run."""
        return cls(**_shared(found, run, warnings))


class ClientImportDetail(ClientImportRead):
    """The same, with what is needed to decide on the mapping."""

    columns: list[FileColumn] = Field(description="Empty once the file was deleted")
    sample: list[list[str]] | None = Field(
        description="The first rows; null once the file was deleted",
        examples=[["SGM-001", "Júlia Prado", "julia.prado@example.com"]],
    )

    @classmethod
    def with_columns(
        cls,
        found: ClientImport,
        run: Any,
        warnings: list[str],
        proposed: list[str | None],
    ) -> Self:
        """From an import, its latest run and the proposed mapping."""
        pairs = zip(found.header, proposed, strict=True)
        return cls(
            **_shared(found, run, warnings),
            columns=[
                FileColumn(column=index, header=header, field=field)
                for index, (header, field) in enumerate(pairs)
            ],
            sample=found.sample,
        )


def _shared(found: ClientImport, run: Any, warnings: list[str]) -> dict[str, Any]:
    return {
        "id": found.id,
        "status": ImportStatus.UPLOADED if run is None else ImportStatus(run.state),
        "file_name": found.file_name,
        "size_bytes": found.size_bytes,
        "encoding": found.encoding,
        "separator": found.delimiter,
        "run": None if run is None else RunRead.of(run),
        "warnings": warnings,
        "created_by": found.created_by,
        "created_at": found.created_at,
        "file_deleted_at": found.file_deleted_at,
    }
