"""What other contexts may ask: who the controller is, and who answers for personal data today."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.business_days import today
from core_api.modules.deadlines.service import is_small_agent
from core_api.modules.officers.models import ControllerProfile, OfficerRole, PrivacyOfficer
from core_api.modules.officers.repository import Officers
from shared_schemas.ids import OrganizationId

__all__ = ["Responsible", "officer_line", "responsible_of"]


@dataclass(frozen=True, slots=True)
class Responsible:
    """Who answers for personal data today."""

    profile: ControllerProfile | None
    officers: Sequence[PrivacyOfficer]
    is_small_agent: bool

    @property
    def controller(self) -> str:
        """Who the controller is, in one line; empty when nobody said it."""
        if self.profile is None:
            return ""
        parts = [self.profile.legal_name]
        if self.profile.tax_id:
            parts.append(f"CNPJ {self.profile.tax_id}")
        if self.profile.address:
            parts.append(self.profile.address)
        return ", ".join(parts)

    @property
    def contact(self) -> str:
        """Where subjects turn to; empty when nobody said it."""
        if self.officers:
            return officer_line(self.officers[0])
        return (self.profile.subject_channel or "") if self.profile is not None else ""


async def responsible_of(session: AsyncSession, organization_id: OrganizationId) -> Responsible:
    """In three statements."""
    officers = Officers(session, organization_id)
    return Responsible(
        profile=await officers.profile(),
        officers=await officers.on(today(utc_now())),
        is_small_agent=await is_small_agent(session, organization_id),
    )


def officer_line(officer: PrivacyOfficer) -> str:
    """Name and contact, as documents have it."""
    role = "" if officer.role is OfficerRole.HOLDER else " (substituto)"
    person = f", responsável: {officer.responsible_name}" if officer.responsible_name else ""
    phone = f", {officer.phone}" if officer.phone else ""
    return f"{officer.name}{role}{person}, {officer.email}{phone}"
