"""Carrying out retention: one run a day and organization, in small batches, whoever sweeps.

Any number may sweep at once and any may be killed: the run's row is locked by who works on it, a
batch is one transaction, and what is due becomes a request of deletion or anonymisation, of which a
client has one at a time, by constraint.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import Final
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.web.errors import DomainError
from core_api.changes import made
from core_api.clockwork import nobody
from core_api.modules.audit import service as audit
from core_api.modules.privacy.execution import RequestType
from core_api.modules.privacy.own_requests import execute_own
from core_api.modules.retention.facts import clients_after, rules_of
from core_api.modules.retention.models import RetentionRun
from core_api.modules.retention.rules import ClientFacts, Rule, Then, Verdict, judged
from core_api.modules.retention.service import none_apply
from core_api.privacy_executors import EXECUTORS
from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId, new_id

_log = structlog.get_logger(__name__)

PAGE: Final = 200
"""Clients looked at in one transaction."""
ACTIONS: Final = 20
"""Requests begun in one transaction."""
_BUDGET: Final = timedelta(seconds=40)
"""The caller waits a minute; what is left is the next sweep's."""
_REASON: Final = "o prazo de guarda da finalidade terminou"
_ORGANIZATIONS: Final = sa.table(
    "organizations", sa.column("organization_id", sa.Uuid()), schema=SCHEMA
)
_TYPES: Final = {Then.DELETE: RequestType.ERASURE, Then.ANONYMIZE: RequestType.ANONYMIZATION}


@dataclass(kw_only=True)
class Swept:
    """What a sweep did."""

    runs: int = 0
    clients: int = 0
    deleted: int = 0
    anonymized: int = 0
    failed: int = 0


@dataclass(kw_only=True)
class RetentionSweep:
    """One sweep over every organization."""

    database: Database
    correlation_id: str
    page: int = PAGE
    actions: int = ACTIONS
    budget: timedelta = _BUDGET
    swept: Swept = field(default_factory=Swept)

    async def run(self) -> Swept:
        """Begins today's runs and goes on with unfinished ones, until none is or time is up. What
        goes wrong with one organization keeps no other one waiting, and is raised at the end."""
        until = monotonic() + self.budget.total_seconds()
        everybody = sa.select(_ORGANIZATIONS.c.organization_id)
        found = await self.database.worker_statement(
            everybody.order_by(_ORGANIZATIONS.c.organization_id)
        )
        troubles: list[Exception] = []
        for organization_id in [OrganizationId(row[0]) for row in found]:
            try:
                await self._begin(organization_id)
                while monotonic() < until and await self._batch(organization_id):
                    pass
            except Exception as trouble:  # noqa: BLE001 - raised below, after the others' turn
                _log.error("retention_stopped", organization_id=str(organization_id))
                troubles.append(trouble)
        if troubles:
            raise troubles[0]
        return self.swept

    async def _begin(self, organization_id: OrganizationId) -> None:
        """Today's run, unless there is one, another one is under way, or no rule says anything."""
        now = utc_now()
        async with self.database.transaction(organization_id) as tx:
            known = sa.select(RetentionRun.id).where(
                RetentionRun.organization_id == organization_id, RetentionRun.day == now.date()
            )
            if await tx.scalar(known) or none_apply(await rules_of(tx, organization_id)):
                return
            run_id = new_id()
            statement = insert(RetentionRun).values(
                id=run_id,
                organization_id=organization_id,
                day=now.date(),
                correlation_id=self.correlation_id,
                started_at=now,
            )
            begun = await tx.scalar(statement.on_conflict_do_nothing().returning(RetentionRun.id))
            if begun is not None:
                audit.record_by_system(
                    tx,
                    organization_id,
                    "retention_run.started",
                    run_id,
                    changes=made({"by": "schedule"}),
                    reason=_REASON,
                    run_id=self.correlation_id,
                )
                self.swept.runs += 1

    async def _batch(self, organization_id: OrganizationId) -> bool:
        """One batch of the unfinished run, if nobody else is at it; whether there may be more."""
        async with self.database.transaction(organization_id) as tx:
            run = await _unfinished(tx, organization_id)
            if run is None:
                return False
            rules = await rules_of(tx, organization_id)
            page = await clients_after(tx, organization_id, run.after_client_id, self.page)
            looked_at = await self._deal_with(tx, run, rules, page)
            if looked_at:
                run.after_client_id = page[looked_at - 1].client_id
            if looked_at == len(page) < self.page:
                run.finished_at = utc_now()
                _tell_end(tx, run)
            return run.finished_at is None

    async def _deal_with(
        self, tx: AsyncSession, run: RetentionRun, rules: list[Rule], page: list[ClientFacts]
    ) -> int:
        """How many of the page were looked at: all of them, unless many were due."""
        begun = 0
        for place, facts in enumerate(page):
            verdict = judged(rules, facts, run.started_at)
            run.clients += 1
            self.swept.clients += 1
            if verdict.then is None or verdict.decided_by is None:
                continue
            run.due += 1
            if facts.under_way or facts.held:
                run.under_way += facts.under_way
                run.held += facts.held and not facts.under_way
                continue
            await self._act(tx, run, facts, verdict)
            begun += 1
            if begun == self.actions:
                return place + 1
        return len(page)

    async def _act(
        self, tx: AsyncSession, run: RetentionRun, facts: ClientFacts, verdict: Verdict
    ) -> None:
        """A request of ours, executed at once. What is refused is counted and tried another day."""
        actor = nobody(run.organization_id, self.correlation_id)
        try:
            async with tx.begin_nested():
                kind = _TYPES[verdict.then or Then.DELETE]
                request_id = await execute_own(
                    tx, actor, facts.client_id, kind, EXECUTORS, reason=_REASON
                )
                audit.record_by_system(
                    tx,
                    run.organization_id,
                    "retention_run.client_due",
                    run.id,
                    changes=made({"purpose_code": verdict.decided_by, "then": verdict.then}),
                    reason=_REASON,
                    run_id=self.correlation_id,
                    about=facts.client_id,
                    related={"client_id": facts.client_id, "privacy_request_id": request_id},
                )
                await tx.flush()
        except DomainError as error:
            self._failed(run, facts.client_id, str(error.code))
            return
        except IntegrityError:
            run.under_way += 1  # somebody asked for it at the same moment
            return
        if verdict.then is Then.DELETE:
            run.deleted += 1
            self.swept.deleted += 1
        else:
            run.anonymized += 1
            self.swept.anonymized += 1
        code = str(verdict.decided_by)
        run.purposes = {**run.purposes, code: run.purposes.get(code, 0) + 1}

    def _failed(self, run: RetentionRun, client_id: UUID, code: str) -> None:
        run.went_wrong(code)
        self.swept.failed += 1
        _log.warning("retention_refused", client_id=str(client_id), code=code)


async def _unfinished(tx: AsyncSession, organization_id: OrganizationId) -> RetentionRun | None:
    """Locked; None also while another sweep is at it."""
    statement = (
        sa.select(RetentionRun)
        .where(
            RetentionRun.organization_id == organization_id,
            RetentionRun.finished_at.is_(None),
        )
        .with_for_update(skip_locked=True)
    )
    return (await tx.scalars(statement)).one_or_none()


def _tell_end(tx: AsyncSession, run: RetentionRun) -> None:
    audit.record_by_system(
        tx,
        run.organization_id,
        "retention_run.finished",
        run.id,
        changes=made(
            {
                "clients": run.clients,
                "deleted": run.deleted,
                "anonymized": run.anonymized,
                "held": run.held,
                "failed": run.failed,
            }
        ),
        reason=_REASON,
        run_id=run.correlation_id,
    )
