"""Changing calendars and policies. What was in force stays as a revision; open tickets follow."""

import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.errors import InvalidInput
from chassis.web.etag import check_version
from core_api.changes import Change, Changes, made
from core_api.modules.audit import service as audit
from core_api.modules.categories.service import ids_above
from core_api.modules.sla.clock import Metric
from core_api.modules.sla.definition import CalendarDefinition, frozen
from core_api.modules.sla.exceptions import SlaOrderIncomplete
from core_api.modules.sla.models import (
    SlaCalendar,
    SlaCalendarRevision,
    SlaPolicy,
    SlaPolicyRevision,
    SlaRecomputation,
)
from core_api.modules.sla.repository import CalendarRows, PolicyRows
from core_api.modules.sla.schemas import CalendarCreate, PolicyCreate
from shared_schemas.actor import Actor
from shared_schemas.ids import new_id

_PARTS: Final = frozenset(CalendarDefinition.model_fields)
_UNREVISED: Final = frozenset({"name", "position"})
"""What may change without any due time becoming another one."""
_TARGETS: Final = MappingProxyType(
    {f"{metric.value}_minutes": f"{metric.value}_seconds" for metric in Metric}
)
_SAID: Final = (
    "is_default",
    "calendar_id",
    "measure",
    "priorities",
    "category_ids",
    "client_tags",
    *_TARGETS.values(),
    "pauses_in",
)
"""What a revision of a policy keeps."""


class CalendarService:
    """The commands on calendars, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.calendars = CalendarRows(tx, actor.organization_id)

    async def create(self, given: CalendarCreate) -> SlaCalendar:
        """A new calendar. Nothing counts on it yet."""
        now = utc_now()
        parts = given.model_dump(mode="json")
        calendar = SlaCalendar(
            id=new_id(),
            organization_id=self.actor.organization_id,
            name=parts.pop("name"),
            definition=frozen(CalendarDefinition.model_validate(parts), now.year),
            revision=1,
            revised_at=now,
        )
        self.tx.add(calendar)
        await self.tx.flush()  # the revision refers to it
        self._keep(calendar)
        await self._record("sla_calendar.created", calendar, made({"name": given.name, **parts}))
        return calendar

    async def change(
        self, calendar_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> SlaCalendar:
        """Applies a whole PATCH or nothing. Working time is another one from now on, not before."""
        calendar = await self.calendars.get_for_update(calendar_id)
        check_version(calendar.version, seen_version)
        before = {name: calendar.definition[name] for name in _PARTS}
        after = _merged(before, {name: values[name] for name in values.keys() & _PARTS})
        changes = calendar.change({name: values[name] for name in values.keys() - _PARTS})
        revised = {
            name: Change(before[name], after[name])
            for name in _PARTS
            if before[name] != after[name]
        }
        if revised:
            now = utc_now()
            definition = frozen(CalendarDefinition.model_validate(after), now.year)
            calendar.change(
                {"definition": definition, "revision": calendar.revision + 1, "revised_at": now}
            )
            self._keep(calendar)
            if await self.calendars.is_used(calendar_id):
                recompute(self.tx, self.actor, "sla_calendar.updated", calendar_id, now)
        if changes or revised:
            await self._record("sla_calendar.updated", calendar, Changes(changes | revised))
        return calendar

    async def delete(self, calendar_id: UUID, seen_version: int | None) -> None:
        """Takes away a calendar that no policy counts on. Ledgers keep its revisions."""
        calendar = await self.calendars.get_for_update(calendar_id)
        check_version(calendar.version, seen_version)
        await self.calendars.require_unused(calendar_id)
        changes = calendar.change({"deleted_at": utc_now()})
        await self._record("sla_calendar.deleted", calendar, changes)

    def _keep(self, calendar: SlaCalendar) -> None:
        self.tx.add(
            SlaCalendarRevision(
                organization_id=calendar.organization_id,
                calendar_id=calendar.id,
                revision=calendar.revision,
                definition=calendar.definition,
                created_by=self.actor.user_id,
                created_at=calendar.revised_at,
            )
        )

    async def _record(self, action: str, calendar: SlaCalendar, changes: Changes) -> None:
        await audit.record(self.tx, self.actor, action, calendar.id, changes=changes)
        await self.tx.flush()


class PolicyService:
    """The commands on policies, in the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.calendars = CalendarRows(tx, actor.organization_id)
        self.policies = PolicyRows(tx, actor.organization_id)

    async def create(self, given: PolicyCreate) -> SlaPolicy:
        """A new policy, the last to be asked. Open tickets follow soon."""
        values = given.model_dump()
        await self._require(values)
        now = utc_now()
        policy = SlaPolicy(
            id=new_id(),
            organization_id=self.actor.organization_id,
            position=await self.policies.last_position() + 1,
            revision=1,
            revised_at=now,
            **_columns(values),
        )
        self.tx.add(policy)
        await self.tx.flush()  # the revision refers to it
        self._keep(policy)
        recompute(self.tx, self.actor, "sla_policy.created", policy.id, now)
        await self._record("sla_policy.created", policy, made(values))
        return policy

    async def change(
        self, policy_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> SlaPolicy:
        """Applies a whole PATCH or nothing. What it says holds from now on, not before."""
        policy = await self.policies.get_for_update(policy_id)
        check_version(policy.version, seen_version)
        _consistent(policy, values)
        await self._require(values)
        changes = policy.change(_columns(values))
        if changes.keys() - _UNREVISED:
            now = utc_now()
            policy.change({"revision": policy.revision + 1, "revised_at": now})
            self._keep(policy)
            recompute(self.tx, self.actor, "sla_policy.updated", policy_id, now)
        if changes:
            await self._record("sla_policy.updated", policy, changes)
        return policy

    async def reorder(self, policy_ids: list[UUID]) -> None:
        """Another order of asking."""
        policies = {policy.id: policy for policy in await self.policies.all_for_update()}
        if sorted(policy_ids) != sorted(policies):
            raise SlaOrderIncomplete
        moved = False
        for position, policy_id in enumerate(policy_ids, start=1):
            changes = policies[policy_id].change({"position": position})
            if changes:
                moved = True
                await self._record("sla_policy.moved", policies[policy_id], changes)
        if moved:
            recompute(self.tx, self.actor, "sla_policy.moved", policy_ids[0], utc_now())
            await self.tx.flush()

    async def delete(self, policy_id: UUID, seen_version: int | None) -> None:
        """Takes a policy out of force. What was measured by it stays."""
        policy = await self.policies.get_for_update(policy_id)
        check_version(policy.version, seen_version)
        now = utc_now()
        changes = policy.change({"deleted_at": now})
        recompute(self.tx, self.actor, "sla_policy.deleted", policy_id, now)
        await self._record("sla_policy.deleted", policy, changes)

    async def _require(self, values: Mapping[str, Any]) -> None:
        if values.get("calendar_id") is not None:
            await self.calendars.require(values["calendar_id"])
        wanted = set(values.get("category_ids") or ())
        if wanted - (await ids_above(self.tx, self.actor.organization_id, wanted)).keys():
            raise InvalidInput.on("body.category_ids", "Há uma categoria que não existe.")

    def _keep(self, policy: SlaPolicy) -> None:
        content = {name: getattr(policy, name) for name in ("name", *_SAID)}
        self.tx.add(
            SlaPolicyRevision(
                organization_id=policy.organization_id,
                policy_id=policy.id,
                revision=policy.revision,
                content=json.loads(json.dumps(content, default=str)),
                created_by=self.actor.user_id,
                created_at=policy.revised_at,
            )
        )

    async def _record(self, action: str, policy: SlaPolicy, changes: Changes) -> None:
        await audit.record(self.tx, self.actor, action, policy.id, changes=changes)
        await self.tx.flush()


def recompute(tx: AsyncSession, actor: Actor, cause: str, subject_id: UUID, at: datetime) -> None:
    """Has the open tickets follow what is in force since `at`, batch after batch."""
    tx.add(
        SlaRecomputation(
            id=new_id(),
            organization_id=actor.organization_id,
            cause=cause,
            subject_id=subject_id,
            requested_by=actor.user_id,
            requested_at=at,
            tickets=0,
        )
    )


def _columns(values: Mapping[str, Any]) -> dict[str, Any]:
    """Minutes become seconds."""
    return {
        _TARGETS.get(name, name): value * 60 if name in _TARGETS and value is not None else value
        for name, value in values.items()
    }


def _merged(before: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The definition after a PATCH, as it is stored; InvalidInput when it makes no sense."""
    given = {name: _plain(value) for name, value in values.items()}
    try:
        return CalendarDefinition.model_validate(before | given).model_dump(mode="json")
    except ValidationError as error:
        raise _invalid(error) from None


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.model_dump(mode="json") if hasattr(value, "model_dump") else value


def _consistent(policy: SlaPolicy, values: dict[str, Any]) -> None:
    """InvalidInput when the policy would make no sense after the PATCH."""
    now = {name: getattr(policy, name) for name in PolicyCreate.model_fields}
    try:
        PolicyCreate.model_validate(now | values)
    except ValidationError as error:
        raise _invalid(error) from None


def _invalid(error: ValidationError) -> InvalidInput:
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in ("body", *first["loc"]))
    return InvalidInput.on(field, first["msg"].removeprefix("Value error, "))
