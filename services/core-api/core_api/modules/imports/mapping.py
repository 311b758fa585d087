"""Which column of a file holds which field: proposed, checked, and used on each row."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.errors import InvalidInput
from core_api.csv_export import restore
from core_api.modules.clients.columns import CUSTOM, FIELDS, REPEATABLE, proposed
from core_api.modules.fields.service import FieldEntity, active_fields
from core_api.modules.imports.schemas import ImportPlan, MappedColumn
from shared_schemas.errors import ErrorDetail
from shared_schemas.ids import OrganizationId

KEYS: Final = ("id", "external_id")
"""What tells that a row is about a client that is known already."""

NO_KEY_WARNING: Final = (
    "Nenhuma coluna tem o código externo: se o arquivo for importado duas vezes, os clientes serão "
    "criados duas vezes."
)


async def proposal(
    session: AsyncSession, organization_id: OrganizationId, header: Sequence[str]
) -> list[str | None]:
    """For each column what it probably holds."""
    fields = await active_fields(session, organization_id, FieldEntity.CLIENT)
    return proposed(header, [(field.key, field.label) for field in fields])


async def checked(
    session: AsyncSession,
    organization_id: OrganizationId,
    header: Sequence[str],
    plan: ImportPlan,
) -> dict[str, Any]:
    """The plan as a run keeps it, with a mapping. InvalidInput names what cannot be."""
    mapping = plan.mapping
    if mapping is None:
        found = await proposal(session, organization_id, header)
        mapping = [
            MappedColumn(column=index, field=field)
            for index, field in enumerate(found)
            if field is not None
        ]
    fields = await active_fields(session, organization_id, FieldEntity.CLIENT)
    known = FIELDS | {CUSTOM + field.key for field in fields}
    _check(mapping, len(header), known)
    return {
        "mapping": [[entry.column, entry.field] for entry in mapping],
        "kind": plan.kind,
        "blank": plan.blank,
    }


def texts_of(mapping: Sequence[Sequence[Any]], cells: Sequence[str]) -> Mapping[str, list[str]]:
    """A row by field. Apostrophes that an export has put before formulas are taken away again."""
    texts: dict[str, list[str]] = {}
    for column, field in mapping:
        cell = cells[column] if column < len(cells) else ""
        texts.setdefault(field, []).append(restore(cell).strip())
    return texts


def warnings_of(mapping: Sequence[str | None]) -> list[str]:
    """What somebody should know before starting."""
    return [] if any(field in KEYS for field in mapping) else [NO_KEY_WARNING]


def _check(mapping: Sequence[MappedColumn], width: int, known: frozenset[str] | set[str]) -> None:
    problems: list[ErrorDetail] = []
    columns: set[int] = set()
    fields: set[str] = set()
    for index, entry in enumerate(mapping):
        where = f"body.mapping.{index}"
        if entry.column >= width:
            problems.append(_detail(f"{where}.column", "O arquivo não tem esta coluna."))
        if entry.column in columns:
            problems.append(_detail(f"{where}.column", "Esta coluna já foi usada."))
        if entry.field not in known:
            problems.append(_detail(f"{where}.field", "Campo desconhecido. Confira o nome."))
        if entry.field in fields and entry.field not in REPEATABLE:
            problems.append(_detail(f"{where}.field", "Só uma coluna pode ter este campo."))
        columns.add(entry.column)
        fields.add(entry.field)
    if not fields & {"name", *KEYS}:
        problems.append(
            _detail("body.mapping", "Diga qual coluna tem o nome, o código externo ou o id.")
        )
    if problems:
        raise InvalidInput(details=problems)


def _detail(field: str, message: str) -> ErrorDetail:
    return ErrorDetail(field=field, message=message, type="mapping")
