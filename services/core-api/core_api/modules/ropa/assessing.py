"""The data sheet of an impact report: what the registry and queries know, and what people add."""

import re
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.web.etag import check_version
from core_api.business_days import end_of
from core_api.changes import Changes, made
from core_api.folding import fold
from core_api.modules.audit import service as audit
from core_api.modules.consents.reading import LegalBasis, purpose_of_code
from core_api.modules.deadlines.service import DeadlineKind, Deadlines, DeadlineSubject
from core_api.modules.officers.service import responsible_of
from core_api.modules.ropa.models import ImpactAssessment
from core_api.modules.ropa.records import record_of
from core_api.modules.ropa.schemas import Assessment, AssessmentPut, HighRisk, ImpactSheet
from core_api.modules.transfers.service import registered_transfers
from core_api.tables import SCHEMA
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id

_LARGE: Final = 10_000
"""Clients from which on an activity counts as large here; the ANPD names no number."""
_SENSITIVE: Final = re.compile(
    r"saude|sensive|biometr|genetic|racial|etnic|religi|politic|sindic|sexual|filosofic"
)
_VULNERABLE: Final = re.compile(r"crianca|adolescente|idos|menor|aluno|paciente")
# Columns alone: clients and consents are the business of their own contexts.
_CLIENTS: Final = sa.table(
    "clients",
    sa.column("organization_id", sa.Uuid()),
    sa.column("id", sa.Uuid()),
    sa.column("merged_into_id", sa.Uuid()),
    sa.column("deleted_at", sa.DateTime(timezone=True)),
    schema=SCHEMA,
)
_CONSENTS: Final = sa.table(
    "consents",
    sa.column("organization_id", sa.Uuid()),
    sa.column("client_id", sa.Uuid()),
    sa.column("purpose_id", sa.Uuid()),
    sa.column("decision", sa.Text()),
    schema=SCHEMA,
)


class Assessing:
    """The sheets of one organization, in the caller's transaction."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor

    async def sheet(self, code: str) -> ImpactSheet:
        """Everything known about one purpose, or PurposeNotFound."""
        organization_id = self.actor.organization_id
        purpose = await purpose_of_code(self.tx, organization_id, code)
        assessment = await self._find(purpose.id)
        responsible = await responsible_of(self.tx, organization_id)
        transfers = await registered_transfers(self.tx, organization_id)
        subjects = await subjects_of(self.tx, organization_id, purpose)
        record = record_of(purpose, responsible, transfers, assessment)
        risks = _high_risk(purpose, subjects, abroad=bool(record.transfers))
        missing = record.missing + ([] if assessment else ["avaliação de impacto"])
        return ImpactSheet(
            purpose_id=purpose.id,
            controller=responsible.controller or "Não informado",
            officer=responsible.contact or "Não informado",
            record=record,
            subjects=subjects,
            high_risk=risks,
            report_recommended=_is_recommended(risks),
            assessment=None if assessment is None else Assessment.model_validate(assessment),
            missing=missing,
            version=0 if assessment is None else assessment.version,
        )

    async def put(self, code: str, given: AssessmentPut, seen_version: int | None) -> ImpactSheet:
        """What people say of it from now on; its next review is watched."""
        purpose = await purpose_of_code(self.tx, self.actor.organization_id, code)
        assessment = await self._find(purpose.id, lock=True)
        check_version(0 if assessment is None else assessment.version, seen_version)
        values = given.model_dump(mode="python")
        if assessment is None:
            assessment = ImpactAssessment(
                id=new_id(),
                organization_id=self.actor.organization_id,
                purpose_id=purpose.id,
                **values,
            )
            self.tx.add(assessment)
            changes: Changes = made(values)
        else:
            changes = assessment.change(values)
        await self.tx.flush()
        if changes:
            await self._note(assessment, changes)
        return await self.sheet(code)

    async def _note(self, assessment: ImpactAssessment, changes: Changes) -> None:
        await audit.record(
            self.tx,
            self.actor,
            "impact_assessment.updated",
            assessment.id,
            changes=changes,
            related={"purpose_id": assessment.purpose_id},
        )
        await Deadlines(self.tx, self.actor.organization_id).set(
            DeadlineSubject.IMPACT_ASSESSMENT,
            assessment.id,
            DeadlineKind.REASSESSMENT,
            started_at=utc_now(),
            due_at=end_of(assessment.review_on),
        )

    async def _find(self, purpose_id: Any, *, lock: bool = False) -> ImpactAssessment | None:
        statement = sa.select(ImpactAssessment).where(
            ImpactAssessment.organization_id == self.actor.organization_id,
            ImpactAssessment.purpose_id == purpose_id,
        )
        if lock:
            statement = statement.with_for_update()
        return (await self.tx.scalars(statement)).one_or_none()


async def subjects_of(session: AsyncSession, organization_id: OrganizationId, purpose: Any) -> int:
    """How many clients' data the purpose may concern: who ever consented, or everybody."""
    if purpose.legal_basis is LegalBasis.CONSENT:
        statement = sa.select(sa.func.count(_CONSENTS.c.client_id.distinct())).where(
            _CONSENTS.c.organization_id == organization_id,
            _CONSENTS.c.purpose_id == purpose.id,
            _CONSENTS.c.decision == "granted",
        )
    else:
        statement = sa.select(sa.func.count(_CLIENTS.c.id)).where(
            _CLIENTS.c.organization_id == organization_id,
            _CLIENTS.c.deleted_at.is_(None),
            _CLIENTS.c.merged_into_id.is_(None),
        )
    return await session.scalar(statement) or 0


def _high_risk(purpose: Any, subjects: int, *, abroad: bool) -> list[HighRisk]:
    data = fold(" ".join(purpose.data_categories))
    people = fold(" ".join(purpose.subject_categories))
    sensitive = bool(_SENSITIVE.search(data)) or any(
        code.startswith("11-") for code in purpose.articles
    )
    vulnerable = bool(_VULNERABLE.search(people)) or any(
        code.startswith("14-") for code in purpose.articles
    )
    speaking = {
        HighRisk.SENSITIVE_DATA: sensitive,
        HighRisk.VULNERABLE_SUBJECTS: vulnerable,
        HighRisk.LARGE_SCALE: subjects >= _LARGE,
        HighRisk.AUTOMATED_DECISIONS: purpose.assistant_may_use,
        HighRisk.EMERGING_TECHNOLOGY: purpose.assistant_may_use,
        HighRisk.INTERNATIONAL_TRANSFER: abroad,
        HighRisk.LEGITIMATE_INTEREST: purpose.legal_basis is LegalBasis.LEGITIMATE_INTEREST,
    }
    return [risk for risk, speaks in speaking.items() if speaks]


_GENERAL: Final = frozenset({HighRisk.LARGE_SCALE})
_SPECIFIC: Final = frozenset(
    {
        HighRisk.SENSITIVE_DATA,
        HighRisk.VULNERABLE_SUBJECTS,
        HighRisk.AUTOMATED_DECISIONS,
        HighRisk.EMERGING_TECHNOLOGY,
    }
)


def _is_recommended(risks: list[HighRisk]) -> bool:
    """A general and a specific criterion together (Res. CD/ANPD 2/2022, art. 4), sensitive data or
    vulnerable people by themselves, or a legitimate interest, for which the ANPD may ask
    (LGPD Art. 10 § 3)."""
    found = frozenset(risks)
    alone = {HighRisk.SENSITIVE_DATA, HighRisk.VULNERABLE_SUBJECTS, HighRisk.LEGITIMATE_INTEREST}
    return bool(found & alone) or bool(found & _GENERAL and found & _SPECIFIC)
