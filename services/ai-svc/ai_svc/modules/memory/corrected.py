"""What is remembered about clients who were corrected since: used without the old values.

core-api is asked which those are; a word in brackets stands where one was. What cannot be searched
for (an address, a field of the organization's own) is not used at all, and nothing of the corrected
while core-api does not answer. The records themselves stay as they are.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.memory.models import ClientCorrection
from ai_svc.modules.privacy.naming import Naming
from chassis.http.service_client import ServiceClient
from chassis.web.errors import Unavailable
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId
from shared_schemas.privacy import MAX_SUBJECT_IDS, KnownValues, OutdatedValuesQuery

_log = structlog.get_logger(__name__)

_PATH: Final = "/internal/v1/known-values/outdated"
_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Corrected:
    """Which clients were, when, and what they are not known by any more."""

    corrected_at: Mapping[UUID, datetime]
    unusable_at: Mapping[UUID, datetime]
    """What was said about them before is not used."""
    old_values: Naming

    def may_use(self, client_ids: Collection[UUID], said_at: datetime) -> bool:
        """Whether any of it, said then about these clients, may be used."""
        ends = (self.unusable_at.get(client_id) for client_id in client_ids)
        return all(end is None or said_at >= end for end in ends)

    def words(self, text: str, client_ids: Collection[UUID], said_at: datetime) -> str:
        """What of it may be."""
        ends = (self.corrected_at.get(client_id) for client_id in client_ids)
        is_older = any(end is not None and said_at < end for end in ends)
        return self.old_values.taken_out(text).text if is_older else text

    def has_old_values(self, text: str) -> bool:
        """Whether it says something of them that is not so any more."""
        return self.old_values.is_in([text])


Corrections = Mapping[UUID, tuple[datetime, datetime | None]]


async def corrections_of(
    session: AsyncSession, tenant: OrganizationId, client_ids: Collection[UUID]
) -> Corrections:
    """Of these clients: when they were corrected, and when what no text can be searched for."""
    if not client_ids:
        return {}
    row = ClientCorrection
    wanted = sa.any_(sa.cast(list(client_ids), ARRAY(sa.Uuid())))
    found = await session.execute(
        sa.select(row.client_id, row.corrected_at, row.unfindable_at).where(
            row.organization_id == tenant, row.client_id == wanted
        )
    )
    return {client_id: (at, unfindable) for client_id, at, unfindable in found}


async def corrected(core_api: ServiceClient, actor: Actor, corrections: Corrections) -> Corrected:
    """No transaction is open meanwhile."""
    corrected_at = {client_id: at for client_id, (at, _) in corrections.items()}
    unusable = {client_id: at for client_id, (_, at) in corrections.items() if at is not None}
    known = await _outdated(core_api, actor, sorted(corrections)) if corrections else KnownValues()
    if known is None:
        return Corrected(corrected_at, corrected_at, Naming.of(KnownValues()))
    return Corrected(corrected_at, unusable, Naming.of(known))


async def _outdated(
    core_api: ServiceClient, actor: Actor, client_ids: list[UUID]
) -> KnownValues | None:
    if len(client_ids) > MAX_SUBJECT_IDS:
        return None  # as if it did not answer: nothing older about so many is used
    query = OutdatedValuesQuery(organization_id=actor.organization_id, client_ids=client_ids)
    try:
        answer = await core_api.request(
            "POST",
            _PATH,
            request_id=actor.request_id,
            json=query.model_dump(mode="json"),
            timeout_seconds=_SECONDS,
        )
    except Unavailable:
        _log.warning("old_values_not_known")
        return None
    if answer.status_code != 200:
        _log.warning("old_values_not_known", status=answer.status_code)
        return None
    return KnownValues.model_validate(answer.json()["data"])
