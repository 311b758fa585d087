"""Purposes, notices and consents of one organization in the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.consents.exceptions import ConsentNotFound, PurposeNotFound
from core_api.modules.consents.models import (
    Consent,
    ConsentNotice,
    ConsentPurpose,
    ConsentRevocation,
    ConsentStatus,
    Decision,
)
from shared_schemas.ids import OrganizationId

PURPOSE_ORDER: Final = Keyset(
    name="code", column=ConsentPurpose.code, id=ConsentPurpose.id, parse=str
)
NOTICE_ORDER: Final = Keyset(
    name="-version", column=ConsentNotice.version, id=ConsentNotice.id, parse=int
)
CONSENT_ORDER: Final = Keyset(
    name="-decided_at", column=Consent.decided_at, id=Consent.id, parse=datetime.fromisoformat
)

_STATUS: Final = sa.case(
    (ConsentRevocation.id.is_not(None), sa.literal(ConsentStatus.REVOKED.value)),
    else_=sa.cast(Consent.decision, sa.Text()),
)


class Purposes:
    """The purposes of one organization, with their notices."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, code: str) -> sa.Row[Any]:
        """The purpose with its current notice, or PurposeNotFound."""
        statement = self._with_notice().where(ConsentPurpose.code == code)
        row: sa.Row[Any] | None = (await self._session.execute(statement)).one_or_none()
        if row is None:
            raise PurposeNotFound
        return row

    async def get_for_update(self, code: str) -> ConsentPurpose:
        """The purpose, locked until the end of the transaction, or PurposeNotFound."""
        statement = sa.select(ConsentPurpose).where(self._mine(), ConsentPurpose.code == code)
        purpose = (await self._session.scalars(statement.with_for_update())).one_or_none()
        if purpose is None:
            raise PurposeNotFound
        return purpose

    async def list(self, page: CursorPage) -> Sequence[sa.Row[Any]]:
        """A page, by code."""
        statement = PURPOSE_ORDER.page(self._with_notice(), page)
        rows: Sequence[sa.Row[Any]] = (await self._session.execute(statement)).all()
        return rows

    async def find_notice(self, code: str, version: int) -> ConsentNotice | None:
        """One version of a purpose's notice."""
        statement = (
            sa.select(ConsentNotice)
            .join(ConsentPurpose, _notice_of_purpose())
            .where(self._mine(), ConsentPurpose.code == code, ConsentNotice.version == version)
        )
        return (await self._session.scalars(statement)).one_or_none()

    async def list_notices(self, code: str, page: CursorPage) -> Sequence[ConsentNotice]:
        """A page of a purpose's notices, newest first, or PurposeNotFound."""
        purpose = await self.get(code)
        statement = sa.select(ConsentNotice).where(
            ConsentNotice.organization_id == self._organization_id,
            ConsentNotice.purpose_id == purpose.id,
        )
        return (await self._session.scalars(NOTICE_ORDER.page(statement, page))).all()

    def _with_notice(self) -> sa.Select[Any]:
        current = sa.and_(
            _notice_of_purpose(), ConsentNotice.version == ConsentPurpose.notice_version
        )
        return (
            sa.select(
                *ConsentPurpose.__table__.c,
                ConsentNotice.sha256.label("notice_sha256"),
                ConsentNotice.text.label("notice_text"),
                ConsentNotice.locale,
            )
            .select_from(ConsentPurpose)
            .join(ConsentNotice, current)
            .where(self._mine())
        )

    def _mine(self) -> sa.ColumnElement[bool]:
        return ConsentPurpose.organization_id == self._organization_id


class Consents:
    """The consents of one organization's clients."""

    def __init__(self, session: AsyncSession, organization_id: OrganizationId) -> None:
        self._session = session
        self._organization_id = organization_id

    async def get(self, consent_id: UUID) -> sa.Row[Any]:
        """The receipt as it stands, or ConsentNotFound."""
        statement = self._standing().where(Consent.id == consent_id)
        row: sa.Row[Any] | None = (await self._session.execute(statement)).one_or_none()
        if row is None:
            raise ConsentNotFound
        return row

    async def list(self, family: Sequence[UUID], page: CursorPage) -> Sequence[sa.Row[Any]]:
        """A page of the receipts of a client and those merged into it, latest decision first."""
        statement = self._standing().where(Consent.client_id.in_(family))
        rows: Sequence[sa.Row[Any]] = (
            await self._session.execute(CONSENT_ORDER.page(statement, page))
        ).all()
        return rows

    async def granted_and_standing(
        self, family: Sequence[UUID], purpose_id: UUID
    ) -> Sequence[Consent]:
        """What a client and those merged into it consented to, for the purpose, and not revoked."""
        statement = (
            sa.select(Consent)
            .outerjoin(ConsentRevocation, _revocation_of_consent())
            .where(
                Consent.organization_id == self._organization_id,
                Consent.client_id.in_(family),
                Consent.purpose_id == purpose_id,
                Consent.decision == Decision.GRANTED,
                ConsentRevocation.id.is_(None),
            )
            .order_by(Consent.id)
        )
        return (await self._session.scalars(statement)).all()

    def _standing(self) -> sa.Select[Any]:
        return (
            sa.select(
                *Consent.__table__.c,
                ConsentPurpose.code.label("purpose_code"),
                _STATUS.label("status"),
                ConsentRevocation.revoked_at,
                ConsentRevocation.reason.label("revocation_reason"),
                ConsentRevocation.recorded_by.label("revocation_recorded_by"),
            )
            .select_from(Consent)
            .join(ConsentPurpose, _purpose_of_consent())
            .outerjoin(ConsentRevocation, _revocation_of_consent())
            .where(Consent.organization_id == self._organization_id)
        )


def _notice_of_purpose() -> sa.ColumnElement[bool]:
    return sa.and_(
        ConsentNotice.organization_id == ConsentPurpose.organization_id,
        ConsentNotice.purpose_id == ConsentPurpose.id,
    )


def _purpose_of_consent() -> sa.ColumnElement[bool]:
    return sa.and_(
        ConsentPurpose.organization_id == Consent.organization_id,
        ConsentPurpose.id == Consent.purpose_id,
    )


def _revocation_of_consent() -> sa.ColumnElement[bool]:
    return sa.and_(
        ConsentRevocation.organization_id == Consent.organization_id,
        ConsentRevocation.consent_id == Consent.id,
    )
