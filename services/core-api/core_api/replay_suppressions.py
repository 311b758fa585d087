"""`python -m core_api.replay_suppressions [EVENTS]`: erases again who was erased since a backup.

For a restored database, before anything serves: `restore-db.sh` calls it. Needs the variables of
core-api, DATABASE_URL and DATABASE_WORKER_URL being those of the restored database, and the object
storage, where the suppression ledger is; no Redis. EVENTS is a file to write: what is left to
`python -m ai_svc.replay_erasures`, which reads from a pipe what this one prints: what those persons
were known by, for nobody knows it afterwards. It is never written to a file. Exit code 1 when the
ledger cannot be believed, or somebody could not be erased: then the database must not serve, and
one restored anew begins anew.
"""

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import structlog
from redis.asyncio import Redis

from chassis.data.database import Database
from chassis.data.object_storage import STORAGE_FAILURES, ObjectStorage
from chassis.observability.logging import configure_logging
from chassis.security.sealing import Vault
from chassis.settings import (
    DatabaseSettings,
    SealingSettings,
    ServiceSettings,
    StorageSettings,
    read_settings,
)
from core_api.anchoring import Signer
from core_api.modules.erasure.replaying import Replayed, replay
from core_api.modules.erasure.suppression import TombstoneForged
from core_api.schema import SCHEMA
from core_api.settings import LedgerSettings
from core_api.subject_stores import Workshop
from core_api.workplace import VAULT

log = structlog.get_logger(__name__)
KNOWN = "known-values "
"""Begins the line that is not of the log."""


@dataclass(frozen=True, kw_only=True)
class ReplaySettings:
    """What the command reads from the environment."""

    service: ServiceSettings
    database: DatabaseSettings
    sealing: SealingSettings
    storage: StorageSettings
    ledger: LedgerSettings


async def replay_all(settings: ReplaySettings) -> Replayed:
    """Opens what it needs, replays, closes. Redis is not spoken to."""
    database = Database(
        settings.database,
        schema=SCHEMA,
        application_name="suppression replay",
        info={VAULT: Vault(settings.sealing)},
    )
    redis = Redis()  # for stores that are passed over here; nothing connects
    try:
        workshop = Workshop(
            database=database, redis=redis, storage=ObjectStorage.at(settings.storage)
        )
        return await replay(workshop, Signer(settings.ledger))
    finally:
        await redis.aclose()
        await database.close()


def main() -> int:
    """Replays, and says in one line how it went."""
    events = Path(sys.argv[1]) if len(sys.argv) > 1 else None
    settings = read_settings(ReplaySettings)
    configure_logging(settings.service, service="core-api")
    try:
        done = asyncio.run(replay_all(settings))
    except TombstoneForged as forged:
        sys.stderr.write(f"the suppression ledger is not to be believed: {forged}\n")
        return 1
    except STORAGE_FAILURES as error:
        sys.stderr.write(f"the suppression ledger cannot be read: {type(error).__name__}\n")
        return 1
    if events is not None:
        events.write_text("".join(f"{event.model_dump_json()}\n" for event in done.asked), "utf-8")
    log.info("suppressions_replayed", tombstones=done.tombstones, erased=done.erased)
    if not sys.stdout.isatty():
        known = {str(request): found.model_dump() for request, found in done.values.items()}
        sys.stdout.write(f"{KNOWN}{json.dumps(known)}\n")
    sys.stderr.write(
        f"{done.tombstones} tombstones: {done.erased} erased again, {done.known} erased before the"
        f" backup, {done.absent} not in it\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
