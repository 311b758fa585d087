"""How each type of request is counted and checked: by default, and as an organization has it."""

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.etag import check_version
from core_api.modules.audit import service as audit
from core_api.modules.privacy.exceptions import PolicyAgainstLaw
from core_api.modules.privacy.kinds import (
    AnswerForm,
    DeadlineUnit,
    IdentityLevel,
    RequestType,
)
from core_api.modules.privacy.models import PrivacyPolicy, PrivacySettings
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id

_BY_LAW: Final = 15
"""Days for the complete declaration (LGPD Art. 19 II): calendar days, nobody may take longer."""
_LITERAL: Final = frozenset({RequestType.CONFIRMATION, RequestType.ACCESS})
ANSWERED_IN_FORMS: Final = _LITERAL


@dataclass(frozen=True, kw_only=True)
class Policy:
    """How requests of one type are counted and checked."""

    type: RequestType
    days: int
    unit: DeadlineUnit
    extension_days: int
    identity_required: IdentityLevel
    warning_days: tuple[int, ...]
    doubled: bool = False
    version: int = 1

    def for_form(self, form: AnswerForm | None, *, small_agent: bool) -> "Policy":
        """As it holds for one request."""
        policy = self
        if form is AnswerForm.SIMPLIFIED:  # LGPD Art. 19 I; Res. CD/ANPD 2/2022, art. 15
            policy = replace(
                policy,
                days=_BY_LAW if small_agent else 0,
                unit=DeadlineUnit.CALENDAR_DAYS if small_agent else DeadlineUnit.AT_ONCE,
            )
        elif small_agent:  # Res. CD/ANPD 2/2022, art. 14
            policy = replace(policy, days=2 * policy.days, doubled=policy.days > 0)
        return policy


def _policy(
    type_: RequestType,
    days: int,
    unit: DeadlineUnit,
    identity: IdentityLevel,
    extension_days: int = 15,
) -> Policy:
    return Policy(
        type=type_,
        days=days,
        unit=unit,
        extension_days=extension_days,
        identity_required=identity,
        warning_days=(5, 2) if days > 5 else (1,) if days else (),
    )


_CALENDAR, _BUSINESS = DeadlineUnit.CALENDAR_DAYS, DeadlineUnit.BUSINESS_DAYS
_BASIC, _STRONG = IdentityLevel.BASIC, IdentityLevel.STRONG

DEFAULTS: Final = MappingProxyType(
    {
        policy.type: policy
        for policy in (
            _policy(RequestType.CONFIRMATION, _BY_LAW, _CALENDAR, _BASIC, extension_days=0),
            _policy(RequestType.ACCESS, _BY_LAW, _CALENDAR, _STRONG, extension_days=0),
            _policy(RequestType.CORRECTION, 10, _BUSINESS, _BASIC),
            _policy(RequestType.ANONYMIZATION, 15, _CALENDAR, _STRONG),
            _policy(RequestType.BLOCKING, 2, _BUSINESS, _BASIC, extension_days=5),
            _policy(RequestType.ERASURE, 15, _CALENDAR, _STRONG),
            _policy(RequestType.PORTABILITY, 15, _CALENDAR, _STRONG),
            _policy(RequestType.SHARING, 15, _CALENDAR, _BASIC),
            _policy(RequestType.CONSENT_CONSEQUENCES, 15, _CALENDAR, IdentityLevel.NONE),
            _policy(RequestType.REVOCATION, 0, DeadlineUnit.AT_ONCE, _BASIC, extension_days=0),
            _policy(RequestType.OPPOSITION, 10, _BUSINESS, _BASIC),
        )
    }
)
"""What holds until an organization says otherwise."""


async def settings_of(session: AsyncSession, organization_id: OrganizationId) -> PrivacySettings:
    """The organization's settings; as they are from the start while nobody has changed them."""
    statement = sa.select(PrivacySettings).where(PrivacySettings.organization_id == organization_id)
    return (await session.scalars(statement)).one_or_none() or PrivacySettings(
        **_settings_from_the_start(organization_id)
    )


async def policies_of(session: AsyncSession, organization_id: OrganizationId) -> list[Policy]:
    """How every type is counted, in the order of the law."""
    statement = sa.select(PrivacyPolicy).where(PrivacyPolicy.organization_id == organization_id)
    own = {row.type: _read(row) for row in await session.scalars(statement)}
    return [own.get(type_, DEFAULTS[type_]) for type_ in RequestType]


async def policy_of(
    session: AsyncSession, organization_id: OrganizationId, type_: RequestType
) -> Policy:
    """How one type is counted."""
    statement = sa.select(PrivacyPolicy).where(
        PrivacyPolicy.organization_id == organization_id, PrivacyPolicy.type == type_
    )
    row = (await session.scalars(statement)).one_or_none()
    return DEFAULTS[type_] if row is None else _read(row)


class PolicyService:
    """The commands on policies and settings. Requests that are open keep what they came in with."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor

    async def change_settings(
        self, values: dict[str, Any], seen_version: int | None
    ) -> PrivacySettings:
        """Applies a whole PATCH or nothing."""
        organization_id = self.actor.organization_id
        first = insert(PrivacySettings).values(**_settings_from_the_start(organization_id))
        await self.tx.execute(first.on_conflict_do_nothing())
        mine = sa.select(PrivacySettings).where(PrivacySettings.organization_id == organization_id)
        settings = (await self.tx.scalars(mine.with_for_update())).one()
        check_version(settings.version, seen_version)
        if changes := settings.change(values):
            await audit.record(
                self.tx, self.actor, "privacy_settings.updated", settings.id, changes=changes
            )
            await self.tx.flush()
        return settings

    async def put(
        self, type_: RequestType, values: dict[str, Any], seen_version: int | None
    ) -> Policy:
        """The whole policy of one type; PolicyAgainstLaw."""
        if type_ in _LITERAL:
            _require_literal(values)
        organization_id = self.actor.organization_id
        first = insert(PrivacyPolicy).values(**_from_default(organization_id, type_))
        await self.tx.execute(first.on_conflict_do_nothing())
        mine = sa.select(PrivacyPolicy).where(
            PrivacyPolicy.organization_id == organization_id, PrivacyPolicy.type == type_
        )
        policy = (await self.tx.scalars(mine.with_for_update())).one()
        check_version(policy.version, seen_version)
        if changes := policy.change(values):
            await audit.record(
                self.tx, self.actor, "privacy_policy.updated", policy.id, changes=changes
            )
            await self.tx.flush()
        return _read(policy)


def _require_literal(values: dict[str, Any]) -> None:
    """LGPD Art. 19: faster is allowed, slower, other days or an extension are not."""
    legal = values["unit"] is not DeadlineUnit.BUSINESS_DAYS and values["days"] <= _BY_LAW
    if not legal or values["extension_days"]:
        raise PolicyAgainstLaw(days=_BY_LAW)


def _read(row: PrivacyPolicy) -> Policy:
    return Policy(
        type=row.type,
        days=row.days,
        unit=row.unit,
        extension_days=row.extension_days,
        identity_required=row.identity_required,
        warning_days=tuple(row.warning_days),
        version=row.version,
    )


def _from_default(organization_id: OrganizationId, type_: RequestType) -> dict[str, Any]:
    default = DEFAULTS[type_]
    return {
        "id": new_id(),
        "organization_id": organization_id,
        "type": type_,
        "days": default.days,
        "unit": default.unit,
        "extension_days": default.extension_days,
        "identity_required": default.identity_required,
        "warning_days": list(default.warning_days),
        "version": 1,
    }


def _settings_from_the_start(organization_id: OrganizationId) -> dict[str, Any]:
    return {
        "id": new_id(),
        "organization_id": organization_id,
        "is_small_agent": False,
        "version": 1,
    }
