"""The clients of a list as rows of a file, which importing recognises column by column."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.database import Database
from chassis.web.pagination import CursorPage
from core_api.changes import Change
from core_api.csv_export import Cell
from core_api.modules.audit import service as audit
from core_api.modules.clients.columns import COLUMNS, header_of_custom, joined
from core_api.modules.clients.filters import ClientFilter
from core_api.modules.clients.models import ClientKind
from core_api.modules.clients.repository import ORDERS, Clients
from core_api.modules.clients.schemas import ClientRead, Sight
from core_api.modules.fields.service import FieldEntity, active_fields
from core_api.workplace import vault_of
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

_ROWS_AT_ONCE: Final = 500
_ORDER: Final = ORDERS["created_at"]
_PERSONAL_FILTERS: Final = frozenset({"email", "external_id", "custom"})
_KINDS: Final = MappingProxyType({ClientKind.PERSON: "pessoa", ClientKind.COMPANY: "empresa"})


@dataclass(frozen=True, slots=True)
class ClientExport:
    """What is exported, and how much of it the reader sees."""

    actor: Actor
    wanted: ClientFilter
    documents: bool
    """CPF and CNPJ whole."""

    async def begin(self, tx: AsyncSession) -> list[tuple[str, str]]:
        """Notes the export before its first row leaves; the organization's own fields."""
        count = await Clients(tx, self.actor.organization_id).count(self.wanted)
        await audit.record(
            tx,
            self.actor,
            "client_export.started",
            new_id(),
            changes={
                "rows": Change(None, count),
                "filters": Change(None, _filters(self.wanted)),
                "documents": Change(None, "full" if self.documents else "masked"),
            },
        )
        fields = await active_fields(tx, self.actor.organization_id, FieldEntity.CLIENT)
        return [(field.key, field.label) for field in fields]

    async def rows(
        self, database: Database, custom: Sequence[tuple[str, str]]
    ) -> AsyncIterator[Sequence[Cell]]:
        """Oldest first; each batch is read in a transaction of its own."""
        page = CursorPage(limit=_ROWS_AT_ONCE, after=None)
        while True:
            organization_id = self.actor.organization_id
            async with database.transaction(organization_id, read_only=True) as tx:
                found = await Clients(tx, organization_id).list(self.wanted, _ORDER, page)
                sight = replace(Sight.of(self.actor, vault_of(tx)), reveal=self.documents)
                read = [ClientRead.of(row, sight) for row in found[:_ROWS_AT_ONCE]]
            for client in read:
                yield _row(client, custom)
            if len(found) <= _ROWS_AT_ONCE:
                return
            last = _ORDER.position(found[_ROWS_AT_ONCE - 1])
            page = CursorPage(limit=_ROWS_AT_ONCE, after=tuple(map(str, last)))


def export_header(custom: Sequence[tuple[str, str]]) -> list[str]:
    """The names of the columns."""
    own = [header_of_custom(label, key) for key, label in custom]
    return [*(column.header for column in COLUMNS), *own, "Criado em", "Atualizado em"]


def _row(client: ClientRead, custom: Sequence[tuple[str, str]]) -> list[Cell]:
    address = next((entry for entry in client.addresses if entry.primary), None)
    values: dict[str, Any] = {
        **({} if address is None else address.model_dump(mode="json")),
        "id": str(client.id),
        "external_id": client.external_id,
        "kind": _KINDS[client.kind],
        "name": client.name,
        "document": client.document,
        "email": client.email,
        "other_emails": joined(e.address for e in client.emails if not e.primary),
        "phone": client.phone,
        "other_phones": joined(p.number for p in client.phones if not p.primary),
        "tags": joined(client.tags),
    }
    return [
        *(values.get(column.field) for column in COLUMNS),
        *(client.custom_fields.get(key) for key, _ in custom),
        client.created_at,
        client.updated_at,
    ]


def _filters(wanted: ClientFilter) -> dict[str, Any]:
    """What was asked for. Of filters that hold personal data only that they were used."""
    used = {
        name: getattr(wanted, name)
        for name in ("kind", "tag", "email", "external_id", "custom")
        if getattr(wanted, name)
    }
    return {name: True if name in _PERSONAL_FILTERS else value for name, value in used.items()}
