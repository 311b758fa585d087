"""Purposes as the person whose data they use is told of them: in plain Portuguese, with what that
person decided (LGPD Art. 9, Art. 18 VII and VIII)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.consents.models import (
    ConsentNotice,
    ConsentPurpose,
    ConsentStatus,
    LegalBasis,
)
from core_api.modules.consents.repository import Consents
from core_api.modules.consents.subject_sections import STATUS_NAMES
from core_api.privacy_wording import legal_basis, retention
from shared_schemas.ids import OrganizationId

ROLE_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "operator": "operador (trata os dados em nosso nome)",
        "controller": "controlador (decide sobre os dados que recebe)",
        "public_body": "órgão público",
    }
)
_LOCAL: Final = ZoneInfo("America/Sao_Paulo")


@dataclass(frozen=True, kw_only=True)
class ToldPurpose:
    """One purpose, and how it concerns this person."""

    id: UUID
    code: str
    name: str
    description: str
    legal_basis: LegalBasis
    articles: Sequence[str]
    data_categories: Sequence[str]
    retention: str
    recipients: Sequence[Mapping[str, Any]]
    transfers: Sequence[Mapping[str, Any]]
    assistant_may_use: bool
    archived_at: datetime | None
    notice_text: str
    status: ConsentStatus | None
    """Of the person's latest decision; none where nothing was decided."""
    decision: str
    """The same in words."""

    @property
    def basis(self) -> str:
        """In words, with the articles of the law."""
        return legal_basis(self.legal_basis, self.articles)

    @property
    def uses_data(self) -> bool:
        """Whether it may use, or has been allowed to use, this person's data."""
        if self.legal_basis is LegalBasis.CONSENT:
            return self.status not in (None, ConsentStatus.REFUSED)
        return self.archived_at is None


async def told_purposes(
    session: AsyncSession, organization_id: OrganizationId, family: Sequence[UUID]
) -> list[ToldPurpose]:
    """Every purpose of the organization, by name: those in use, and those this person decided
    about. Two statements."""
    decided = {
        row.purpose_id: row for row in await Consents(session, organization_id).latest(family)
    }
    current = sa.and_(
        ConsentNotice.organization_id == ConsentPurpose.organization_id,
        ConsentNotice.purpose_id == ConsentPurpose.id,
        ConsentNotice.version == ConsentPurpose.notice_version,
    )
    statement = (
        sa.select(*ConsentPurpose.__table__.c, ConsentNotice.text.label("notice_text"))
        .select_from(ConsentPurpose)
        .join(ConsentNotice, current)
        .where(ConsentPurpose.organization_id == organization_id)
        .order_by(ConsentPurpose.name, ConsentPurpose.id)
    )
    rows = (await session.execute(statement)).all()
    return [
        _told(row, decided.get(row.id))
        for row in rows
        if row.archived_at is None or row.id in decided
    ]


def _told(row: Any, decided: Any | None) -> ToldPurpose:
    status = None if decided is None else ConsentStatus(decided.status)
    return ToldPurpose(
        id=row.id,
        code=row.code,
        name=row.name,
        description=row.description,
        legal_basis=row.legal_basis,
        articles=row.articles,
        data_categories=row.data_categories,
        retention=retention(row),
        recipients=row.recipients,
        transfers=row.transfers,
        assistant_may_use=row.assistant_may_use,
        archived_at=row.archived_at,
        notice_text=row.notice_text,
        status=status,
        decision=_decision(row.legal_basis, decided, status),
    )


def _decision(basis: LegalBasis, decided: Any | None, status: ConsentStatus | None) -> str:
    if basis is not LegalBasis.CONSENT:
        return "Não depende de autorização sua."
    if decided is None or status is None:
        return "Você ainda não decidiu; sem a sua autorização, este uso não acontece."
    ended = decided.revoked_at or (
        decided.expires_at if status is ConsentStatus.EXPIRED else decided.decided_at
    )
    date = ended.astimezone(_LOCAL).strftime("%d/%m/%Y")
    renewal = " O texto mudou depois; decida de novo." if decided.renewal_due else ""
    return f"Situação: {STATUS_NAMES[status]} em {date}.{renewal}"
