"""Reports as tables for a spreadsheet, with headings for people."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from core_api.csv_export import Cell, csv_stream

_TIMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "count": "quantidade",
        "median_seconds": "mediana (s)",
        "p90_seconds": "percentil 90 (s)",
        "business_count": "quantidade em tempo útil",
        "business_median_seconds": "mediana em tempo útil (s)",
        "business_p90_seconds": "percentil 90 em tempo útil (s)",
    }
)
VOLUME: Final[Mapping[str, str]] = MappingProxyType(
    {"period": "Período", "created": "Criados", "resolved": "Resolvidos"}
)
BACKLOG: Final[Mapping[str, str]] = MappingProxyType(
    {
        "label": "Grupo",
        "tickets": "Chamados",
        "up_to_1_day": "Até 1 dia",
        "up_to_3_days": "Até 3 dias",
        "up_to_7_days": "Até 7 dias",
        "up_to_30_days": "Até 30 dias",
        "older": "Mais antigos",
        "median_age_seconds": "Idade mediana (s)",
        "p90_age_seconds": "Idade no percentil 90 (s)",
        "oldest_created_at": "Mais antigo desde",
    }
)
TIMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "label": "Grupo",
        **{f"first_response.{name}": f"Primeira resposta: {text}" for name, text in _TIMES.items()},
        **{f"resolution.{name}": f"Resolução: {text}" for name, text in _TIMES.items()},
    }
)
COMPLIANCE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "label": "Grupo",
        "metric": "Prazo",
        "met": "Cumpridos",
        "breached": "Estourados",
        "pending": "Em curso",
        "compliance": "Cumprimento",
    }
)
_METRICS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "first_response": "Primeira resposta",
        "next_response": "Próxima resposta",
        "resolution": "Resolução",
    }
)


def as_csv(
    rows: Iterable[BaseModel], columns: Mapping[str, str], *, filename: str, separator: str
) -> StreamingResponse:
    """The rows, already counted: nothing is read while they are sent."""

    async def cells() -> AsyncIterator[Sequence[Cell]]:
        for row in rows:
            yield [_cell(row, path) for path in columns]

    return csv_stream(list(columns.values()), cells(), filename=filename, separator=separator)


def _cell(row: Any, path: str) -> Any:
    value = row
    for name in path.split("."):
        value = getattr(value, name)
    return _METRICS.get(value, value) if path == "metric" else value
