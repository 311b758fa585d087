"""`python -m core_api.rotate_keys`: everything under the current key, while everybody works."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import asyncpg
import pytest
from core_api_factories import (
    CLIENTS,
    Person,
    generated_cpf,
    generated_key,
    make_client,
)
from pydantic import SecretStr

from chassis.data.database import Database
from chassis.security.sealing import Vault, key_number
from chassis.settings import SealingSettings, ServiceSettings
from core_api.key_rotation import KeyRotation
from core_api.modules.clients import documents
from core_api.rotate_keys import OwnerSettings, RotationSettings, rotate_all
from core_api.settings import CoreApiSettings
from core_api.tables import SCHEMA
from core_api.workplace import VAULT
from devstack.people import AURORA
from devstack.testing import DatabaseUrls
from shared_schemas.ids import OrganizationId

pytestmark = pytest.mark.committed
AT = OrganizationId(AURORA.id)
EVENTS = "/api/v1/audit-events"


@pytest.fixture
def rotated(settings: CoreApiSettings) -> SealingSettings:
    """The operator has made key 2 the current one."""
    return settings.sealing.model_copy(update={"current": 2})


@pytest.fixture
async def rotation(
    settings: CoreApiSettings, rotated: SealingSettings
) -> AsyncIterator[KeyRotation]:
    """Small pages, so that there are several."""
    vault = Vault(rotated)
    database = Database(
        settings.database, schema=SCHEMA, application_name="rotation", info={VAULT: vault}
    )
    yield KeyRotation(database, vault, run_id="rotation-0001", batch=3)
    await database.close()


async def keys_in_use(superuser: asyncpg.Connection) -> set[int]:
    sealed = await superuser.fetch(
        "SELECT document_sealed AS sealed FROM crm.clients WHERE document_sealed IS NOT NULL"
        " UNION ALL SELECT key_sealed FROM crm.subject_keys"
    )
    return {key_number(row["sealed"]) for row in sealed}


async def test_everything_moves_to_the_current_key_and_stays_readable(
    ana: Person, rotation: KeyRotation, superuser: asyncpg.Connection
) -> None:
    clients = [await make_client(ana, document=generated_cpf(seed)) for seed in range(7)]
    before = await superuser.fetch("SELECT id, version, updated_at FROM crm.clients ORDER BY id")
    assert await keys_in_use(superuser) == {1}

    done = await rotation.rotate(AT)

    assert (done.documents, done.keys, done.stale, done.broken) == (7, 7, 0, set())
    assert await keys_in_use(superuser) == {2}
    after = await superuser.fetch("SELECT id, version, updated_at FROM crm.clients ORDER BY id")
    assert after == before
    for seed, client in enumerate(clients):
        read = await ana.seen(f"{CLIENTS}/{client['id']}")
        assert read["document"].replace(".", "").replace("-", "") == generated_cpf(seed)
    created = await ana.seen(EVENTS, action="client.created")
    assert not any(event["values"]["name"]["erased"] for event in created)


async def test_again_it_finds_nothing_to_do(
    ana: Person, rotation: KeyRotation, superuser: asyncpg.Connection
) -> None:
    await make_client(ana, document=generated_cpf(1))
    await rotation.rotate(AT)
    sealed = await superuser.fetch("SELECT document_sealed FROM crm.clients")

    done = await rotation.rotate(AT)

    assert (done.documents, done.keys) == (0, 0)
    assert await superuser.fetch("SELECT document_sealed FROM crm.clients") == sealed
    (noted,) = await ana.seen(EVENTS, action="sealing_key.rotated")
    assert noted["actor_id"] is None
    assert noted["values"]["documents"]["to"] == 1
    assert noted["request_id"] == "rotation-0001"


async def test_stopped_halfway_it_goes_on(
    ana: Person, rotation: KeyRotation, superuser: asyncpg.Connection
) -> None:
    for seed in range(5):
        await make_client(ana, document=generated_cpf(seed))
    working = asyncio.create_task(rotation.rotate(AT))
    while await keys_in_use(superuser) == {1}:
        pass  # asking is a pause by itself
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)

    await rotation.rotate(AT)

    assert await keys_in_use(superuser) == {2}


async def test_changes_made_meanwhile_are_kept(
    ana: Person, rotation: KeyRotation, superuser: asyncpg.Connection
) -> None:
    """Half of the clients get another document while the rotation goes through them."""
    clients = [await make_client(ana, document=generated_cpf(seed)) for seed in range(12)]

    async def change(position: int) -> None:
        path = f"{CLIENTS}/{clients[position]['id']}"
        answer = await ana.patch(path, {"document": generated_cpf(100 + position)})
        assert answer.status_code == 200, answer.text

    await asyncio.gather(*(change(position) for position in range(0, 12, 2)), rotation.rotate(AT))
    await rotation.rotate(AT)  # the service still seals under key 1 here

    assert await keys_in_use(superuser) == {2}
    for position, client in enumerate(clients):
        expected = generated_cpf(position if position % 2 else 100 + position)
        read = await ana.seen(f"{CLIENTS}/{client['id']}")
        assert read["document"].replace(".", "").replace("-", "") == expected


async def test_rows_somebody_holds_are_not_waited_for(
    ana: Person, rotation: KeyRotation, superuser: asyncpg.Connection, database: Database
) -> None:
    held = await make_client(ana, document=generated_cpf(1))
    await make_client(ana, document=generated_cpf(2))
    locked = superuser.transaction()
    await locked.start()
    await superuser.execute("SELECT FROM crm.clients WHERE id = $1 FOR UPDATE", UUID(held["id"]))

    done = await rotation.rotate(AT)
    await locked.rollback()

    assert (done.documents, done.stale) == (1, 1)
    assert (await rotation.rotate(AT)).documents == 1
    assert await keys_in_use(superuser) == {2}


async def test_a_row_that_does_not_open_is_named_and_the_rest_goes_on(
    ana: Person, rotation: KeyRotation, superuser: asyncpg.Connection
) -> None:
    broken, whole = [await make_client(ana, document=generated_cpf(seed)) for seed in range(2)]
    await superuser.execute(
        "UPDATE crm.clients SET document_sealed ="
        " set_byte(document_sealed, 20, get_byte(document_sealed, 20) # 1) WHERE id = $1",
        UUID(broken["id"]),
    )

    done = await rotation.rotate(AT)

    assert done.broken == {UUID(broken["id"])}
    assert done.documents == 1
    assert (await ana.seen(f"{CLIENTS}/{whole['id']}"))["version"] == 1


async def test_what_replicas_of_the_version_before_wrote_in_the_clear_is_sealed(
    ana: Person, rotation: KeyRotation, superuser: asyncpg.Connection
) -> None:
    client = await make_client(ana, document=generated_cpf(1))
    await superuser.execute("UPDATE crm.clients SET document = $1", generated_cpf(2))

    done = await rotation.rotate(AT)

    assert done.documents == 1
    assert await superuser.fetchval("SELECT document FROM crm.clients") is None
    (found,) = await ana.seen(f"{CLIENTS}/search", q=generated_cpf(2))
    assert found["id"] == client["id"]


async def test_another_key_of_the_blind_index_is_taken_over(
    ana: Person, settings: CoreApiSettings, superuser: asyncpg.Connection
) -> None:
    client = await make_client(ana, document=generated_cpf(1))
    other = settings.sealing.model_copy(update={"index_key": generated_key(9)})
    vault = Vault(other)
    database = Database(settings.database, schema=SCHEMA, application_name="r", info={VAULT: vault})

    done = await KeyRotation(database, vault, run_id="r").rotate(AT)
    await database.close()

    assert (done.documents, done.keys) == (1, 0)
    found_by = documents.index_of(vault, AT, generated_cpf(1))
    row = await superuser.fetchrow("SELECT id, document_index FROM crm.clients")
    assert (row["id"], row["document_index"]) == (UUID(client["id"]), found_by)


async def test_the_command_goes_through_every_organization(
    ana: Person,
    beto: Person,
    settings: CoreApiSettings,
    rotated: SealingSettings,
    database_urls: DatabaseUrls,
    superuser: asyncpg.Connection,
) -> None:
    for seed, person in enumerate((ana, beto)):
        await make_client(person, document=generated_cpf(seed))
    command = RotationSettings(
        service=ServiceSettings(),
        database=settings.database,
        sealing=rotated,
        owner=OwnerSettings(owner_url=SecretStr(database_urls.owner)),
    )

    done = await rotate_all(command)

    assert [each.documents for each in done.values()] == [1, 1]
    assert await keys_in_use(superuser) == {2}
    again = await rotate_all(replace(command, sealing=rotated))
    assert not any(each.documents or each.keys for each in again.values())
