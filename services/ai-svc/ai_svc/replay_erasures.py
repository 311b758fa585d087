"""`python -m ai_svc.replay_erasures EVENTS`: erases again who was erased since a backup was made.

For a restored database, before anything serves; EVENTS is what `core_api.replay_suppressions`
wrote, an event per line, and what that one printed comes from standard input, by a pipe: what those
persons were known by. Needs DATABASE_URL and DATABASE_WORKER_URL, being those of the restored
database, and STORAGE_URL; not Redis, which has nothing of a database that served nobody. It may be
stopped and run again. The same events come by Redis later, and change nothing then. Exit code 1
when somebody could not be erased.
"""

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from uuid import UUID

import sqlalchemy as sa
import structlog

from ai_svc.modules.privacy.erasing import Eraser
from ai_svc.modules.privacy.following import begin_erasure
from ai_svc.modules.privacy.work import ERASURES
from chassis.data.database import Database
from chassis.data.object_storage import ObjectStorage
from chassis.messaging.job_queue import JobState
from chassis.observability.logging import configure_logging
from chassis.settings import DatabaseSettings, ServiceSettings, StorageSettings, read_settings
from knowledge.models import SCHEMA
from shared_schemas.events import PrivacyErasureRequested
from shared_schemas.ids import OrganizationId, new_id
from shared_schemas.privacy import KnownValues

log = structlog.get_logger(__name__)
KNOWN = "known-values "
"""Begins the line of what `core_api.replay_suppressions` prints that is not of its log."""


@dataclass(frozen=True, kw_only=True)
class ReplaySettings:
    """What the command reads from the environment."""

    service: ServiceSettings
    database: DatabaseSettings
    storage: StorageSettings


async def replay_all(
    settings: ReplaySettings,
    events: Sequence[PrivacyErasureRequested],
    known: Mapping[UUID, KnownValues] = MappingProxyType({}),
) -> int:
    """Erases all of them to the end; how many are not done. `known`: by request."""

    async def known_of(_tenant: OrganizationId, privacy_request_id: UUID) -> KnownValues:
        return known.get(privacy_request_id, KnownValues())

    database = Database(settings.database, schema=SCHEMA, application_name="erasure replay")
    try:
        for event in events:
            async with database.transaction(event.organization_id) as session:
                await begin_erasure(session, event)
        storage = ObjectStorage.at(settings.storage)
        eraser = Eraser(database, storage, redis=None, known_of=known_of)
        while await eraser.drain_once(f"replay:{new_id()}"):
            pass
        return sum([await _left(database, event) for event in events])
    finally:
        await database.close()


async def _left(database: Database, event: PrivacyErasureRequested) -> int:
    done = sa.select(sa.func.count()).where(
        ERASURES.c.organization_id == event.organization_id,
        ERASURES.c.privacy_request_id == event.payload.privacy_request_id,
        ERASURES.c.state != JobState.SUCCEEDED,
    )
    async with database.transaction(event.organization_id, read_only=True) as session:
        return (await session.scalar(done)) or 0


def _read(file: Path) -> list[PrivacyErasureRequested]:
    lines = file.read_text("utf-8").splitlines()
    return [PrivacyErasureRequested.model_validate_json(line) for line in lines if line.strip()]


def _read_known(lines: Iterable[str]) -> dict[UUID, KnownValues]:
    """Of the one line that says it; the others are the other command's log, and are passed on."""
    known: dict[UUID, KnownValues] = {}
    for line in lines:
        if line.startswith(KNOWN):
            found = json.loads(line.removeprefix(KNOWN))
            known |= {
                UUID(asked): KnownValues.model_validate(each) for asked, each in found.items()
            }
        else:
            sys.stderr.write(line)
    return known


def main() -> int:
    """Replays, and says in one line how it went."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m ai_svc.replay_erasures EVENTS\n")
        return 2
    settings = read_settings(ReplaySettings)
    configure_logging(settings.service, service="ai-svc")
    try:
        events = _read(Path(sys.argv[1]))
        known = {} if sys.stdin.isatty() else _read_known(sys.stdin)
    except (OSError, ValueError) as error:
        sys.stderr.write(f"the events cannot be read: {type(error).__name__}\n")
        return 1
    left = asyncio.run(replay_all(settings, events, known))
    sys.stdout.write(f"{len(events)} erasures replayed, {left} left to do\n")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
