"""What core-api tells of who may read: in any order, twice, or all at once again."""

from collections.abc import AsyncIterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest
from access_factories import AURORA, MARKETING, CoreApi, told_consent
from ai_svc_factories import INTERNAL_KEY, Person
from fastapi import FastAPI

from ai_svc.modules.access import rebuilding
from ai_svc.workshop import Workshop
from chassis.data.columns import utc_now
from devstack.people import PEOPLE
from devstack.testing import DatabaseUrls
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed

TEAM = new_id()
VERA = PEOPLE["vera"].sub
REBUILD = "/internal/v1/access/rebuild"
WORKER = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}


class Facts:
    """core-api as `ServiceClient` shows it, in pages of two."""

    def __init__(self, **facts: list[dict[str, Any]]) -> None:
        self.facts = {name.replace("_", "-"): found for name, found in facts.items()}
        self.asked: list[str] = []
        self.status = 200

    async def request(
        self, method: str, path: str, *, request_id: str, params: Any = None
    ) -> httpx.Response:
        assert method == "GET"
        assert request_id
        assert path == "/internal/v1/access-facts"
        kind = params["kind"]
        self.asked.append(kind)
        after = params.get("after")
        found = self.facts.get(kind, [])
        keys = [[value for name, value in fact.items() if name.endswith("_id")] for fact in found]
        start = 0
        if after is not None:
            start = next(i for i, key in enumerate(keys) if key[: len(after)] == after) + 1
        page = {
            "as_of": utc_now().isoformat(),
            "facts": found[start : start + 2],
            "is_last": start + 2 > len(found),
        }
        return httpx.Response(self.status, json={"data": page})


@pytest.fixture
async def rows(database_urls: DatabaseUrls) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_urls.superuser)
    yield connection
    await connection.close()


async def members(rows: asyncpg.Connection) -> list[UUID]:
    found = await rows.fetch("SELECT member_id FROM ai.team_members WHERE is_member ORDER BY 1")
    return [row["member_id"] for row in found]


async def standing(rows: asyncpg.Connection) -> int:
    count: int = await rows.fetchval(
        "SELECT count(*) FROM ai.client_consents WHERE revoked_at IS NULL AND NOT refused"
    )
    return count


async def test_a_membership_is_what_was_told_last_whatever_comes_last(
    core_api: CoreApi, rows: asyncpg.Connection
) -> None:
    joined, left = utc_now(), utc_now() + timedelta(seconds=1)
    await core_api.team(TEAM, removed=("vera",), at=left)
    await core_api.team(TEAM, added=("vera",), at=joined)
    await core_api.team(TEAM, added=("davi",), at=joined)
    await core_api.team(TEAM, added=("davi",), at=joined)

    assert await members(rows) == [PEOPLE["davi"].sub]


async def test_a_revoked_consent_does_not_come_back(
    core_api: CoreApi, rows: asyncpg.Connection
) -> None:
    client_id, consent_id = new_id(), new_id()
    await core_api.revoked(client_id, consent_id)
    await core_api.granted(client_id, consent_id)
    assert await standing(rows) == 0

    await core_api.granted(client_id)
    assert await standing(rows) == 1


async def test_what_was_before_the_events_is_learned_from_core_api(
    app: FastAPI, core_api: CoreApi, rows: asyncpg.Connection
) -> None:
    workshop: Workshop = app.state.workshop
    people = [PEOPLE[name].sub for name in ("ana", "bruno", "vera")]
    revoked = utc_now().isoformat()
    facts = Facts(
        team_members=[{"team_id": str(TEAM), "member_id": str(sub)} for sub in people],
        consents=[
            told_consent(new_id(), refused=number == 2, revoked_at=revoked if number == 1 else None)
            for number in range(3)
        ],
        purposes=[
            {
                "purpose_id": str(new_id()),
                "purpose_code": MARKETING,
                "legal_basis": "consent",
                "assistant_may_use": True,
                "archived": False,
                "material_version": 1,
                "version": 3,
            }
        ],
        blocks=[
            {
                "block_id": str(new_id()),
                "client_id": str(new_id()),
                "purpose_code": None,
                "lifted_at": None,
            }
        ],
        transfers=[
            {
                "transfer_id": str(new_id()),
                "provider": "openai",
                "country": "US",
                "mechanism": "standard_clauses",
                "purpose_codes": [MARKETING],
                "allowed": True,
                "valid_until": "2030-12-31",
                "version": 1,
            }
        ],
        merges=[
            {
                "merge_id": str(new_id()),
                "merged_id": str(new_id()),
                "survivor_id": str(new_id()),
                "undone_at": None,
            }
        ],
    )

    for _ in range(2):
        await rebuilding.rebuild(workshop.database, facts, AURORA, "req-1")

    assert await members(rows) == sorted(people)
    assert await standing(rows) == 1
    for table in ("client_merges", "purposes", "processing_blocks", "transfers"):
        assert await rows.fetchval(f"SELECT count(*) FROM ai.{table}") == 1
    known = await rows.fetchrow("SELECT purpose_codes, valid_until FROM ai.transfers")
    assert known == ([MARKETING], date(2030, 12, 31))
    assert facts.asked[:2] == ["team-members", "team-members"]  # page after page


async def test_an_event_knows_better_than_an_older_page(
    app: FastAPI, core_api: CoreApi, rows: asyncpg.Connection
) -> None:
    workshop: Workshop = app.state.workshop
    long_ago = utc_now() - timedelta(hours=1)
    await core_api.team(TEAM, added=("bruno",), at=long_ago)  # has left, the event was lost
    await core_api.team(TEAM, added=("davi",), at=utc_now())  # not committed when it was read
    await core_api.team(TEAM, removed=("vera",), at=utc_now())  # still there when it was read
    facts = Facts(team_members=[{"team_id": str(TEAM), "member_id": str(VERA)}])

    await rebuilding.rebuild(workshop.database, facts, AURORA, "req-1")

    assert await members(rows) == [PEOPLE["davi"].sub]


async def test_organizations_with_documents_are_compared_once_a_day(
    app: FastAPI, ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = Facts()
    workshop: Workshop = app.state.workshop
    monkeypatch.setitem(app.state._state, "workshop", _with(workshop, facts))
    nothing = (await ana.http.post(REBUILD, headers=WORKER)).json()["data"]
    await ana.index("Um texto.")

    first = await ana.http.post(REBUILD, headers=WORKER)
    second = await ana.http.post(REBUILD, headers=WORKER)

    assert nothing == {"rebuilt": 0}
    assert first.json()["data"] == {"rebuilt": 1}
    assert second.json()["data"] == {"rebuilt": 0}
    assert (await ana.http.post(REBUILD)).status_code in {401, 403}


async def test_what_core_api_refuses_to_tell_is_asked_again(app: FastAPI, ana: Person) -> None:
    facts = Facts()
    facts.status = 403
    workshop: Workshop = app.state.workshop
    await ana.index("Um texto.")

    with pytest.raises(rebuilding.FactsRefused):
        await rebuilding.rebuild_due(workshop.database, facts, "req-1")

    facts.status = 200
    assert await rebuilding.rebuild_due(workshop.database, facts, "req-1") == {"rebuilt": 1}


def _with(workshop: Workshop, facts: Facts) -> Workshop:
    values = {name: getattr(workshop, name) for name in workshop.__dataclass_fields__}
    return Workshop(**{**values, "core_api": facts})
