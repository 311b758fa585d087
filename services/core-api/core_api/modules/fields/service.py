"""Defining fields, and holding values to their definitions."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.errors import InvalidInput
from chassis.web.etag import check_version
from core_api.changes import Changes, made
from core_api.modules.audit import service as audit
from core_api.modules.fields.exceptions import TooManyFields
from core_api.modules.fields.models import FieldDefinition, FieldEntity, FieldType
from core_api.modules.fields.repository import FieldDefinitions
from core_api.modules.fields.schemas import CustomValues, FieldCreate
from core_api.modules.fields.values import InvalidValue, parse
from shared_schemas.actor import Actor
from shared_schemas.errors import ErrorDetail
from shared_schemas.ids import OrganizationId, new_id

__all__ = [
    "CustomValues",
    "FieldEntity",
    "FieldService",
    "active_fields",
    "labels_of",
    "validate_values",
]

_LIMIT: Final = 100
_KNOWN: Final = "field_definitions"
_BODY: Final = "body.custom_fields"


async def active_fields(
    tx: AsyncSession, organization_id: OrganizationId, entity: FieldEntity
) -> list[FieldDefinition]:
    """The definitions that take values, in the order of the form."""
    return [
        field for field in await _definitions(tx, organization_id, entity) if not field.archived_at
    ]


async def labels_of(
    tx: AsyncSession, organization_id: OrganizationId, entity: FieldEntity
) -> dict[str, str]:
    """What every field is called by its key, archived ones too: their values are still there."""
    return {field.key: field.label for field in await _definitions(tx, organization_id, entity)}


async def validate_values(
    tx: AsyncSession,
    organization_id: OrganizationId,
    entity: FieldEntity,
    given: Mapping[str, Any] | None,
    current: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The values a record has after a change: `current` (None: it is new) with `given` on top.

    Only what is sent is checked, so that values of fields archived, narrowed or made required
    since stay as they are. InvalidInput names every field that cannot be as sent.
    """
    if not given and current is not None:
        return dict(current)
    fields = {field.key: field for field in await _definitions(tx, organization_id, entity)}
    values, problems = dict(current or {}), dict[str, str]()
    for key, value in (given or {}).items():
        try:
            _put(values, fields.get(key), key, value)
        except InvalidValue as error:
            problems[key] = str(error)
    if current is None:
        missing = (field for field in fields.values() if field.required and not field.archived_at)
        problems |= {
            field.key: f"{field.label}: preenchimento obrigatório."
            for field in missing
            if field.key not in values and field.key not in problems
        }
    if problems:
        raise InvalidInput(
            details=[
                ErrorDetail(field=f"{_BODY}.{key}", message=message, type="custom_field")
                for key, message in problems.items()
            ]
        )
    return values


class FieldService:
    """The commands on definitions, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.fields = FieldDefinitions(tx, actor.organization_id)

    async def create(self, given: FieldCreate) -> FieldDefinition:
        """Defines a field. Records that exist have no value in it, required or not."""
        if await self.fields.count_active(given.entity) >= _LIMIT:
            raise TooManyFields
        field = FieldDefinition(
            id=new_id(), organization_id=self.actor.organization_id, **given.model_dump()
        )
        self.tx.add(field)
        await self._record("custom_field.created", field, made(given.model_dump()))
        await self.tx.flush()
        return field

    async def change(
        self, field_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> FieldDefinition:
        """Applies a whole PATCH or nothing. A choice taken away stays where it was chosen."""
        field = await self.fields.get_for_update(field_id)
        check_version(field.version, seen_version)
        if "choices" in values and (field.type is FieldType.CHOICE) != bool(values["choices"]):
            raise InvalidInput.on(
                "body.choices", "Informe as opções de um campo de escolha, e só dele."
            )
        return await self._applied("custom_field.updated", field, field.change(values))

    async def archive(self, field_id: UUID, seen_version: int | None) -> FieldDefinition:
        """It takes no new values; those it has stay."""
        field = await self.fields.get_for_update(field_id)
        check_version(field.version, seen_version)
        changes = field.change({"archived_at": field.archived_at or utc_now()})
        return await self._applied("custom_field.archived", field, changes)

    async def restore(self, field_id: UUID, seen_version: int | None) -> FieldDefinition:
        """Takes values again."""
        field = await self.fields.get_for_update(field_id)
        check_version(field.version, seen_version)
        return await self._applied(
            "custom_field.restored", field, field.change({"archived_at": None})
        )

    async def _applied(
        self, action: str, field: FieldDefinition, changes: Changes
    ) -> FieldDefinition:
        if changes:
            await self._record(action, field, changes)
            await self.tx.flush()
        return field

    async def _record(self, action: str, field: FieldDefinition, changes: Changes) -> None:
        await audit.record(self.tx, self.actor, action, field.id, changes=changes)


async def _definitions(
    tx: AsyncSession, organization_id: OrganizationId, entity: FieldEntity
) -> Sequence[FieldDefinition]:
    """Read once per transaction: imports check hundreds of records in one."""
    known: dict[FieldEntity, Sequence[FieldDefinition]] = tx.info.setdefault(_KNOWN, {})
    if entity not in known:
        known[entity] = await FieldDefinitions(tx, organization_id).all_of(entity)
    return known[entity]


def _put(values: dict[str, Any], field: FieldDefinition | None, key: str, value: Any) -> None:
    """Changes `values`, or InvalidValue."""
    if key in values and values[key] == value:
        return  # sent back as it was read, whatever has become of the field
    if field is None:
        raise InvalidValue("Campo desconhecido. Confira os campos da organização.")
    if field.archived_at is not None:
        raise InvalidValue(f"{field.label}: o campo está arquivado.")
    parsed = parse(field, value)
    if parsed is not None:
        values[key] = parsed
    elif field.required:
        raise InvalidValue(f"{field.label}: preenchimento obrigatório.")
    else:
        values.pop(key, None)
