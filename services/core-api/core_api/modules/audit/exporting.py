"""The audit log as a file: JSON lines or a table, sent as it is read."""

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi.responses import StreamingResponse
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.database import Database
from chassis.web.pagination import CursorPage
from core_api.changes import Change
from core_api.csv_export import Cell
from core_api.modules.audit import service as audit
from core_api.modules.audit.repository import NEWEST_FIRST, AuditEvents, AuditFilter
from core_api.modules.audit.schemas import AuditEventRead
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

_ROWS_AT_ONCE: Final = 500
_PER_PIECE: Final = 100
HEADER: Final = (
    "Quando",
    "Quem",
    "Ação",
    "Tipo",
    "Registro",
    "Titular",
    "Campos",
    "Valores",
    "Motivo",
    "Relacionados",
    "Pedido",
    "Id",
)
FORMATS: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The events, newest first",
        "content": {
            "application/jsonl": {"schema": {"type": "string"}},
            "text/csv": {"schema": {"type": "string"}},
        },
    }
}


@dataclass(frozen=True, slots=True)
class AuditExport:
    """Which events, and who reads them."""

    actor: Actor
    wanted: AuditFilter

    async def begin(self, tx: AsyncSession, form: str) -> None:
        """Notes the export before its first event leaves."""
        count = await AuditEvents(tx, self.actor.organization_id).count(self.wanted)
        changes = {
            "events": Change(None, count),
            "filters": Change(None, self.wanted.as_ids()),
            "format": Change(None, form),
        }
        await audit.record(tx, self.actor, "audit_export.started", new_id(), changes=changes)

    async def events(self, database: Database) -> AsyncIterator[AuditEventRead]:
        """Newest first; each batch is read in a transaction of its own."""
        page = CursorPage(limit=_ROWS_AT_ONCE, after=None)
        tenant = self.actor.organization_id
        while True:
            async with database.transaction(tenant, read_only=True) as tx:
                found = await AuditEvents(tx, tenant).list(self.wanted, page)
                read = await audit.read_events(tx, self.actor, found)
            for event, opened in list(zip(found, read, strict=True))[:_ROWS_AT_ONCE]:
                yield AuditEventRead.of(event, *opened)
            if len(found) <= _ROWS_AT_ONCE:
                return
            last = NEWEST_FIRST.position(found[_ROWS_AT_ONCE - 1])
            page = CursorPage(limit=_ROWS_AT_ONCE, after=tuple(map(str, last)))

    async def rows(self, database: Database) -> AsyncIterator[Sequence[Cell]]:
        """The same as rows of a table."""
        async for event in self.events(database):
            yield _row(event)


def lines_stream(events: AsyncIterator[AuditEventRead]) -> StreamingResponse:
    """One JSON object per line."""
    return StreamingResponse(
        _lines(events),
        media_type="application/jsonl",
        headers={
            "content-disposition": 'attachment; filename="auditoria.jsonl"',
            "cache-control": "no-store",
        },
    )


async def _lines(events: AsyncIterator[AuditEventRead]) -> AsyncIterator[str]:
    piece: list[str] = []
    async for event in events:
        piece.append(event.model_dump_json(by_alias=True))
        if len(piece) == _PER_PIECE:
            yield "\n".join(piece) + "\n"
            piece.clear()
    if piece:
        yield "\n".join(piece) + "\n"


def _row(event: AuditEventRead) -> list[Cell]:
    plain = event.model_dump(mode="json", by_alias=True)
    return [
        event.occurred_at,
        plain["actor_id"],
        event.action,
        event.subject_type,
        plain["subject_id"],
        plain["about"],
        ", ".join(event.changed),
        json.dumps(plain["values"], ensure_ascii=False) if event.values else None,
        event.reason,
        json.dumps(plain["related"]) if event.related else None,
        event.request_id,
        plain["id"],
    ]
