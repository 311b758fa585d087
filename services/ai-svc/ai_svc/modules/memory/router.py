"""What the assistant remembers of what the caller told it: seen, corrected, forgotten."""

from typing import Annotated
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Query, Response, status

from ai_svc.modules.access import service as access
from ai_svc.modules.memory.correcting import correct
from ai_svc.modules.memory.exceptions import MemoryKnown, MemoryNotFound
from ai_svc.modules.memory.facts import Facts
from ai_svc.modules.memory.schemas import MemoryCorrection, MemoryRead, MemoryWithHistory
from ai_svc.workshop import CurrentWorkshop
from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.documentation import raises
from chassis.web.errors import PreconditionFailed
from chassis.web.etag import versioned
from chassis.web.pagination import ByCursor
from knowledge.access import client_kin
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/chat/memories", tags=["memories"])

Chatter = Annotated[Actor, Depends(require(Permission.CHAT_USE))]


@router.get("", summary="List what the assistant remembers")
async def list_memories(
    actor: Chatter,
    workshop: CurrentWorkshop,
    paging: ByCursor,
    client_id: Annotated[
        UUID | None, Query(description="Only what is about this client, or who was merged with it")
    ] = None,
) -> Success[list[MemoryRead]]:
    """Facts the caller told it, the latest first. Nobody else's, and nothing about a client whose
    data may not be used now.
    """
    await access.refresh(workshop, actor, client_id)
    (after,) = paging.position(UUID) or (None,)
    tenant = actor.organization_id
    async with workshop.database.transaction(tenant, read_only=True) as session:
        kin = None
        if client_id is not None:
            kin = await session.scalar(sa.select(client_kin(tenant, client_id)))
        rows = await Facts(session, actor).page(paging.limit + 1, after, kin)
    return paging.answer(actor, rows, MemoryRead.of, lambda pair: (pair[0].id,))


@router.get("/{memory_id}", summary="Read a memory", responses=raises(MemoryNotFound))
async def read_memory(
    memory_id: UUID, actor: Chatter, tx: ReadTx, response: Response
) -> Success[MemoryWithHistory]:
    """With what it said before it was corrected, and who corrected it."""
    facts = Facts(tx, actor)
    found = await facts.get(memory_id)
    read = MemoryWithHistory.told(found, await facts.corrections_of(memory_id))
    return versioned(actor, response, read)


@router.patch(
    "/{memory_id}",
    summary="Correct a memory",
    responses=raises(MemoryNotFound, MemoryKnown, PreconditionFailed),
)
async def correct_memory(
    memory_id: UUID,
    body: MemoryCorrection,
    actor: Chatter,
    tx: Tx,
    workshop: CurrentWorkshop,
    seen: IfMatch,
    response: Response,
) -> Success[MemoryRead]:
    """The assistant goes by the new text at once."""
    keep_for = workshop.settings.memory.keep_for
    changed = await correct(tx, actor, memory_id, body.text, expected=seen, keep_for=keep_for)
    return versioned(actor, response, MemoryRead.of(changed))


@router.delete(
    "/{memory_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Forget a memory",
    responses=raises(MemoryNotFound),
)
async def forget_memory(memory_id: UUID, actor: Chatter, tx: Tx) -> None:
    """With everything it ever said. Nothing of it is kept."""
    await Facts(tx, actor).forget(memory_id)
