"""What ai-svc makes of core-api's facts is what core-api says itself, whatever happened before."""

import random
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import asyncpg
import httpx
import pytest
from fastapi.encoders import jsonable_encoder
from pydantic import SecretStr

from ai_svc.modules.access.rebuilding import rebuild
from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.settings import DatabaseSettings
from core_api.modules.access_facts.reading import PAGE, page_of
from core_api.modules.consents.legal_basis import legal_basis_of
from devstack.people import AURORA
from devstack.testing import DatabaseUrls
from shared_schemas.ids import OrganizationId, new_id

pytestmark = pytest.mark.committed

TENANT: Final = OrganizationId(AURORA.id)
CLIENTS: Final = 120
PURPOSES: Final = 6
_FILLERS: Final[dict[str, Any]] = {
    "text": "x",
    "integer": 1,
    "bigint": 1,
    "boolean": False,
    "ARRAY": [],
    "jsonb": "{}",
    "bytea": b"",
}


class Facts:
    """core-api as `ServiceClient` shows it, without the network."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def request(
        self, method: str, path: str, *, request_id: str, params: Any = None
    ) -> httpx.Response:
        """One page, as the route gives it."""
        assert (method, path, request_id) == ("GET", "/internal/v1/access-facts", "req-1")
        as_of = utc_now()
        after = tuple(UUID(each) for each in params.get("after", ()))
        async with self._database.transaction(TENANT, read_only=True) as session:
            found = await page_of(session, TENANT, params["kind"], after)
        page = {"as_of": as_of, "facts": found, "is_last": len(found) < PAGE}
        return httpx.Response(200, json={"data": jsonable_encoder(page)})


class History:
    """Everything that may have happened to clients, purposes and consents, by chance."""

    def __init__(self, connection: asyncpg.Connection, seed: int) -> None:
        self._rows = connection
        self._chance = random.Random(seed)
        self.clients = [new_id() for _ in range(CLIENTS)]
        self.purposes = {f"fim-{number}": new_id() for number in range(PURPOSES)}

    async def write(self) -> None:
        """Rows as core-api's contexts leave them."""
        await self._rows.execute("SET session_replication_role = replica")
        for code, purpose_id in self.purposes.items():
            await self._insert(
                "consent_purposes",
                id=purpose_id,
                code=code,
                legal_basis=self._chance.choice(["consent", "consent", "consent", "contract"]),
                notice_version=3,
                material_version=self._chance.choice([1, 2]),
                assistant_may_use=self._chance.random() < 0.8,
                archived_at=self._sometimes(0.2),
            )
        merged: dict[UUID, UUID] = {}
        for client_id in self.clients[1::3]:  # none of those others were merged into
            merged[client_id] = self._chance.choice(self.clients[::3])
        for client_id in self.clients:
            await self._insert(
                "clients",
                id=client_id,
                kind="person",
                merged_into_id=merged.get(client_id),
                deleted_at=None if client_id in merged else self._sometimes(0.1),
            )
            if client_id in merged:
                await self._merge(client_id, merged[client_id], None)
            elif self._chance.random() < 0.2:
                await self._merge(client_id, self._chance.choice(self.clients), utc_now())
            for code in self.purposes:
                await self._decisions(client_id, code)
            if self._chance.random() < 0.15:
                await self._block(client_id)

    async def _decisions(self, client_id: UUID, code: str) -> None:
        for _ in range(self._chance.choice([0, 1, 1, 2, 3])):
            consent_id, decided_at = new_id(), self._moment(-400, 0)
            granted = self._chance.random() < 0.8
            ends = granted and self._chance.random() < 0.4
            await self._insert(
                "consents",
                id=consent_id,
                client_id=client_id,
                purpose_id=self.purposes[code],
                notice_version=self._chance.choice([1, 2, 3]),
                decision="granted" if granted else "refused",
                channel="phone",
                decided_at=decided_at,
                expires_at=self._moment(-50, 50) if ends else None,
            )
            if granted and self._chance.random() < 0.3:
                await self._insert(
                    "consent_revocations",
                    consent_id=consent_id,
                    kind="revoked",
                    revoked_at=utc_now(),
                )

    async def _block(self, client_id: UUID) -> None:
        purpose_id = self._chance.choice([None, *self.purposes.values()])
        lifted_at = self._sometimes(0.4)
        await self._insert(
            "processing_blocks",
            client_id=client_id,
            purpose_id=purpose_id,
            cause="blocking",
            lifted_at=lifted_at,
            lifted_by=lifted_at and new_id(),
        )

    async def _merge(self, merged_id: UUID, survivor_id: UUID, undone_at: datetime | None) -> None:
        if merged_id != survivor_id:
            await self._insert(
                "client_merges",
                merged_id=merged_id,
                survivor_id=survivor_id,
                undone_at=undone_at,
                undone_by=undone_at and new_id(),
            )

    def _sometimes(self, share: float) -> datetime | None:
        return utc_now() if self._chance.random() < share else None

    def _moment(self, earliest: int, latest: int) -> datetime:
        return utc_now() + timedelta(days=self._chance.uniform(earliest, latest))

    async def _insert(self, table: str, **given: Any) -> None:
        needed = await self._rows.fetch(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'crm' AND table_name = $1 AND is_nullable = 'NO'"
            " AND column_default IS NULL AND is_generated = 'NEVER'",
            table,
        )
        values = {name: self._filler(kind) for name, kind in needed}
        values |= {"organization_id": TENANT, **given}
        names = ", ".join(values)
        places = ", ".join(f"${place}" for place in range(1, len(values) + 1))
        await self._rows.execute(
            f"INSERT INTO crm.{table} ({names}) VALUES ({places})", *values.values()
        )

    def _filler(self, kind: str) -> Any:
        if kind == "uuid":
            return new_id()
        return utc_now() if kind.startswith("timestamp") else _FILLERS[kind]


@pytest.fixture
async def databases(database_urls: DatabaseUrls, clean: None) -> AsyncIterator[list[Database]]:
    """core-api's and ai-svc's."""
    settings = DatabaseSettings(
        url=SecretStr(database_urls.app), worker_url=SecretStr(database_urls.worker)
    )
    opened = [Database(settings, schema=each, application_name="tests") for each in ("crm", "ai")]
    yield opened
    for database in opened:
        await database.close()


@pytest.mark.parametrize("seed", range(3))
async def test_both_services_say_the_same_of_every_client_and_purpose(
    databases: list[Database], database_urls: DatabaseUrls, seed: int
) -> None:
    crm, ai = databases
    connection = await asyncpg.connect(database_urls.superuser)
    history = History(connection, seed)
    try:
        await history.write()
        usable = {
            row["code"]
            for row in await connection.fetch(
                "SELECT code FROM crm.consent_purposes WHERE assistant_may_use"
            )
        }
        await rebuild(ai, Facts(crm), TENANT, "req-1")
        theirs = {
            client_id: set(
                await connection.fetchval("SELECT ai.purposes_in_force($1, $2)", TENANT, client_id)
            )
            for client_id in history.clients
        }
    finally:
        await connection.close()

    async with crm.transaction(TENANT, read_only=True) as session:
        ours = {
            client_id: {
                code
                for code in usable
                if (await legal_basis_of(session, TENANT, client_id, code)).allowed
            }
            for client_id in history.clients
        }

    assert theirs == ours
    assert 0 < sum(map(len, ours.values())) < CLIENTS * len(usable)
