"""The rows a run could not use, as they stand in the file, with the reason beside them.

With the file's own columns in front, so that it can be corrected and imported again as it is.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from chassis.data.database import Database
from core_api.csv_export import Cell
from core_api.modules.imports.repository import ClientImports
from shared_schemas.ids import OrganizationId

EXTRA: Final = ("Linha do arquivo", "Coluna com erro", "Mensagem")


def report_header(header: Sequence[str]) -> list[str]:
    """The file's columns, then where and what the problem is."""
    return [*header, *EXTRA]


async def report_rows(
    database: Database, organization_id: OrganizationId, run_id: UUID, header: Sequence[str]
) -> AsyncIterator[Sequence[Cell]]:
    """One row per row that failed; each batch is read in a transaction of its own."""
    after = 0
    while True:
        async with database.transaction(organization_id, read_only=True) as session:
            rows = await ClientImports(session, organization_id).errors_after(run_id, after)
        if not rows:
            return
        for row in rows:
            yield [*_fitted(row.cells, len(header)), *_reasons(row, header)]
        after = rows[-1].row_number


def _fitted(cells: Sequence[str], width: int) -> list[str]:
    return [*cells[:width], *[""] * (width - len(cells))]


def _reasons(row: Any, header: Sequence[str]) -> list[Cell]:
    problems: Sequence[Mapping[str, Any]] = row.problems
    columns = dict.fromkeys(
        header[problem["column"]] for problem in problems if problem["column"] is not None
    )
    messages = dict.fromkeys(problem["message"] for problem in problems)
    return [row.row_number, " | ".join(columns), " | ".join(messages)]
