"""Many rows of clients in one transaction, by the rules of the commands on one client.

Rows are judged one by one and written together: a handful of statements for all of them. What a
constraint refuses then, refuses all; the caller finds out which by applying them one by one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.errors import DomainError
from chassis.web.validation_messages import details_of
from core_api.changes import Changes
from core_api.inputs import changes, one_line
from core_api.modules.audit import service as audit
from core_api.modules.clients import documents
from core_api.modules.clients.columns import CUSTOM
from core_api.modules.clients.models import Client
from core_api.modules.clients.repository import Clients
from core_api.modules.clients.row_values import RowRules, Texts, values_of
from core_api.modules.clients.schemas import ClientCreate, ClientUpdate
from core_api.modules.clients.service import ClientService, NewClient
from core_api.workplace import vault_of
from shared_schemas.actor import Actor
from shared_schemas.errors import ErrorDetail

_UNKNOWN_ID: Final = "Não há cliente com este identificador."
_NO_ID: Final = "Identificador inválido: informe um UUID."
_IN_FILES: Final[Mapping[str, str]] = {"kind": "Tipo desconhecido. Use pessoa ou empresa."}
"""What the API says in its own words and a spreadsheet in people's."""
_FIELD_OF: Final[Mapping[str, str]] = {
    "emails": "email",
    "phones": "phone",
    "addresses": "cep",
}


class Outcome(StrEnum):
    """What became of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row cannot be used: the field, None when it is the row as a whole, and what to do."""

    field: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Result:
    """One row's end."""

    outcome: Outcome
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Known:
    """The clients that rows name, by id and by external id."""

    clients: Mapping[UUID | str, Client]
    merged: Mapping[UUID | str, UUID]
    """Of those that went into another one: the id of that one."""


class ClientRows:
    """Registers or changes a client per row: found by our id, else by its external id, else new.

    What names a client that was merged changes the one that answers for it.
    """

    def __init__(self, tx: AsyncSession, actor: Actor, rules: RowRules) -> None:
        self._tx = tx
        self._rules = rules
        self._service = ClientService(tx, actor)
        self._clients = Clients(tx, actor.organization_id)
        self._vault = vault_of(tx)
        self._new: list[NewClient] = []
        self._changed: list[tuple[Client, Changes]] = []

    async def apply(self, rows: Sequence[Texts]) -> list[Result]:
        """What became of each, flushed. A row that cannot be used has written nothing."""
        known = await self._known(rows)
        clients = {client.id for client in known.clients.values()}
        await audit.SubjectKeys(self._tx, self._service.actor.organization_id).know(clients)
        results = [await self._apply_one(row, known) for row in rows]
        await self._service.write_changes(self._changed)
        if self._new:
            await self._service.create_all(self._new)
        self._new, self._changed = [], []
        return results

    async def _known(self, rows: Sequence[Texts]) -> _Known:
        """The clients the rows are about, locked in the order everybody locks them in."""
        ids = {found for row in rows if (found := _id_of(row)) is not None}
        keys = {key for row in rows if (key := _key_of(row))}
        wanted = sa.or_(Client.id.in_(ids), Client.external_id.in_(keys))
        if not (ids or keys):
            return _Known({}, {})
        merged = await self._clients.merged_matching(wanted)
        survivors = {row.merged_into_id for row in merged}
        clients = await self._clients.matching_for_update(
            sa.or_(wanted, Client.id.in_(survivors)) if survivors else wanted
        )
        return _Known(
            clients={
                name: each for each in clients for name in (each.id, each.external_id) if name
            },
            merged={name: row.merged_into_id for row in merged for name in row[:2] if name},
        )

    async def _apply_one(self, row: Texts, known: _Known) -> Result:
        by_id = bool(_text_of(row, "id"))
        name = _id_of(row) if by_id else _key_of(row)
        if name is None:
            return _failed(Problem("id", _NO_ID))
        client = known.clients.get(known.merged.get(name, name))
        if by_id and client is None:
            return _failed(Problem("id", _UNKNOWN_ID))
        document = None if client is None else documents.opened(self._vault, client)
        values = values_of(row, self._rules, client, document)
        if client is not None and known.merged.get(_key_of(row)) == client.id:
            del values["external_id"]  # it stays with the one that went into this client
        try:
            return Result(await self._write(values, client))
        except ValidationError as error:
            return _failed(*_problems(details_of(error.errors(include_url=False))))
        except DomainError as error:
            details = error.details or [ErrorDetail(field="", message=str(error), type="domain")]
            return _failed(*_problems(details))

    async def _write(self, values: dict[str, Any], client: Client | None) -> Outcome:
        if client is None:
            self._new.append(await self._service.prepared(ClientCreate.model_validate(values)))
            return Outcome.CREATED
        given = changes(ClientUpdate.model_validate(values))
        changed = await self._service.changed(client, given)
        self._changed.append((client, changed))
        return Outcome.UPDATED if changed else Outcome.UNCHANGED


def _failed(*problems: Problem) -> Result:
    return Result(Outcome.FAILED, problems)


def _problems(details: Sequence[ErrorDetail]) -> list[Problem]:
    return [
        Problem(field, _IN_FILES.get(field or "", detail.message))
        for detail in details
        for field in (_field_of(detail.field),)
    ]


def _field_of(path: str | None) -> str | None:
    """`body.custom_fields.plano` → `custom.plano`, `addresses.0.uf` → `uf`."""
    first, *rest = (path or "").removeprefix("body.").split(".")
    if first == "custom_fields" and rest:
        return CUSTOM + rest[0]
    if first == "addresses" and len(rest) > 1:
        return rest[1]
    return _FIELD_OF.get(first, first) or None


def _text_of(row: Texts, field: str) -> str:
    return next((text for text in row.get(field, ()) if text), "")


def _id_of(row: Texts) -> UUID | None:
    try:
        return UUID(_text_of(row, "id"))
    except ValueError:
        return None


def _key_of(row: Texts) -> str:
    """As `ExternalId` would write it; nothing when it could not be one."""
    try:
        return one_line(_text_of(row, "external_id"))
    except ValueError:
        return ""
