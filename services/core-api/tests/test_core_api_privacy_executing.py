"""Executing requests of data subjects: revocation, completion later, and what is refused."""

from typing import Any
from uuid import UUID

import pytest
from core_api_factories import CLIENTS, Person, make_client, make_consent, make_purpose
from core_api_records import Records
from privacy_factories import REQUESTS, identify, kinds, make_proven, make_request

from chassis.data.database import Database
from core_api.modules.privacy.exceptions import RequestMoveRefused
from core_api.modules.privacy.executing import Execution, by_type
from core_api.modules.privacy.execution import Executor, PrivacyRequest, RequestType, Started
from core_api.modules.privacy.revoking import RevocationExecutor
from core_api.modules.privacy.service import complete, count_texts, forget_texts
from core_api.privacy_executors import EXECUTORS
from devstack.people import AURORA
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId
from shared_schemas.permissions import Permission

TENANT = OrganizationId(AURORA.id)


class Later:
    """Begins, and is completed by somebody else."""

    types = frozenset({RequestType.ERASURE, RequestType.ANONYMIZATION})

    async def start(self, _session: Any, _actor: Actor, _request: PrivacyRequest) -> Started:
        return Started(done=False, receipt={"parts": 2})


async def begin(database: Database, person: Person, request_id: str) -> None:
    """As the route does, with an executor that leaves the rest to others."""
    me = await person.seen("/api/v1/me")
    actor = Actor(
        organization_id=TENANT,
        user_id=UserId(UUID(me["id"])),
        roles=frozenset(),
        permissions=frozenset(Permission),
        request_id="begin",
    )
    async with database.transaction(TENANT) as tx:
        await Execution(tx, actor, by_type([Later()])).execute(UUID(request_id), None)


async def finish(database: Database, request_id: str, receipt: dict[str, Any]) -> None:
    """As a saga does."""
    async with database.transaction(TENANT) as tx:
        await complete(tx, TENANT, UUID(request_id), receipt, correlation_id="saga")


def test_each_type_has_one_executor() -> None:
    twice: list[Executor] = [RevocationExecutor(), RevocationExecutor()]

    assert by_type(EXECUTORS).keys() == set(RequestType)
    with pytest.raises(ValueError, match="two executors"):
        by_type(twice)


async def test_revocation_ends_every_consent_of_the_family(ana: Person, records: Records) -> None:
    for code in ("novidades", "pesquisa"):
        await make_purpose(ana, code=code)
    survivor, other = [await make_client(ana) for _ in range(2)]
    await make_consent(ana, survivor["id"])
    await make_consent(ana, other["id"], purpose_code="pesquisa")
    await make_consent(ana, survivor["id"], purpose_code="pesquisa", decision="refused")
    await make_consent(ana, other["id"])
    await ana.made(f"{CLIENTS}/{survivor['id']}/merge", {"other_id": other["id"]})
    request = await make_proven(ana, client_id=survivor["id"], type="revocation")

    done = await ana.made(f"{REQUESTS}/{request['id']}/execute", None)

    assert (done["status"], done["receipt"]["revoked"]) == ("completed", 3)
    consents = await ana.seen(f"{CLIENTS}/{survivor['id']}/consents")
    assert {consent["status"] for consent in consents} == {"revoked", "refused"}
    assert len(await records.events("consent.revoked")) == 3
    assert (await ana.seen("/api/v1/consents/ledger/verify"))["valid"] is True
    assert await kinds(ana, request["id"]) == [
        "opened",
        "identity_checked",
        "execution_started",
        "completed",
    ]
    (event,) = await records.events("privacy.request_closed")
    assert event["payload"]["outcome"] == "completed"


async def test_revocation_of_one_purpose_leaves_the_others(ana: Person) -> None:
    for code in ("novidades", "pesquisa"):
        await make_purpose(ana, code=code)
    client = await make_client(ana)
    for code in ("novidades", "pesquisa"):
        await make_consent(ana, client["id"], purpose_code=code)
    given = {"client_id": client["id"], "type": "revocation", "purpose_code": "pesquisa"}
    request = await make_proven(ana, **given)

    done = await ana.made(f"{REQUESTS}/{request['id']}/execute", None)
    nothing = await make_proven(ana, **given)
    again = await ana.made(f"{REQUESTS}/{nothing['id']}/execute", None)

    assert (done["receipt"]["revoked"], again["receipt"]["revoked"]) == (1, 0)
    consents = await ana.seen(f"{CLIENTS}/{client['id']}/consents")
    assert {one["purpose_code"]: one["status"] for one in consents} == {
        "novidades": "granted",
        "pesquisa": "revoked",
    }


async def test_what_goes_on_is_completed_once(
    ana: Person, database: Database, records: Records
) -> None:
    request = await make_proven(ana, type="erasure")
    path = f"{REQUESTS}/{request['id']}"
    await begin(database, ana, request["id"])
    executing = await ana.seen(path)
    withdrawn = await ana.post(f"{path}/cancel", {"reason": "Desistiu."})
    repeated = await ana.post(f"{path}/execute")

    await finish(database, request["id"], {"parts": 2, "erased": 40})
    await finish(database, request["id"], {"parts": 9})

    assert (executing["status"], executing["receipt"]) == ("executing", {"parts": 2})
    assert [answer.status_code for answer in (withdrawn, repeated)] == [409, 409]
    done = await ana.seen(path)
    assert (done["status"], done["receipt"]) == ("completed", {"parts": 2, "erased": 40})
    assert done["closed_by"] is None
    assert len(await records.events("privacy.request_closed")) == 1


async def test_nothing_is_completed_that_was_not_begun(ana: Person, database: Database) -> None:
    request = await make_proven(ana, type="erasure")

    with pytest.raises(RequestMoveRefused):
        await finish(database, request["id"], {})

    assert (await ana.seen(f"{REQUESTS}/{request['id']}"))["status"] == "in_progress"


@pytest.mark.parametrize(
    ("type_", "code"),
    [("erasure", "CLIENT_ALREADY_ERASED"), ("anonymization", "CLIENT_ALREADY_ANONYMISED")],
)
async def test_nothing_is_asked_for_who_is_gone(
    ana: Person, database: Database, type_: str, code: str
) -> None:
    request = await make_proven(ana, type=type_)
    await begin(database, ana, request["id"])
    await finish(database, request["id"], {"erased": 1})
    count = len(await ana.seen(REQUESTS))

    for wanted in ("erasure", "anonymization", "access"):
        given = {"client_id": request["client_id"], "type": wanted}
        refused = await ana.post(REQUESTS, given)
        assert (refused.status_code, refused.json()["code"]) == (409, code)

    message = {"channel": "email", "body": "Seus dados foram excluídos."}
    silent = await ana.post(f"{REQUESTS}/{request['id']}/messages", message)
    assert (silent.status_code, silent.json()["code"]) == (409, code)
    assert len(await ana.seen(REQUESTS)) == count


async def test_words_are_forgotten_and_steps_stay(ana: Person, database: Database) -> None:
    client = await make_client(ana)
    request = await make_request(
        ana, client_id=client["id"], type="erasure", description="Apaguem tudo."
    )
    other = await make_request(ana, description="Fica.")
    path = f"{REQUESTS}/{request['id']}"
    await ana.made(f"{path}/messages", {"channel": "email", "body": "Recebemos."})
    await identify(ana, request["id"], notes="Documento visto.")
    ids = [UUID(client["id"])]

    async with database.transaction(TENANT) as tx:
        counted = await count_texts(tx, TENANT, ids)
        forgotten = await forget_texts(tx, TENANT, ids)
        left = await count_texts(tx, TENANT, ids)

    assert (counted, forgotten, left) == (3, 3, 0)
    assert (await ana.seen(path))["description"] is None
    assert [one["body"] for one in await ana.seen(f"{path}/messages")] == [None]
    assert await kinds(ana, request["id"]) == ["opened", "message_recorded", "identity_checked"]
    assert (await ana.seen(f"{REQUESTS}/{other['id']}"))["description"] == "Fica."


async def test_nothing_new_is_written_while_a_person_is_destroyed(
    ana: Person, database: Database
) -> None:
    survivor, other = [await make_client(ana) for _ in range(2)]
    waiting = await make_request(ana, client_id=other["id"])
    erasure = await make_proven(ana, type="erasure", client_id=survivor["id"])
    await ana.made(f"{CLIENTS}/{survivor['id']}/merge", {"other_id": other["id"]})
    await begin(database, ana, erasure["id"])
    message = {"channel": "email", "body": "Estamos vendo."}
    check = {"level": "basic", "method": "phone_call", "passed": True, "notes": "Ligou."}

    answers = [
        await ana.post(REQUESTS, {"client_id": survivor["id"], "type": "sharing"}),
        await ana.post(f"{REQUESTS}/{waiting['id']}/messages", message),
        await ana.post(f"{REQUESTS}/{erasure['id']}/messages", message),
        await ana.post(f"{REQUESTS}/{waiting['id']}/identity-checks", check),
    ]

    assert {answer.json()["code"] for answer in answers} == {"PRIVACY_DESTRUCTION_UNDER_WAY"}
    await finish(database, erasure["id"], {"erased": 1})
    moot = await ana.seen(f"{REQUESTS}/{waiting['id']}")
    assert (moot["status"], moot["refusal_ground"]) == ("refused", "no_personal_data")


@pytest.mark.parametrize("type_", list(RequestType))
async def test_every_right_is_executed_for_who_is_known(ana: Person, type_: RequestType) -> None:
    client = await make_client(ana, email="julia@exemplo.com.br")
    given = {"corrections": {"name": "Júlia Lima"}} if type_ is RequestType.CORRECTION else {}
    request = await make_proven(ana, client_id=client["id"], type=type_.value, **given)

    done = await ana.made(f"{REQUESTS}/{request['id']}/execute", None)

    assert done["status"] in {"completed", "executing"}
    assert (await kinds(ana, request["id"]))[:3] == [
        "opened",
        "identity_checked",
        "execution_started",
    ]
