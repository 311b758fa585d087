"""Executing a proposal once: claimed, asked of core-api, written down. No transaction is open while
core-api is asked.

A claim is a lease with a number. Whoever is killed between core-api's answer and our row leaves a
lease that ends; who confirms again asks core-api the same once more, under the same Idempotency-Key
or the same If-Match, and learns what happened instead of doing it twice.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
import structlog
from pydantic import SecretStr

from ai_svc.modules.proposals.asking import CoreApi, Outcome, Retry, ask
from ai_svc.modules.proposals.exceptions import ProposalBusy, ProposalDeclined, ProposalExpired
from ai_svc.modules.proposals.metrics import PROPOSALS
from ai_svc.modules.proposals.models import Proposal, ProposalStatus
from ai_svc.modules.proposals.repository import Proposals
from ai_svc.modules.proposals.schemas import ProposalRead
from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.http.service_client import ServiceClient
from shared_schemas.actor import Actor

_log = structlog.get_logger(__name__)

LEASE: Final = timedelta(seconds=45)
"""Longer than core-api can take, with all attempts of a call."""
REPEATABLE_FOR: Final = timedelta(hours=24)
"""core-api remembers the answer to a key for two days."""
_SETTLED: Final = (ProposalStatus.CONFIRMED, ProposalStatus.FAILED)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to execute, until the lease is over."""

    proposal_id: UUID
    attempt: int
    skill: str
    arguments: Mapping[str, Any]
    basis: Mapping[str, Any]
    pinned_version: int | None


async def confirm(
    database: Database, core_api: ServiceClient, actor: Actor, token: SecretStr, proposal_id: UUID
) -> ProposalRead:
    """Executes it with the actor's own token; what was executed before is only told again.

    Raises ProposalNotFound, ProposalExpired, ProposalDeclined, ProposalBusy; Unavailable when it is
    not known whether core-api has done it, Unauthenticated and TooManyRequests when it has not: who
    then confirms once more does it once.
    """
    claim = await _claimed(database, actor, proposal_id)
    if isinstance(claim, ProposalRead):
        return claim
    asked = CoreApi(core_api, actor, token, key=str(proposal_id))

    async def pin(version: int) -> None:
        await _write(database, actor, claim, {"pinned_version": version})

    try:
        outcome = await ask(asked, claim, pin)
    except Retry as retry:
        again: dict[str, Any] = {"leased_until": None}
        if retry.nothing_done and claim.attempt == 1:
            again |= {
                "status": ProposalStatus.PENDING,
                "started_at": None,
                "pinned_version": None,
            }
        await _write(database, actor, claim, again)
        raise retry.cause from None
    return await _settled(database, actor, claim, outcome)


def digest_of(skill: str, arguments: Mapping[str, Any]) -> str:
    """Of what was shown; compared before it is executed."""
    said = json.dumps([skill, arguments], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()


async def _claimed(database: Database, actor: Actor, proposal_id: UUID) -> Claim | ProposalRead:
    async with database.transaction(actor.organization_id) as session:
        proposal = await Proposals(session, actor).get(proposal_id, for_update=True)
        now = utc_now()
        if proposal.status in _SETTLED:
            return ProposalRead.of(proposal, now)
        _admit(proposal)
        if proposal.arguments is None:
            raise ProposalExpired
        if digest_of(proposal.skill, proposal.arguments) != proposal.arguments_sha256:
            raise RuntimeError("a proposal's arguments are not what was shown")
        proposal.status = ProposalStatus.EXECUTING
        proposal.attempts += 1
        proposal.started_at = proposal.started_at or now
        proposal.leased_until = now + LEASE
        return Claim(
            proposal.id,
            proposal.attempts,
            proposal.skill,
            proposal.arguments,
            proposal.basis,
            proposal.pinned_version,
        )


def _admit(proposal: Proposal) -> None:
    now = utc_now()
    if proposal.status is ProposalStatus.DECLINED:
        raise ProposalDeclined
    if proposal.status is ProposalStatus.PENDING and proposal.expires_at <= now:
        raise ProposalExpired
    if proposal.status is ProposalStatus.EXECUTING:
        if proposal.leased_until is not None and proposal.leased_until > now:
            raise ProposalBusy
        if proposal.started_at is None or proposal.started_at <= now - REPEATABLE_FOR:
            raise ProposalExpired


async def _settled(
    database: Database, actor: Actor, claim: Claim, outcome: Outcome
) -> ProposalRead:
    done = outcome.error_code is None
    status = ProposalStatus.CONFIRMED if done else ProposalStatus.FAILED
    found = await _write(
        database,
        actor,
        claim,
        {
            "status": status,
            "leased_until": None,
            "settled_at": utc_now(),
            "result": outcome.result if done else sa.null(),
            "error_code": outcome.error_code,
            "error_message": outcome.error_message,
        },
    )
    if found:
        code = outcome.error_code
        PROPOSALS.labels(claim.skill, status.value).inc()
        _log.info("proposal_settled", skill=claim.skill, status=status.value, code=code)
    async with database.transaction(actor.organization_id, read_only=True) as session:
        proposal = await Proposals(session, actor).get(claim.proposal_id)
    if proposal.status not in _SETTLED:
        raise ProposalBusy  # another attempt has taken over while this one waited
    return ProposalRead.of(proposal, utc_now())


async def _write(database: Database, actor: Actor, claim: Claim, values: Mapping[str, Any]) -> bool:
    """Whether the claim still held."""
    async with database.transaction(actor.organization_id) as session:
        written = await session.execute(
            sa.update(Proposal)
            .where(
                Proposal.organization_id == actor.organization_id,
                Proposal.id == claim.proposal_id,
                Proposal.status == ProposalStatus.EXECUTING,
                Proposal.attempts == claim.attempt,
            )
            .values(**values, updated_at=utc_now())
            .returning(Proposal.id)
            .execution_options(synchronize_session=False)
        )
        return written.first() is not None
