"""The end of an erasure: each service says what it did; when all have, the receipt is signed and
the request closed."""

from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from chassis.web.errors import Conflict, NotFound
from core_api.anchoring import Signer
from core_api.changes import made
from core_api.modules.audit import service as audit
from core_api.modules.erasure.models import Erasure, Mode
from core_api.modules.erasure.receipts import signed_receipt
from core_api.modules.erasure.repository import Erasures
from core_api.modules.erasure.running import LAST_STORE
from core_api.modules.erasure.starting import OWN_PART
from core_api.modules.privacy.service import complete
from core_api.subject_stores import Workshop
from shared_schemas.events import PrivacyDataAnonymized, PrivacyErasureCompleted
from shared_schemas.ids import OrganizationId

_log = structlog.get_logger(__name__)
_REASON = "a eliminação terminou em todos os serviços"


async def note_answer(tx: AsyncSession, event: PrivacyErasureCompleted) -> None:
    """What another service erased. An answer to nothing that is open changes nothing."""
    payload = event.payload
    if payload.service == OWN_PART:
        return
    erasures = Erasures(tx, event.organization_id)
    erasure = await erasures.unfinished([payload.client_id])
    if erasure is None or erasure.privacy_request_id != payload.privacy_request_id:
        return
    part = await erasures.part_for_update(erasure.id, payload.service)
    if part is None or part.done_at is not None:
        return
    part.erased, part.kept = dict(payload.erased), dict(payload.kept)
    part.done_at, part.problem = utc_now(), None


async def finish(
    workshop: Workshop, signer: Signer, organization_id: OrganizationId, erasure_id: UUID
) -> bool:
    """Ends it if every part is done, once; whether this call did it."""
    async with workshop.database.transaction(organization_id) as tx:
        erasures = Erasures(tx, organization_id)
        erasure = await erasures.get(erasure_id, lock=True)
        parts = await erasures.parts([erasure_id])
        if erasure.completed_at is not None or any(part.done_at is None for part in parts):
            return False
        own = next(part for part in parts if part.service == OWN_PART)
        if LAST_STORE.name not in own.erased:
            return False  # who answered last did so after the key was thought of
        receipt = signed_receipt(signer, erasure, parts)
        erasure.complete(receipt)
        await tx.flush()
        await _close_request(tx, erasure, receipt)
        _tell(tx, erasure, own.erased, own.kept)
        audit.record_by_system(
            tx,
            organization_id,
            "erasure.completed",
            erasure.id,
            changes=made({"mode": erasure.mode, "completed_at": erasure.completed_at}),
            reason=_REASON,
            run_id=erasure.correlation_id,
            about=erasure.client_id,
            related={
                "client_id": erasure.client_id,
                "privacy_request_id": erasure.privacy_request_id,
            },
        )
    return True


async def _close_request(tx: AsyncSession, erasure: Erasure, receipt: dict[str, object]) -> None:
    """A restored backup may not know the request, or have it closed."""
    try:
        async with tx.begin_nested():
            await complete(
                tx,
                erasure.organization_id,
                erasure.privacy_request_id,
                receipt,
                correlation_id=erasure.correlation_id,
            )
    except (NotFound, Conflict) as refusal:
        if erasure.mode is not Mode.REPLAY:
            _log.warning("request_not_closed", erasure_id=str(erasure.id), code=refusal.code)


def _tell(tx: AsyncSession, erasure: Erasure, erased: dict[str, int], kept: dict[str, int]) -> None:
    outbox.add(
        tx,
        PrivacyErasureCompleted.caused(
            organization_id=erasure.organization_id,
            correlation_id=erasure.correlation_id,
            privacy_request_id=erasure.privacy_request_id,
            client_id=erasure.client_id,
            service=OWN_PART,
            erased=erased,
            kept=kept,
        ),
    )
    if erasure.mode is Mode.ANONYMIZATION:
        outbox.add(
            tx,
            PrivacyDataAnonymized.caused(
                organization_id=erasure.organization_id,
                correlation_id=erasure.correlation_id,
                client_id=erasure.client_id,
                client_ids=erasure.client_ids,
                privacy_request_id=erasure.privacy_request_id,
            ),
        )
