"""Providers over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Response, status

from ai_svc.modules.providers.deciding import decide, undecide
from ai_svc.modules.providers.dependencies import CurrentBrain
from ai_svc.modules.providers.policies import Policies, Policy
from ai_svc.modules.providers.schemas import PolicyRead, PolicyWrite, ProviderRead
from chassis.security.authentication import require
from chassis.web.dependencies import IfMatch, ReadTx, Tx
from chassis.web.documentation import raises
from chassis.web.errors import InvalidInput, PreconditionFailed
from chassis.web.etag import versioned
from chassis.web.responses import success
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(prefix="/ai/providers", tags=["providers"])

Configurer = Annotated[Actor, Depends(require(Permission.ASSISTANT_CONFIGURE))]


@router.get("", summary="List providers of models")
async def list_providers(
    actor: Configurer, brain: CurrentBrain, tx: ReadTx
) -> Success[list[ProviderRead]]:
    """Those this installation has a key for, the organization's order first. When none of them
    answers, or none may, the built-in model does: it needs no network, and is not listed."""
    backends = [provider.backend for provider in brain.providers]
    policy = Policy.of(await Policies(tx, actor.organization_id).find(), backends)
    order = policy.in_order(backends)
    read = [ProviderRead.of(provider, order, policy) for provider in brain.providers]
    read.sort(key=lambda each: (each.position is None, each.position))
    return success(actor, read)


@router.get("/policy", summary="Show whom texts may be sent to")
async def read_policy(
    actor: Configurer, brain: CurrentBrain, tx: ReadTx, response: Response
) -> Success[PolicyRead]:
    """Without a decision of the organization, what the installation asks."""
    row = await Policies(tx, actor.organization_id).find()
    backends = [provider.backend for provider in brain.providers]
    return versioned(actor, response, PolicyRead.of(row, backends))


@router.put(
    "/policy",
    summary="Decide whom texts may be sent to",
    responses=raises(PreconditionFailed, InvalidInput),
)
async def decide_policy(
    given: PolicyWrite,
    actor: Configurer,
    brain: CurrentBrain,
    tx: Tx,
    seen_version: IfMatch,
    response: Response,
) -> Success[PolicyRead]:
    """Holds for the next request to a model, also within answers that are being written.

    It can only narrow: who may not be sent what is about clients in this installation may not here
    either, and purposes and the register of transfers are asked all the same.
    """
    row = await decide(tx, actor, given, seen_version)
    backends = [provider.backend for provider in brain.providers]
    return versioned(actor, response, PolicyRead.of(row, backends))


@router.delete(
    "/policy",
    status_code=status.HTTP_204_NO_CONTENT,
    summary="Leave it to the installation whom texts are sent to",
    responses=raises(PreconditionFailed),
)
async def undecide_policy(actor: Configurer, tx: Tx, seen_version: IfMatch) -> None:
    """Also when nothing was decided."""
    await undecide(tx, actor, seen_version)
