"""What worker-svc and this service say to each other about a run."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from chassis.data.csv_reading import MAX_CELL_CHARACTERS, MAX_CELLS, RecordProblem
from core_api.inputs import Input

Cell = Annotated[str, StringConstraints(max_length=MAX_CELL_CHARACTERS)]


class HeldRun(Input):
    """Proof that the caller holds the run: of whom it is, and the token of its lease."""

    organization_id: UUID
    lease_token: int


class FailedRun(HeldRun):
    """Why it cannot go on: for programs, and for people in Brazilian Portuguese."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Z_]{1,64}$")]
    message: Annotated[str, StringConstraints(min_length=1, max_length=300)]


class RunBegun(BaseModel):
    """What there is to read, and where to go on."""

    import_id: UUID
    storage_key: str
    size_bytes: int
    encoding: str
    delimiter: str
    key_columns: list[int] = Field(description="No two rows may have the same text there")
    max_rows: int
    next_batch: int
    rows_done: int


class SentRow(Input):
    """A row as it stands in the file."""

    number: int
    cells: Annotated[list[Cell], Field(max_length=MAX_CELLS)]
    problem: RecordProblem | None = None
    repeats: int | None = Field(default=None, description="The earlier row about the same client")


class Batch(HeldRun):
    """The next rows. Numbers count from 1 and leave none out."""

    run_id: UUID
    number: int = Field(ge=1)
    rows_total: int = Field(ge=0)
    is_last: bool
    rows: Annotated[list[SentRow], Field(max_length=1_000)]


class BatchTaken(BaseModel):
    """Where the run stands."""

    next_batch: int
    rows_done: int
