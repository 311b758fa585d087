"""The public privacy notice: controller, encarregado, purposes, transfers, rights (LGPD Art. 9,
Art. 41 § 1, Res. CD/ANPD 19/2024, art. 17)."""

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.consents.reading import all_purposes
from core_api.modules.officers.exceptions import NoticeLinkInvalid
from core_api.modules.officers.models import PrivacyOfficer
from core_api.modules.officers.schemas import (
    PublicNotice,
    PublicOfficer,
    PublicPurpose,
    PublicTransfer,
)
from core_api.modules.officers.service import Responsible, responsible_of
from core_api.modules.transfers.service import InternationalTransfer, transfers_in_force
from core_api.privacy_wording import RIGHTS, SAFEGUARDS, legal_basis, recipient, retention, transfer
from shared_schemas.ids import OrganizationId

_NAMED: Final = "Fale com o encarregado para exercer seus direitos ou tirar dúvidas."
_SMALL: Final = (
    "Como agente de pequeno porte, a organização está dispensada de indicar um encarregado. "
    "Use o canal de comunicação informado."
)
_NOBODY: Final = "A organização ainda não informou quem é o encarregado."


async def read_notice(session: AsyncSession, organization_id: OrganizationId) -> PublicNotice:
    """What anybody may read; NoticeLinkInvalid unless the organization shows it."""
    responsible = await responsible_of(session, organization_id)
    profile = responsible.profile
    if profile is None or not profile.page_is_public:
        raise NoticeLinkInvalid
    purposes = await all_purposes(session, organization_id)
    names = {purpose.code: purpose.name for purpose in purposes}
    transfers = await transfers_in_force(session, organization_id)
    return PublicNotice(
        controller=profile.legal_name,
        tax_id=profile.tax_id,
        address=profile.address,
        website=profile.website,
        subject_channel=profile.subject_channel,
        officers=[_officer(officer) for officer in responsible.officers],
        officer_note=_note(responsible),
        purposes=[_purpose(purpose) for purpose in purposes],
        transfers=[_transfer(each, names) for each in transfers],
        security_measures=profile.security_measures,
        rights=list(RIGHTS),
    )


def _note(responsible: Responsible) -> str:
    if responsible.officers:
        return _NAMED
    return _SMALL if responsible.is_small_agent else _NOBODY


def _officer(officer: PrivacyOfficer) -> PublicOfficer:
    return PublicOfficer(
        role=officer.role,
        name=officer.name,
        responsible_name=officer.responsible_name,
        email=officer.email,
        phone=officer.phone,
        since=officer.starts_on,
    )


def _purpose(purpose: Any) -> PublicPurpose:
    return PublicPurpose(
        name=purpose.name,
        description=purpose.description,
        legal_basis=legal_basis(purpose.legal_basis, purpose.articles),
        data_categories=purpose.data_categories,
        retention=retention(purpose),
        shared_with=[
            *(recipient(each) for each in purpose.recipients),
            *(transfer(each) for each in purpose.transfers),
        ],
        notice_text=purpose.notice_text,
    )


def _transfer(given: InternationalTransfer, names: dict[str, str]) -> PublicTransfer:
    return PublicTransfer(
        importer=given.importer_name,
        country=given.country,
        mechanism=SAFEGUARDS[given.mechanism.value],
        how=given.how,
        duration=given.duration,
        purposes=[names.get(code, code) for code in given.purpose_codes],
        security_measures=given.security_measures,
    )
