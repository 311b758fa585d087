"""The ledger and the check of a legal basis over HTTP; and the sweeps, for worker-svc only."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path

from chassis.data.columns import utc_now
from chassis.security.authentication import InternalCaller, require
from chassis.web.dependencies import CurrentResources, Rows
from chassis.web.responses import success
from core_api.documentation import raises
from core_api.inputs import Code
from core_api.modules.clients.service import ClientNotFound
from core_api.modules.consents.anchoring import Signer, anchors_of
from core_api.modules.consents.exceptions import PurposeNotFound
from core_api.modules.consents.expiring import expire_consents, keep_ledgers
from core_api.modules.consents.ledger_schemas import (
    BrokenLink,
    LedgerVerification,
    LegalBasisRead,
)
from core_api.modules.consents.legal_basis import Ground, read_legal_basis
from core_api.modules.consents.verifying import Broken, Fault, verify_ledger
from core_api.workplace import CurrentWorkplace
from shared_schemas.actor import Actor
from shared_schemas.envelope import Success
from shared_schemas.permissions import Permission

router = APIRouter(tags=["consents"])
internal_router = APIRouter(prefix="/consents", tags=["consents"])

Reader = Annotated[Actor, Depends(require(Permission.CONSENTS_READ))]
Officer = Annotated[Actor, Depends(require(Permission.PRIVACY_READ))]


@router.get("/consents/ledger/verify", summary="Verify the ledger of consents")
async def verify(
    actor: Officer, resources: CurrentResources, workplace: CurrentWorkplace
) -> Success[LedgerVerification]:
    """Computes every link again, compares them with the receipts they prove and with the signed
    heads outside the database, and names the first one that does not fit."""
    signer, tenant = Signer(workplace.settings.ledger), actor.organization_id
    anchors = await anchors_of(workplace.storage, signer, tenant)
    async with resources.database.transaction(tenant, read_only=True) as session:
        walk, broken = await verify_ledger(session, tenant, anchors.hashes)
    name = None
    if broken is None and anchors.forged:
        broken, name = Broken(walk.sequence, Fault.ANCHOR_FORGED), anchors.forged[0]
    first = broken and BrokenLink(sequence=broken.sequence, fault=broken.fault, anchor=name)
    verified = LedgerVerification(
        valid=broken is None,
        links=walk.sequence,
        head=walk.hash.hex(),
        anchors=walk.anchors_met,
        first_broken=first,
        verified_at=utc_now(),
    )
    return success(actor, verified)


@router.get(
    "/clients/{client_id}/legal-basis/{purpose_code}",
    summary="Ask whether a client's data may be used",
    responses=raises(ClientNotFound, PurposeNotFound),
)
async def get_legal_basis(
    client_id: Annotated[UUID, Path(description="The client's id")],
    purpose_code: Annotated[Code, Path(description="The code of the purpose")],
    actor: Reader,
    rows: Rows,
) -> Success[LegalBasisRead]:
    """For a purpose, at this moment: by consent, or by the other basis the purpose rests on; and
    not while the data is blocked, or a notice that was changed materially is to be renewed."""
    standing = await read_legal_basis(rows, actor.organization_id, client_id, purpose_code)
    if standing.ground is Ground.NO_CLIENT:
        raise ClientNotFound
    read = LegalBasisRead(
        purpose_code=purpose_code,
        allowed=standing.allowed,
        ground=standing.ground,
        legal_basis=standing.legal_basis,
        consent_id=standing.consent_id,
    )
    return success(actor, read)


@internal_router.post("/sweep")
async def sweep(caller: InternalCaller, resources: CurrentResources) -> Success[dict[str, int]]:
    """Ends consents whose time is over; says how many."""
    expired = await expire_consents(resources.database, caller.request_id)
    return Success(data={"expired": expired}, request_id=caller.request_id)


@internal_router.post("/anchor")
async def keep(
    caller: InternalCaller, resources: CurrentResources, workplace: CurrentWorkplace
) -> Success[dict[str, int]]:
    """Enters what is in no ledger yet, and keeps the signed heads of today."""
    signer = Signer(workplace.settings.ledger)
    kept = await keep_ledgers(resources.database, workplace.storage, signer)
    return Success(data=asdict(kept), request_id=caller.request_id)
