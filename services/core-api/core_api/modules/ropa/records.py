"""The record of processing activities, made from the registry of purposes (LGPD Art. 37)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.business_days import today
from core_api.modules.consents.reading import all_purposes
from core_api.modules.officers.service import Responsible, responsible_of
from core_api.modules.ropa.models import ImpactAssessment
from core_api.modules.ropa.schemas import ProcessingRecord, ProcessingRecords
from core_api.modules.transfers.service import InternationalTransfer, registered_transfers
from core_api.privacy_wording import (
    SAFEGUARDS,
    day,
    legal_basis,
    recipient,
    retention,
    transfer,
)
from shared_schemas.ids import OrganizationId

_NOBODY = "Não informado"


async def processing_records(
    session: AsyncSession, organization_id: OrganizationId, *, archived: bool = False
) -> ProcessingRecords:
    """Every activity, by the code of its purpose. A fixed number of statements."""
    responsible = await responsible_of(session, organization_id)
    transfers = await registered_transfers(session, organization_id)
    assessed = await assessments_of(session, organization_id)
    purposes = await all_purposes(session, organization_id, archived=archived)
    return ProcessingRecords(
        controller=responsible.controller or _NOBODY,
        officer=responsible.contact or _NOBODY,
        is_small_agent=responsible.is_small_agent,
        generated_at=utc_now(),
        records=[
            record_of(purpose, responsible, transfers, assessed.get(purpose.id))
            for purpose in purposes
        ],
    )


async def assessments_of(
    session: AsyncSession, organization_id: OrganizationId
) -> Mapping[UUID, ImpactAssessment]:
    """By purpose."""
    statement = sa.select(ImpactAssessment).where(
        ImpactAssessment.organization_id == organization_id
    )
    return {each.purpose_id: each for each in await session.scalars(statement)}


def record_of(
    purpose: Any,
    responsible: Responsible,
    transfers: Sequence[InternationalTransfer],
    assessment: ImpactAssessment | None,
) -> ProcessingRecord:
    """One line, of a row of the registry."""
    abroad = [*(transfer(each) for each in purpose.transfers), *_abroad(purpose.code, transfers)]
    measures = responsible.profile.security_measures if responsible.profile else None
    return ProcessingRecord(
        purpose_code=purpose.code,
        purpose=purpose.name,
        description=purpose.description,
        legal_basis=legal_basis(purpose.legal_basis, purpose.articles),
        data_categories=purpose.data_categories,
        subject_categories=purpose.subject_categories,
        retention=retention(purpose),
        recipients=[recipient(each) for each in purpose.recipients],
        transfers=abroad,
        security_measures=measures or _NOBODY,
        assistant_may_use=purpose.assistant_may_use,
        notice_version=purpose.notice_version,
        impact_assessment=_assessed(assessment),
        registered_on=today(purpose.created_at),
        updated_at=purpose.updated_at,
        missing=_missing(purpose, responsible),
    )


def _abroad(code: str, transfers: Sequence[InternationalTransfer]) -> list[str]:
    """What the register of transfers knows besides what the purpose says itself."""
    return [
        f"{each.importer_name} ({each.country}): {SAFEGUARDS[each.mechanism.value]}"
        for each in transfers
        if code in each.purpose_codes
    ]


def _assessed(assessment: ImpactAssessment | None) -> str:
    if assessment is None:
        return "Não realizada"
    return f"Concluída em {day(assessment.assessed_on)}"


def _missing(purpose: Any, responsible: Responsible) -> list[str]:
    told = {
        "categorias de dados": purpose.data_categories,
        "categorias de titulares": purpose.subject_categories,
        "prazo de guarda": purpose.retention_days,
        "controlador": responsible.profile,
        "encarregado ou canal de comunicação": responsible.contact,
        "medidas de segurança": responsible.profile and responsible.profile.security_measures,
    }
    return [name for name, value in told.items() if not value]
