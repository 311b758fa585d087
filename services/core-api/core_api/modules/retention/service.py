"""Looking ahead (a dry run), and asking for a run now."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.changes import made
from core_api.modules.audit import service as audit
from core_api.modules.retention.exceptions import RunNotFound
from core_api.modules.retention.facts import clients_after, rules_of
from core_api.modules.retention.models import RetentionRun
from core_api.modules.retention.rules import ClientFacts, Rule, Then, Verdict, judged
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id

PAGE: Final = 500
SAMPLE: Final = 10
_SECONDS: Final = 15.0
"""A dry run of the largest organizations stops here, and says so."""


@dataclass(slots=True)
class PurposeTally:
    """What one purpose means for the clients that were looked at."""

    rule: Rule
    applies: int = 0
    over: int = 0
    """Its own time has passed."""
    kept_for_others: int = 0
    """Of those: another purpose still needs the data."""
    held: int = 0
    due: int = 0
    """What happens is what this purpose says."""
    sample: list[UUID] = field(default_factory=list)

    def count(self, facts: ClientFacts, verdict: Verdict) -> None:
        """One more client."""
        self.applies += 1
        if self.rule.code not in verdict.over:
            return
        self.over += 1
        if verdict.keeping:
            self.kept_for_others += 1
        elif verdict.decided_by == self.rule.code and not facts.under_way:
            if facts.held:
                self.held += 1
                return
            self.due += 1
            if len(self.sample) < SAMPLE:
                self.sample.append(facts.client_id)


@dataclass(slots=True)
class Outlook:
    """What a run would do now."""

    at: datetime
    purposes: list[PurposeTally]
    clients: int = 0
    to_delete: int = 0
    to_anonymize: int = 0
    held: int = 0
    under_way: int = 0
    complete: bool = True

    def count(self, facts: ClientFacts, verdict: Verdict) -> None:
        """One more client."""
        self.clients += 1
        for tally in self.purposes:
            if tally.rule.code in verdict.applying:
                tally.count(facts, verdict)
        if verdict.then is None:
            return
        if facts.under_way:
            self.under_way += 1
        elif facts.held:
            self.held += 1
        elif verdict.then is Then.DELETE:
            self.to_delete += 1
        else:
            self.to_anonymize += 1


async def preview(session: AsyncSession, organization_id: OrganizationId) -> Outlook:
    """Every client against every rule, a fixed number of statements per page; nothing changes."""
    until = monotonic() + _SECONDS
    rules = await rules_of(session, organization_id)
    outlook = Outlook(utc_now(), [PurposeTally(rule) for rule in rules])
    after: UUID | None = None
    while page := await clients_after(session, organization_id, after, PAGE):
        for facts in page:
            outlook.count(facts, judged(rules, facts, outlook.at))
        after = page[-1].client_id
        if monotonic() > until:
            outlook.complete = False
            break
    return outlook


async def start_run(session: AsyncSession, actor: Actor) -> RetentionRun:
    """A run for the whole organization; the sweep carries it out. A run that is not finished is
    refused by its constraint (RetentionUnderWay)."""
    run = RetentionRun(
        id=new_id(),
        organization_id=actor.organization_id,
        requested_by=actor.user_id,
        correlation_id=actor.request_id,
        started_at=utc_now(),
    )
    session.add(run)
    await session.flush()
    await audit.record(
        session, actor, "retention_run.started", run.id, changes=made({"by": "request"})
    )
    return run


async def run_of(
    session: AsyncSession, organization_id: OrganizationId, run_id: UUID
) -> RetentionRun:
    """One run, or RunNotFound."""
    statement = sa.select(RetentionRun).where(
        RetentionRun.organization_id == organization_id, RetentionRun.id == run_id
    )
    run = (await session.scalars(statement)).one_or_none()
    if run is None:
        raise RunNotFound
    return run


def none_apply(rules: Sequence[Rule]) -> bool:
    """Whether no purpose says when its data goes: then nothing is ever due."""
    return not any(rule.is_complete for rule in rules)
