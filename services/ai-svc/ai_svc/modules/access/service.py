"""Whoever names a client is answered on what core-api says now, not on what it has told so far."""

from typing import Final
from uuid import UUID

import sqlalchemy as sa
import structlog

from ai_svc.modules.access.following import remember_consents
from ai_svc.modules.access.processing import remember_blocks, remember_purposes
from ai_svc.modules.access.rebuilding import mine
from ai_svc.workshop import Workshop
from chassis.web.errors import Unavailable
from knowledge.access import client_kin
from shared_schemas.actor import Actor

_log = structlog.get_logger(__name__)

_PATH: Final = "/internal/v1/access-facts/of-clients"
_SECONDS: Final = 1.0
_REMEMBER: Final = (
    ("purposes", remember_purposes),
    ("blocks", remember_blocks),
    ("consents", remember_consents),
)


async def refresh(workshop: Workshop, actor: Actor, client_id: UUID | None) -> bool:
    """Before anything about the client is looked for; no transaction is open meanwhile. When
    core-api does not answer, what its events have told holds: False."""
    if client_id is None:
        return True
    tenant = actor.organization_id
    async with workshop.database.transaction(tenant, read_only=True) as session:
        kin = await session.scalar(sa.select(client_kin(tenant, client_id)))
    wanted = {"organization_id": str(tenant), "client_ids": [str(each) for each in kin or ()]}
    try:
        answer = await workshop.core_api.request(
            "GET",
            _PATH,
            request_id=actor.request_id,
            params=wanted,  # type: ignore[arg-type]  # httpx repeats a list
            timeout_seconds=_SECONDS,
        )
    except Unavailable:
        _log.warning("legal_basis_not_refreshed")
        return False
    if answer.status_code != 200:
        _log.warning("legal_basis_not_refreshed", status=answer.status_code)
        return False
    facts = answer.json()["data"]
    async with workshop.database.transaction(tenant) as session:
        for kind, remember in _REMEMBER:
            if rows := mine(tenant, facts[kind]):
                await session.execute(remember().values(rows))
    return True
