"""Purposes, notices and consents of one organization in the database."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from chassis.web.pagination import CursorPage
from core_api.keyset import Keyset
from core_api.modules.consents.exceptions import ConsentNotFound, PurposeNotFound
from core_api.modules.consents.models import (
    NOBODY,
    Consent,
    ConsentNotice,
    ConsentPurpose,
    ConsentRevocation,
    ConsentStatus,
    Decision,
    EndKind,
    LegalBasis,
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

_EXPIRED: Final = sa.and_(Consent.expires_at.is_not(None), Consent.expires_at <= sa.func.now())
_STATUS: Final = sa.case(
    (ConsentRevocation.id.is_not(None), sa.cast(ConsentRevocation.kind, sa.Text())),
    # At its time, not with the sweep that enters it.
    (sa.and_(Consent.decision == Decision.GRANTED, _EXPIRED), ConsentStatus.EXPIRED.value),
    else_=sa.cast(Consent.decision, sa.Text()),
)
_LATER: Final = aliased(Consent)
_OTHER: Final = aliased(Consent)
_THEIR_END: Final = aliased(ConsentRevocation)
_RENEWAL_DUE: Final = sa.and_(
    Consent.decision == Decision.GRANTED,
    ConsentRevocation.id.is_(None),
    sa.not_(_EXPIRED),
    Consent.notice_version < ConsentPurpose.material_version,
    ~sa.exists().where(
        _LATER.organization_id == Consent.organization_id,
        _LATER.client_id == Consent.client_id,
        _LATER.purpose_id == Consent.purpose_id,
        sa.tuple_(_LATER.decided_at, _LATER.id) > sa.tuple_(Consent.decided_at, Consent.id),
    ),
)


@dataclass(frozen=True, kw_only=True)
class ConsentFilter:
    """Which decisions; None means any."""

    status: ConsentStatus | None = None
    renewal_due: bool | None = None
    purpose_code: str | None = None


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

    async def list(self, page: CursorPage, *, archived: bool | None) -> Sequence[sa.Row[Any]]:
        """A page, by code; None means archived ones too."""
        statement = self._with_notice()
        if archived is not None:
            statement = statement.where(
                ConsentPurpose.archived_at.is_not(None)
                if archived
                else ConsentPurpose.archived_at.is_(None)
            )
        statement = PURPOSE_ORDER.page(statement, page)
        rows: Sequence[sa.Row[Any]] = (await self._session.execute(statement)).all()
        return rows

    async def asked_of_clients(self) -> Sequence[sa.Row[Any]]:
        """Those that rest on consent and are in use, by name, with their current notices."""
        statement = self._with_notice().where(
            ConsentPurpose.legal_basis == LegalBasis.CONSENT, ConsentPurpose.archived_at.is_(None)
        )
        ordered = statement.order_by(ConsentPurpose.name, ConsentPurpose.id)
        rows: Sequence[sa.Row[Any]] = (await self._session.execute(ordered)).all()
        return rows

    async def all(self, *, archived: bool = False) -> Sequence[sa.Row[Any]]:
        """Every purpose in use, with archived ones if asked for, by code. For whole records."""
        statement = self._with_notice().order_by(ConsentPurpose.code)
        if not archived:
            statement = statement.where(ConsentPurpose.archived_at.is_(None))
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

    async def list(
        self, family: Sequence[UUID], wanted: ConsentFilter, page: CursorPage
    ) -> Sequence[sa.Row[Any]]:
        """A page of the receipts of a client and those merged into it, latest decision first."""
        statement = self._standing().where(Consent.client_id.in_(family))
        if wanted.status is not None:
            statement = statement.where(_STATUS.in_([wanted.status.value]))
        if wanted.renewal_due is not None:
            due = _RENEWAL_DUE if wanted.renewal_due else sa.not_(_RENEWAL_DUE)
            statement = statement.where(due)
        if wanted.purpose_code is not None:
            statement = statement.where(ConsentPurpose.code == wanted.purpose_code)
        rows: Sequence[sa.Row[Any]] = (
            await self._session.execute(CONSENT_ORDER.page(statement, page))
        ).all()
        return rows

    async def to_renew(self, purpose_id: UUID, page: CursorPage) -> Sequence[sa.Row[Any]]:
        """A page of the consents that stand on a notice changed materially since."""
        statement = self._standing().where(Consent.purpose_id == purpose_id, _RENEWAL_DUE)
        rows: Sequence[sa.Row[Any]] = (
            await self._session.execute(CONSENT_ORDER.page(statement, page))
        ).all()
        return rows

    async def latest(self, family: Sequence[UUID]) -> Sequence[sa.Row[Any]]:
        """What counts today: the latest decision about each purpose."""
        newest = (
            sa.select(Consent.id)
            .ext(distinct_on(Consent.purpose_id))
            .where(Consent.organization_id == self._organization_id, Consent.client_id.in_(family))
            .order_by(Consent.purpose_id, Consent.decided_at.desc(), Consent.id.desc())
        )
        statement = self._standing().where(Consent.id.in_(newest.scalar_subquery()))
        rows: Sequence[sa.Row[Any]] = (await self._session.execute(statement)).all()
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
                sa.not_(_EXPIRED),
            )
            .order_by(Consent.id)
        )
        return (await self._session.scalars(statement)).all()

    async def one_at_a_time(self, family: Sequence[UUID]) -> None:
        """Who decides for a client, or revokes, waits for the others: none overlooks another."""
        name = f"consents:{self._organization_id}:{min(family)}"
        lock = sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(name, 0))
        await self._session.execute(sa.select(lock))

    async def revoked_since(
        self, family: Sequence[UUID], purpose_id: UUID, moment: datetime
    ) -> datetime | None:
        """When a client, or one merged into them, last revoked what the purpose rests on, unless
        that was before the moment."""
        statement = (
            sa.select(sa.func.max(ConsentRevocation.revoked_at))
            .join(Consent, _revocation_of_consent())
            .where(
                Consent.organization_id == self._organization_id,
                Consent.client_id.in_(family),
                Consent.purpose_id == purpose_id,
                ConsentRevocation.kind == EndKind.REVOKED,
                ConsentRevocation.revoked_at > moment,
            )
        )
        revoked_at: datetime | None = await self._session.scalar(statement)
        return revoked_at

    async def overtaken(self, family: Sequence[UUID]) -> Sequence[tuple[Consent, str]]:
        """What stands although one of the family revoked the purpose after it, with its code."""
        later = sa.exists().where(
            _OTHER.organization_id == Consent.organization_id,
            _OTHER.client_id.in_(family),
            _OTHER.purpose_id == Consent.purpose_id,
            _THEIR_END.organization_id == _OTHER.organization_id,
            _THEIR_END.consent_id == _OTHER.id,
            _THEIR_END.kind == EndKind.REVOKED,
            _THEIR_END.revoked_at > Consent.decided_at,
        )
        return await self._standing_with_codes(family, later)

    async def all_granted_and_standing(
        self, family: Sequence[UUID], purpose_code: str | None
    ) -> Sequence[tuple[Consent, str]]:
        """The same for every purpose, or the one that is named, each with its purpose's code."""
        named = sa.true() if purpose_code is None else ConsentPurpose.code == purpose_code
        return await self._standing_with_codes(family, named)

    async def _standing_with_codes(
        self, family: Sequence[UUID], wanted: sa.ColumnElement[bool]
    ) -> Sequence[tuple[Consent, str]]:
        statement = (
            sa.select(Consent, ConsentPurpose.code)
            .join(ConsentPurpose, _purpose_of_consent())
            .outerjoin(ConsentRevocation, _revocation_of_consent())
            .where(
                Consent.organization_id == self._organization_id,
                Consent.client_id.in_(family),
                Consent.decision == Decision.GRANTED,
                ConsentRevocation.id.is_(None),
                sa.not_(_EXPIRED),
                wanted,
            )
            .order_by(Consent.id)
        )
        return [(row[0], row[1]) for row in (await self._session.execute(statement)).all()]

    def _standing(self) -> sa.Select[Any]:
        return standing_consents(self._organization_id)


def standing_consents(organization_id: OrganizationId) -> sa.Select[Any]:
    """Receipts as they stand today."""
    return (
        sa.select(
            *(column for column in Consent.__table__.c if column.name != "recorded_by"),
            sa.func.nullif(Consent.recorded_by, NOBODY).label("recorded_by"),
            ConsentPurpose.code.label("purpose_code"),
            _STATUS.label("status"),
            _RENEWAL_DUE.label("renewal_due"),
            ConsentRevocation.revoked_at,
            ConsentRevocation.reason.label("revocation_reason"),
            sa.func.nullif(ConsentRevocation.recorded_by, NOBODY).label("revocation_recorded_by"),
        )
        .select_from(Consent)
        .join(ConsentPurpose, _purpose_of_consent())
        .outerjoin(ConsentRevocation, _revocation_of_consent())
        .where(Consent.organization_id == organization_id)
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
