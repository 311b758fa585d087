"""Making proposals, declining them, and forgetting them in time. Confirming: see `confirming`."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.privacy.exceptions import ERASED_CLIENT, ClientErased
from ai_svc.modules.proposals.confirming import REPEATABLE_FOR, confirm, digest_of
from ai_svc.modules.proposals.exceptions import (
    ProposalExpired,
    ProposalSettled,
)
from ai_svc.modules.proposals.metrics import PROPOSALS
from ai_svc.modules.proposals.models import Proposal, ProposalClient, ProposalStatus
from ai_svc.modules.proposals.repository import Proposals
from ai_svc.modules.proposals.schemas import ProposalRead
from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.web.error_handlers import driver_error
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, new_id

__all__ = ["Wish", "confirm", "decline", "forget_conversation", "propose", "prune"]

LIFETIME: Final = timedelta(minutes=15)
KEEP_WORDS: Final = timedelta(days=1)
"""What was decided, or not in time, is of use to who looks once more at what was asked."""
KEEP: Final = timedelta(days=30)
_UNKNOWN: Final = "Não se sabe se a alteração foi feita. Confira no cadastro."


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a skill would like to be done. `arguments` are what core-api will be asked for."""

    skill: str
    arguments: Mapping[str, Any]
    summary: str
    client_ids: Iterable[UUID]  # everybody whose data the run holds
    run_id: UUID
    conversation_id: UUID | None = None
    message_id: UUID | None = None
    caution: str | None = None
    basis: Mapping[str, Any] = field(default_factory=dict)


async def propose(
    database: Database, actor: Actor, wish: Wish, *, lifetime: timedelta = LIFETIME
) -> ProposalRead:
    """Writes it down for the actor to confirm; what the run has proposed before is proposed once.

    Raises ClientErased.
    """
    now = utc_now()
    arguments = json.loads(json.dumps(wish.arguments, default=str))
    row = {
        "id": new_id(),
        "organization_id": actor.organization_id,
        "user_id": actor.user_id,
        "run_id": wish.run_id,
        "conversation_id": wish.conversation_id,
        "message_id": wish.message_id,
        "skill": wish.skill,
        "summary": wish.summary,
        "caution": wish.caution,
        "arguments": arguments,
        "arguments_sha256": digest_of(wish.skill, arguments),
        "basis": dict(wish.basis),
        "status": ProposalStatus.PENDING,
        "expires_at": now + lifetime,
        "created_at": now,
        "updated_at": now,
    }
    try:
        async with database.transaction(actor.organization_id) as session:
            made: Proposal | None = await session.scalar(
                insert(Proposal)
                .values(row)
                .on_conflict_do_nothing(
                    index_elements=["organization_id", "run_id", "arguments_sha256"]
                )
                .returning(Proposal)
            )
            if made is None:
                before = Proposals(session, actor)
                made = await before.same(wish.run_id, str(row["arguments_sha256"]))
            await _of_clients(session, made, wish.client_ids)
    except IntegrityError as error:
        if getattr(driver_error(error), "constraint_name", None) == ERASED_CLIENT:
            raise ClientErased from error
        raise
    PROPOSALS.labels(wish.skill, "proposed").inc()
    return ProposalRead.of(made, now)


async def decline(session: AsyncSession, actor: Actor, proposal_id: UUID) -> Proposal:
    """Nothing is done, now or later. Raises ProposalNotFound, ProposalExpired, ProposalSettled."""
    proposal = await Proposals(session, actor).get(proposal_id, for_update=True)
    if proposal.status is ProposalStatus.DECLINED:
        return proposal
    if proposal.status is not ProposalStatus.PENDING:
        raise ProposalSettled
    now = utc_now()
    if proposal.expires_at <= now:
        raise ProposalExpired
    proposal.status = ProposalStatus.DECLINED
    proposal.settled_at = now
    await session.flush()
    PROPOSALS.labels(proposal.skill, "declined").inc()
    return proposal


async def forget_conversation(
    session: AsyncSession, organization_id: OrganizationId, conversation_id: UUID
) -> None:
    """With a conversation goes what was proposed in it."""
    await session.execute(
        sa.delete(Proposal)
        .where(
            Proposal.organization_id == organization_id,
            Proposal.conversation_id == conversation_id,
        )
        .execution_options(synchronize_session=False)
    )


async def prune(database: Database) -> dict[str, int]:
    """Forgets words a day after nothing can be done with them any more, and rows after a month.

    What was begun and never came to an end cannot be repeated then: it is said to be unknown.
    """
    now = utc_now()
    async with database.worker_transaction() as session:
        await session.execute(
            sa.update(Proposal)
            .where(
                Proposal.status == ProposalStatus.EXECUTING,
                Proposal.started_at < now - REPEATABLE_FOR,
            )
            .values(
                status=ProposalStatus.FAILED,
                settled_at=now,
                leased_until=None,
                error_code="PROPOSAL_UNKNOWN",
                error_message=_UNKNOWN,
            )
            .execution_options(synchronize_session=False)
        )
        emptied = await session.execute(
            sa.update(Proposal)
            .where(
                Proposal.arguments.is_not(None),
                Proposal.expires_at < now - KEEP_WORDS,
                sa.func.coalesce(Proposal.settled_at, Proposal.expires_at) < now - KEEP_WORDS,
            )
            .values(arguments=sa.null(), summary=None, caution=None)
            .returning(Proposal.id)
            .execution_options(synchronize_session=False)
        )
        gone = await session.execute(
            sa.delete(Proposal)
            .where(Proposal.created_at < now - KEEP)
            .returning(Proposal.id)
            .execution_options(synchronize_session=False)
        )
        return {"proposal_words": len(emptied.all()), "proposals": len(gone.all())}


async def _of_clients(
    session: AsyncSession, proposal: Proposal, client_ids: Iterable[UUID]
) -> None:
    rows = [
        {
            "organization_id": proposal.organization_id,
            "proposal_id": proposal.id,
            "client_id": client_id,
        }
        for client_id in sorted(set(client_ids))  # the trigger locks them, in one order
    ]
    if rows:
        await session.execute(insert(ProposalClient).values(rows).on_conflict_do_nothing())
