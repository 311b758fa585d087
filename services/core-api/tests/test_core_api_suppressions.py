"""A backup brings back who was erased since: the suppression ledger erases them again."""

import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
from core_api_factories import Person, make_client
from core_api_records import Records
from erasure_factories import (
    MARKERS,
    Planted,
    answer_of,
    execute,
    place_hold,
    plant,
    rows_with,
    signer_of,
    sweep,
)
from pydantic import SecretStr

from chassis.data.database import Database
from chassis.security.sealing import Vault
from chassis.settings import DatabaseSettings
from core_api.modules.erasure.finishing import note_answer
from core_api.modules.erasure.replaying import replay
from core_api.modules.erasure.suppression import TombstoneForged, key_of
from core_api.schema import SCHEMA
from core_api.subject_stores import Workshop
from core_api.workplace import VAULT, Workplace
from devstack.people import AURORA
from devstack.shared_servers import RunningPostgres
from devstack.testing import DatabaseUrls, urls_of
from shared_schemas.ids import OrganizationId, new_id

pytestmark = pytest.mark.committed
TENANT = OrganizationId(AURORA.id)


@pytest.fixture(autouse=True)
async def _empty(workplace: Workplace) -> None:
    await workplace.storage.delete_prefix("")


class Backup:
    """A dump of the database as it was, restored beside it."""

    def __init__(self, postgres: RunningPostgres, urls: DatabaseUrls, folder: Path) -> None:
        self.postgres = postgres
        self.source = urls
        self.name = f"{urls.name}_restored"
        self.dump = folder / "backup.dump"

    @property
    def urls(self) -> DatabaseUrls:
        return urls_of(self.postgres, self.name)

    def take(self) -> None:
        self._run("pg_dump", "--format=custom", f"--file={self.dump}", self.source.superuser)

    def restore(self) -> None:
        self.postgres.execute(
            f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)',
            f'CREATE DATABASE "{self.name}"',
            f'GRANT CONNECT ON DATABASE "{self.name}" TO cogep_app, cogep_worker',
        )
        self._run(
            "pg_restore", "--exit-on-error", f"--dbname={self.urls.superuser}", str(self.dump)
        )

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self.postgres.bin / program, *arguments], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture
def backup(
    postgres: RunningPostgres, database_urls: DatabaseUrls, tmp_path: Path
) -> Iterator[Backup]:
    found = Backup(postgres, database_urls, tmp_path)
    yield found
    postgres.execute(f'DROP DATABASE IF EXISTS "{found.name}" WITH (FORCE)')


@pytest.fixture
async def restored(
    backup: Backup, workshop: Workshop, workplace: Workplace
) -> AsyncIterator[Workshop]:
    """The same, on the copy."""
    settings = DatabaseSettings(
        url=SecretStr(backup.urls.app), worker_url=SecretStr(backup.urls.worker)
    )
    database = Database(
        settings,
        schema=SCHEMA,
        application_name="restored",
        info={VAULT: Vault(workplace.settings.sealing)},
    )
    yield Workshop(database=database, redis=workshop.redis, storage=workshop.storage)
    await database.close()


async def erased(
    ana: Person, planted: Planted, workshop: Workshop, workplace: Workplace, database: Database
) -> None:
    erasure = await execute(ana, planted)
    await sweep(workshop, workplace)
    async with database.transaction(TENANT) as tx:
        await note_answer(tx, answer_of(erasure))
    assert (await sweep(workshop, workplace)).completed == 1


async def test_who_was_erased_after_the_backup_is_erased_in_it_again(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    backup: Backup,
    restored: Workshop,
) -> None:
    planted = await plant(ana)
    await place_hold(ana, planted.id)  # lifted after the backup: no reason to wait
    other = await make_client(ana, name="Pedro da Silva")
    backup.take()
    (hold,) = await ana.seen("/api/v1/legal-holds")
    await ana.made(f"/api/v1/legal-holds/{hold['id']}/lift", {"reason": "Fim"})
    await erased(ana, planted, workshop, workplace, database)
    backup.restore()
    copy = await asyncpg.connect(backup.urls.superuser)
    assert await rows_with(copy, MARKERS["name"]) != {}

    done = await replay(restored, signer_of(workplace))

    assert (done.tombstones, done.erased, done.known, done.absent) == (1, 1, 0, 0)
    left = {place: await rows_with(copy, marker) for place, marker in MARKERS.items()}
    assert {place: found for place, found in left.items() if found} == {}
    name = "SELECT name FROM crm.clients WHERE id = $1::uuid"
    assert await copy.fetchval(name, other["id"]) == "Pedro da Silva"
    (asked,) = done.asked
    assert (asked.payload.mode, str(asked.payload.client_id)) == ("replay", planted.id)
    events = await Records(restored.database).events("privacy.erasure_requested")
    assert [event["payload"]["mode"] for event in events] == ["replay"]
    again = await replay(restored, signer_of(workplace))
    assert (again.erased, len(again.asked)) == (1, 1)
    assert again.values == done.values != {}  # cut off in between, it tells the others once more
    assert await copy.fetchval("SELECT count(*) FROM crm.erasures") == 1
    await copy.close()


async def test_a_backup_from_after_the_erasure_and_one_from_before_the_client_need_nothing(
    ana: Person,
    workshop: Workshop,
    workplace: Workplace,
    database: Database,
    backup: Backup,
    restored: Workshop,
) -> None:
    first = await plant(ana, tickets=1)
    await erased(ana, first, workshop, workplace, database)
    backup.take()
    second = Planted((await make_client(ana))["id"])
    await erased(ana, second, workshop, workplace, database)
    backup.restore()

    done = await replay(restored, signer_of(workplace))

    assert (done.tombstones, done.erased, done.known, done.absent) == (2, 0, 1, 1)
    assert done.asked == []


async def test_a_forged_tombstone_erases_nobody(
    ana: Person, workshop: Workshop, workplace: Workplace, superuser: asyncpg.Connection
) -> None:
    client = await make_client(ana)
    key = key_of(TENANT, new_id())

    async def content() -> AsyncIterator[bytes]:
        yield b'{"head": "{}", "signature": "AAAA"}'

    await workplace.storage.put_stream(key, content(), max_bytes=1000)

    with pytest.raises(TombstoneForged):
        await replay(workshop, signer_of(workplace))

    name = "SELECT name FROM crm.clients WHERE id = $1::uuid"
    assert await superuser.fetchval(name, client["id"]) == client["name"]


async def test_a_tombstone_moved_to_another_place_is_forged(
    ana: Person, workshop: Workshop, workplace: Workplace, database: Database
) -> None:
    planted = await plant(ana, tickets=1)
    await erased(ana, planted, workshop, workplace, database)
    (listed,) = [entry async for entry in workplace.storage.list("suppression-ledger")]
    kept = await workplace.storage.read(listed.key)

    async def content() -> AsyncIterator[bytes]:
        yield kept

    await workplace.storage.put_stream(key_of(TENANT, new_id()), content(), max_bytes=10_000)

    with pytest.raises(TombstoneForged):
        await replay(workshop, signer_of(workplace))
