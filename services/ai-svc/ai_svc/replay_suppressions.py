"""`python -m ai_svc.replay_suppressions`: erases again who was erased since a backup was made.

For a restored database, before anything serves. Reads tombstones of the suppression ledger from
its input, one JSON object a line, as `python -m core_api.replay_suppressions --list` prints them
once it has checked their signatures. May be stopped and run again. Exit code 1 when somebody could
not be erased: then the database must not serve.
"""

import asyncio
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
import structlog
from pydantic import BaseModel, ConfigDict, ValidationError

from ai_svc.modules.privacy.erasing import Eraser
from ai_svc.modules.privacy.following import begin_erasure
from ai_svc.modules.privacy.work import ERASURES
from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from chassis.messaging.job_queue import FINISHED
from chassis.observability.logging import configure_logging
from chassis.settings import DatabaseSettings, ServiceSettings, StorageSettings, read_settings
from knowledge.models import SCHEMA
from shared_schemas.events import PrivacyErasureRequested
from shared_schemas.ids import OrganizationId, new_id

_log = structlog.get_logger(__name__)


class Tombstone(BaseModel):
    """Who was erased, on which request."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    organization_id: OrganizationId
    client_id: UUID
    client_ids: tuple[UUID, ...]
    privacy_request_id: UUID


@dataclass(frozen=True, kw_only=True)
class ReplaySettings:
    """What the command reads from the environment."""

    service: ServiceSettings
    database: DatabaseSettings
    storage: StorageSettings


async def replay(
    database: Database, storage: ObjectStorage, tombstones: Iterable[Tombstone]
) -> Sequence[Tombstone]:
    """Erases them; returns those that are not erased yet."""
    entries = list(tombstones)
    for entry in entries:
        event = PrivacyErasureRequested.caused(
            organization_id=entry.organization_id,
            correlation_id=f"replay-{new_id()}",
            privacy_request_id=entry.privacy_request_id,
            client_id=entry.client_id,
            client_ids=entry.client_ids,
            mode="replay",
        )
        async with database.transaction(entry.organization_id) as session:
            await begin_erasure(session, event)
    await Eraser(database, storage).drain_once("replay")
    return [entry for entry in entries if not await _is_over(database, entry)]


async def _is_over(database: Database, entry: Tombstone) -> bool:
    over = sa.exists().where(
        ERASURES.c.organization_id == entry.organization_id,
        ERASURES.c.privacy_request_id == entry.privacy_request_id,
        ERASURES.c.state.in_(FINISHED),
    )
    async with database.transaction(entry.organization_id, read_only=True) as session:
        return bool(await session.scalar(sa.select(over)))


async def _replay_all(settings: ReplaySettings, entries: Sequence[Tombstone]) -> int:
    database = Database(settings.database, schema=SCHEMA, application_name="suppression replay")
    try:
        left = await replay(database, ObjectStorage.at(settings.storage), entries)
    finally:
        await database.close()
    return len(left)


def main(lines: Iterable[str] = sys.stdin) -> int:
    """Replays, and says in one line how it went."""
    settings = read_settings(ReplaySettings)
    configure_logging(settings.service, service="ai-svc")
    try:
        entries = [Tombstone.model_validate_json(line) for line in lines if line.strip()]
    except ValidationError as error:
        sys.stderr.write(f"not a tombstone: {error.error_count()} findings\n")
        return 1
    left = asyncio.run(_replay_all(settings, entries))
    _log.info("suppressions_replayed", tombstones=len(entries), left=left)
    sys.stdout.write(f"{len(entries)} tombstones: {len(entries) - left} erased again\n")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
