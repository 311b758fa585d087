"""What was shown stays as it was, and is forgotten: in time, with a person, a conversation."""

from datetime import timedelta
from uuid import UUID

import asyncpg
import pytest
from ai_svc_factories import Person
from ai_svc_with_core_api import Beside
from core_api_factories import make_ticket
from proposal_factories import PATH, PersonOf, confirmed, draft, read, wished

from ai_svc.modules.privacy.exceptions import ClientErased
from ai_svc.modules.proposals import service as proposals
from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed


@pytest.fixture
def bruno(person: PersonOf) -> Person:
    """Attendant at aurora, at ai-svc."""
    return person("bruno")


@pytest.mark.parametrize(
    "change",
    [
        "arguments = jsonb_set(arguments, '{body}', '\"outra coisa\"')",
        "summary = 'outra coisa'",
        "skill = 'create_ticket'",
        "user_id = gen_random_uuid()",
        "expires_at = now() + interval '1 year'",
        "arguments_sha256 = 'x'",
    ],
)
async def test_what_was_shown_cannot_be_changed(
    both: Beside, superuser: asyncpg.Connection, change: str
) -> None:
    _, proposal_id = await draft(both)

    with pytest.raises(asyncpg.CheckViolationError):
        await superuser.execute(f"UPDATE ai.proposals SET {change} WHERE id = $1", proposal_id)


async def test_what_was_changed_in_spite_of_that_is_not_done(
    both: Beside, bruno: Person, superuser: asyncpg.Connection
) -> None:
    _, proposal_id = await draft(both)
    await superuser.execute("SET session_replication_role = replica")
    await superuser.execute(
        "UPDATE ai.proposals SET arguments = jsonb_set(arguments, '{body}', '\"x\"') WHERE id = $1",
        proposal_id,
    )

    answer = await bruno.post(f"{PATH}/{proposal_id}/confirm")

    assert (answer.status_code, answer.json()["code"]) == (500, "INTERNAL_ERROR")
    assert (await read(bruno, proposal_id))["status"] == "pending"
    assert both.wire.writes() == []


async def test_words_are_forgotten_after_a_day_and_rows_after_a_month(
    both: Beside, bruno: Person, superuser: asyncpg.Connection
) -> None:
    _, proposal_id = await draft(both)
    _, young = await draft(both)
    await confirmed(bruno, proposal_id)
    database = both.workshop.database
    await superuser.execute("SET session_replication_role = replica")
    for age, left in (("26 hours", (1, 0)), ("31 days", (0, 1))):
        await superuser.execute(
            "UPDATE ai.proposals SET created_at = now() - $2::interval,"
            " expires_at = now() - $2::interval, settled_at = now() - $2::interval WHERE id = $1",
            proposal_id,
            _interval(age),
        )
        pruned = await proposals.prune(database)
        assert (pruned["proposal_words"], pruned["proposals"]) == left
        if left[0]:
            kept = await read(bruno, proposal_id)
            assert (kept["status"], kept["arguments"], kept["summary"]) == ("confirmed", None, None)

    assert (await bruno.get(f"{PATH}/{proposal_id}")).status_code == 404
    assert (await read(bruno, young))["arguments"] is not None


async def test_what_never_came_to_an_end_is_said_to_be_unknown(
    both: Beside, bruno: Person, superuser: asyncpg.Connection
) -> None:
    _, proposal_id = await draft(both)
    await superuser.execute(
        "UPDATE ai.proposals SET status = 'executing', started_at = now() - interval '25 hours'"
    )
    refused = await bruno.post(f"{PATH}/{proposal_id}/confirm")

    await proposals.prune(both.workshop.database)

    assert (refused.status_code, refused.json()["code"]) == (410, "PROPOSAL_EXPIRED")
    kept = await read(bruno, proposal_id)
    assert (kept["status"], kept["error_code"]) == ("failed", "PROPOSAL_UNKNOWN")
    assert both.wire.writes() == []


async def test_nothing_is_proposed_about_somebody_who_was_erased(
    both: Beside, superuser: asyncpg.Connection
) -> None:
    ticket = await make_ticket(both.at_core_api("bruno"))
    await superuser.execute(
        "INSERT INTO ai.client_absences (organization_id, client_id, is_deleted, changed_at,"
        " erased_at) VALUES ($1, $2, true, now(), now())",
        both.actor("bruno").organization_id,
        UUID(ticket["client_id"]),
    )

    with pytest.raises(ClientErased):
        await wished(both, ticket)

    assert await superuser.fetchval("SELECT count(*) FROM ai.proposals") == 0


async def test_a_proposal_goes_with_its_conversation(both: Beside, bruno: Person) -> None:
    ticket = await make_ticket(both.at_core_api("bruno"))
    conversation_id = new_id()
    mine = await wished(both, ticket, conversation_id=conversation_id)
    other = await wished(both, ticket)
    tenant = both.actor("bruno").organization_id

    async with both.workshop.database.transaction(tenant) as session:
        await proposals.forget_conversation(session, tenant, conversation_id)

    assert (await bruno.get(f"{PATH}/{mine}")).status_code == 404
    assert (await bruno.get(f"{PATH}/{other}")).status_code == 200


def _interval(said: str) -> timedelta:
    number, unit = said.split()
    return timedelta(**{unit: int(number)})
