"""Beginning an erasure: what is known of the person is sealed, every service is asked."""

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from core_api.changes import made
from core_api.modules.audit import service as audit
from core_api.modules.clients.erasing import whole_family
from core_api.modules.erasure.exceptions import AlreadyErased, ErasureUnderWay
from core_api.modules.erasure.holding import one_at_a_time, require_no_hold
from core_api.modules.erasure.knowing import sealed_knowledge
from core_api.modules.erasure.models import Erasure, ErasurePart, Mode
from core_api.modules.erasure.repository import Erasures
from core_api.modules.privacy.execution import PrivacyRequest, RequestType, Started
from shared_schemas.actor import Actor
from shared_schemas.events import PrivacyErasureRequested
from shared_schemas.ids import OrganizationId, UserId, new_id

OWN_PART: Final = "core-api"
ASSISTANT: Final = "ai-svc"
SERVICES: Final = (OWN_PART, ASSISTANT)
"""Who keeps data. worker-svc has nothing of its own (ADR 032)."""


class ErasureExecutor:
    """Executes requests of erasure: the rest follows by itself, and closes the request."""

    types: Final = frozenset({RequestType.ERASURE})

    async def start(self, session: AsyncSession, actor: Actor, request: PrivacyRequest) -> Started:
        """AlreadyErased, ErasureUnderWay, LegalHoldStands."""
        await begin(session, actor, request)
        return Started(done=False)


async def begin(
    session: AsyncSession,
    actor: Actor,
    request: PrivacyRequest,
    mode: Mode = Mode.ERASURE,
) -> Erasure:
    """In the transaction of who executes the request. AlreadyErased, ErasureUnderWay,
    LegalHoldStands."""
    organization_id = actor.organization_id
    family = await whole_family(session, organization_id, request.client_id)
    await one_at_a_time(session, organization_id, family[0])
    family = await whole_family(session, organization_id, request.client_id)  # as it is now
    erasures = Erasures(session, organization_id)
    if await erasures.unfinished(family) is not None:
        raise ErasureUnderWay
    if await erasures.is_erased(family[0]):
        raise AlreadyErased
    await require_no_hold(session, organization_id, family)
    erasure = await enter(
        session,
        organization_id,
        client_ids=family,
        privacy_request_id=request.id,
        mode=mode,
        requested_by=actor.user_id,
        correlation_id=actor.request_id,
    )
    await audit.record(
        session,
        actor,
        "erasure.started",
        erasure.id,
        changes=made({"mode": erasure.mode, "clients": len(family)}),
        about=erasure.client_id,
        related={"client_id": erasure.client_id, "privacy_request_id": request.id},
    )
    return erasure


async def enter(
    session: AsyncSession,
    organization_id: OrganizationId,
    *,
    client_ids: list[UUID],
    privacy_request_id: UUID,
    mode: Mode,
    requested_by: UserId | None,
    correlation_id: str,
) -> Erasure:
    """The erasure, its parts, and the event that asks the other services. The first of the clients
    is the one that answers for the others."""
    erasure = Erasure(
        id=new_id(),
        organization_id=organization_id,
        client_id=client_ids[0],
        client_ids=client_ids,
        privacy_request_id=privacy_request_id,
        mode=mode,
        requested_by=requested_by,
        correlation_id=correlation_id,
    )
    erasure.known_sealed = await sealed_knowledge(session, erasure)
    session.add(erasure)
    await session.flush()
    session.add_all(
        ErasurePart(organization_id=organization_id, erasure_id=erasure.id, service=service)
        for service in SERVICES
    )
    await ask(session, erasure)
    return erasure


async def ask(session: AsyncSession, erasure: Erasure) -> None:
    """Asks every other service; asked twice they do it once."""
    outbox.add(session, asking(erasure))
    await session.flush()
    part = await Erasures(session, erasure.organization_id).part_for_update(erasure.id, ASSISTANT)
    if part is not None:
        part.attempts += 1
        part.tried_at = utc_now()


def asking(erasure: Erasure) -> PrivacyErasureRequested:
    """What every service is told. They have no statistics to keep: of who is anonymised nothing
    stays there either."""
    mode = Mode.REPLAY if erasure.mode is Mode.REPLAY else Mode.ERASURE
    return PrivacyErasureRequested.caused(
        organization_id=erasure.organization_id,
        correlation_id=erasure.correlation_id,
        actor_id=erasure.requested_by,
        privacy_request_id=erasure.privacy_request_id,
        client_id=erasure.client_id,
        client_ids=erasure.client_ids,
        mode=mode.value,
    )
