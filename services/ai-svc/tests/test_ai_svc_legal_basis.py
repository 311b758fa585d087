"""Documents about a client are used on the whole of the legal basis: what ends it holds for the
very next request, by every way, and for nobody else."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final
from uuid import UUID, uuid5

import access_factories
import asyncpg
import httpx
import pytest
from access_factories import AURORA, MARKETING, CoreApi, told_consent
from ai_svc_factories import Person
from fastapi import FastAPI

from chassis.data.columns import utc_now
from devstack.people import PEOPLE
from devstack.testing import DatabaseUrls
from shared_schemas.ids import OrganizationId, new_id

pytestmark = pytest.mark.committed

PersonOf = Callable[[str], Person]

BOREAL: Final = OrganizationId(PEOPLE["beto"].organization.id)
CLIENT, OTHER_CLIENT, MERGED = new_id(), new_id(), new_id()
CONSENT: Final = new_id()
TEXT: Final = "O limite de crédito da cliente Jacira é de R$ 7.319,00 até dezembro."
QUESTION: Final = "Qual é o limite de crédito da cliente Jacira?"
FACT: Final = "7.319"
IN_A_DAY: Final = timedelta(days=1)

OF_CLIENT: Final[dict[str, Any]] = {
    "visibility": "client",
    "client_id": str(CLIENT),
    "purpose_code": MARKETING,
    "legal_basis": "contract",  # what the sender believes: the registry knows better
}


async def sees(person: Person, document_id: UUID, client_id: UUID = CLIENT) -> dict[str, bool]:
    """By every way."""
    return await access_factories.sees(person, document_id, client_id, QUESTION, FACT)


async def asked(person: Person) -> tuple[bool, bool]:
    """Whether the answer holds the fact, and whether it was given before."""
    answer = await person.ask(QUESTION, filters={"client_id": str(CLIENT)})
    return FACT in answer["answer"], answer["cached"]


@pytest.fixture
async def core_api(app: FastAPI, clean: None) -> CoreApi:
    """Both organizations have the purpose and, by chance, a client of the same id who consented."""
    aurora = CoreApi(app)
    for each in (aurora, CoreApi(app, BOREAL)):
        await each.purposes()
    await aurora.granted(CLIENT, CONSENT)
    await CoreApi(app, BOREAL).granted(CLIENT)
    return aurora


Step = Callable[[CoreApi], Awaitable[Any]]


async def granted_again_on_a_notice_of_old(core_api: CoreApi) -> None:
    """What was agreed to last is the older notice, which says something else."""
    await core_api.purpose(MARKETING, "consent", material_version=2)
    await core_api.granted(CLIENT, notice_version=2, decided_at=utc_now() - IN_A_DAY)
    await core_api.granted(CLIENT, notice_version=1)


async def refused_by_who_was_merged(core_api: CoreApi) -> None:
    await core_api.refused(MERGED)
    await core_api.merged(MERGED, CLIENT)


async def blocked_who_was_merged(core_api: CoreApi) -> None:
    await core_api.merged(MERGED, CLIENT)
    await core_api.blocked(MERGED)


ENDS: Final[dict[str, Step]] = {
    "revoked": lambda core_api: core_api.revoked(CLIENT, CONSENT),
    "refused since": lambda core_api: core_api.refused(CLIENT),
    "refused by who was merged": refused_by_who_was_merged,
    "expired": lambda core_api: core_api.granted(CLIENT, expires_at=utc_now()),
    "archived": lambda core_api: core_api.purpose(MARKETING, "consent", archived=True),
    "withdrawn from the assistant": lambda core_api: core_api.purpose(
        MARKETING, "consent", assistant_may_use=False
    ),
    "blocked": lambda core_api: core_api.blocked(CLIENT),
    "blocked for the purpose": lambda core_api: core_api.blocked(CLIENT, MARKETING),
    "blocked, who was merged": blocked_who_was_merged,
    "material change of the notice": lambda core_api: core_api.purpose(
        MARKETING, "consent", material_version=2
    ),
    "granted again on a notice of old": granted_again_on_a_notice_of_old,
}


@pytest.mark.parametrize("end", ENDS)
async def test_what_ends_the_basis_holds_for_the_next_question_and_every_other_way(
    person: PersonOf, core_api: CoreApi, end: str
) -> None:
    vera, beto = person("vera"), person("beto")
    document_id = await vera_reads(person)
    foreign_id = await beto.index(TEXT, **OF_CLIENT)
    assert await asked(vera) == (True, False)
    assert await asked(vera) == (True, True)
    assert all((await sees(vera, document_id)).values())
    assert await asked(beto) == (True, False)

    await ENDS[end](core_api)

    assert await asked(vera) == (False, False)
    assert not any((await sees(vera, document_id)).values())
    assert not any((await sees(person("ana"), document_id)).values())
    assert await asked(beto) == (True, True)
    assert all((await sees(beto, foreign_id)).values())


async def vera_reads(person: PersonOf) -> UUID:
    """The document, indexed by somebody else."""
    return await person("bruno").index(TEXT, **OF_CLIENT)


async def revoked_of_what_rests_on_a_contract(core_api: CoreApi) -> None:
    await core_api.purpose(MARKETING, "contract")
    await core_api.revoked(CLIENT, CONSENT)


STAYS: Final[dict[str, Step]] = {
    "another purpose blocked": lambda core_api: core_api.blocked(CLIENT, "cobranca"),
    "another client blocked": lambda core_api: core_api.blocked(OTHER_CLIENT),
    "another client's refusal": lambda core_api: core_api.refused(OTHER_CLIENT),
    "an older refusal told late": lambda core_api: core_api.refused(
        CLIENT, decided_at=utc_now() - IN_A_DAY
    ),
    "an older version told late": lambda core_api: core_api.purpose(
        MARKETING, "consent", archived=True, version=0
    ),
    "an end that has not come": lambda core_api: core_api.granted(
        CLIENT, expires_at=utc_now() + IN_A_DAY
    ),
    "a notice changed in words only": lambda core_api: core_api.purpose(MARKETING, "consent"),
    "another basis than consent": revoked_of_what_rests_on_a_contract,
}


@pytest.mark.parametrize("step", STAYS)
async def test_what_ends_nothing_ends_nothing(
    person: PersonOf, core_api: CoreApi, step: str
) -> None:
    document_id = await vera_reads(person)

    await STAYS[step](core_api)

    assert all((await sees(person("vera"), document_id)).values())


RETURNS: Final[dict[str, tuple[Step, Step]]] = {
    "granted anew": (
        lambda core_api: core_api.revoked(CLIENT, CONSENT),
        lambda core_api: core_api.granted(CLIENT),
    ),
    "restored": (
        lambda core_api: core_api.purpose(MARKETING, "consent", archived=True),
        lambda core_api: core_api.purpose(MARKETING, "consent"),
    ),
    "unblocked": (
        lambda core_api: core_api.blocked(CLIENT, block_id=CONSENT),
        lambda core_api: core_api.unblocked(CLIENT, CONSENT),
    ),
    "renewed on the new notice": (
        lambda core_api: core_api.purpose(MARKETING, "consent", material_version=2),
        lambda core_api: core_api.granted(CLIENT, notice_version=2),
    ),
}


@pytest.mark.parametrize("way", RETURNS)
async def test_what_restores_the_basis_holds_for_the_next_question(
    person: PersonOf, core_api: CoreApi, way: str
) -> None:
    vera = person("vera")
    document_id = await vera_reads(person)
    ends, returns = RETURNS[way]

    await ends(core_api)
    assert await asked(vera) == (False, False)
    await returns(core_api)

    assert await asked(vera) == (True, False)
    assert all((await sees(vera, document_id)).values())


async def test_two_blocks_are_two(person: PersonOf, core_api: CoreApi) -> None:
    vera = person("vera")
    await vera_reads(person)
    first = await core_api.blocked(CLIENT)
    second = await core_api.blocked(CLIENT, MARKETING)

    await core_api.unblocked(CLIENT, first)
    assert await asked(vera) == (False, False)
    await core_api.unblocked(CLIENT, second, MARKETING)
    assert await asked(vera) == (True, False)


async def test_a_purpose_nobody_registered_bears_nothing(
    person: PersonOf, core_api: CoreApi, superuser: asyncpg.Connection
) -> None:
    of_unknown = OF_CLIENT | {"purpose_code": "desconhecida", "legal_basis": "legal_obligation"}
    await core_api.purpose("desconhecida", "legal_obligation")
    document_id = await person("ana").index(TEXT, **of_unknown)
    await superuser.execute("DELETE FROM ai.purposes WHERE purpose_code = 'desconhecida'")

    assert not any((await sees(person("ana"), document_id)).values())


async def test_a_receipt_of_which_nothing_is_known_is_no_basis_until_more_is(
    person: PersonOf, core_api: CoreApi
) -> None:
    """As told by a release before this one, and by core-api when it was asked."""
    vera, receipt = person("vera"), new_id()
    await vera_reads(person)
    await core_api.revoked(CLIENT, CONSENT)
    await core_api.granted(CLIENT, receipt, notice_version=None, decided_at=None)
    assert await asked(vera) == (False, False)

    await core_api.granted(CLIENT, receipt)

    assert await asked(vera) == (True, False)


async def test_an_answer_ends_with_the_consent_it_rests_on_though_nothing_is_told(
    person: PersonOf, core_api: CoreApi, database_urls: DatabaseUrls
) -> None:
    vera, until = person("vera"), utc_now() + IN_A_DAY
    await vera_reads(person)
    await core_api.granted(CLIENT, expires_at=until)
    assert await asked(vera) == (True, False)
    assert await asked(vera) == (True, True)
    connection = await asyncpg.connect(database_urls.superuser)
    try:
        assert await connection.fetchval("SELECT expires_at FROM ai.cached_answers") == until
        # A day goes by: no trigger sees that.
        async with connection.transaction():
            await connection.execute("SET LOCAL session_replication_role = replica")
            for table in ("client_consents", "cached_answers"):
                await connection.execute(
                    f"UPDATE ai.{table} SET expires_at = expires_at - interval '25 hours'"
                )
    finally:
        await connection.close()

    assert await asked(vera) == (False, False)


async def test_the_order_of_what_is_told_decides_nothing(
    person: PersonOf, core_api: CoreApi, database_urls: DatabaseUrls
) -> None:
    """Twice each, and the last first."""
    early, late, block = utc_now() - IN_A_DAY, utc_now(), new_id()
    purpose_id = uuid5(AURORA, "pesquisa")
    first, second = new_id(), new_id()
    about = {"purpose_code": "pesquisa"}

    async def tell(step: int) -> None:
        if step == 0:
            await core_api.purpose("pesquisa", "contract", purpose_id=purpose_id, version=1)
        elif step == 1:
            await core_api.purpose(
                "pesquisa", "consent", purpose_id=purpose_id, version=2, material_version=2
            )
        elif step == 2:
            await core_api.granted(CLIENT, first, decided_at=early, **about)
        elif step == 3:
            await core_api.revoked(CLIENT, first, decided_at=early, **about)
        elif step == 4:
            await core_api.granted(CLIENT, second, decided_at=late, notice_version=2, **about)
        elif step == 5:
            await core_api.blocked(CLIENT, "pesquisa", block)
        else:
            await core_api.unblocked(CLIENT, block, "pesquisa")

    for step in (6, 5, 4, 3, 2, 1, 0, 0, 3, 6, 1, 5, 2, 4):
        await tell(step)

    connection = await asyncpg.connect(database_urls.superuser)
    try:
        codes = await connection.fetchval("SELECT ai.purposes_in_force($1, $2)", AURORA, CLIENT)
    finally:
        await connection.close()
    assert sorted(codes) == ["atendimento", MARKETING, "pesquisa"]


async def test_what_was_asked_is_shown_no_longer_than_what_it_quotes(
    person: PersonOf, core_api: CoreApi
) -> None:
    ana = person("ana")
    await vera_reads(person)
    answer = await ana.ask(QUESTION, filters={"client_id": str(CLIENT)})
    path = f"/api/v1/rag/answers/{answer['id']}"
    await ana.post(f"{path}/feedback", json={"rating": "down"})

    async def reviewed() -> str:
        return (await ana.get("/api/v1/rag/review")).text

    assert FACT in await reviewed()
    await core_api.revoked(CLIENT, CONSENT)
    assert FACT not in await reviewed()
    assert QUESTION not in await reviewed()
    assert (await ana.call("DELETE", path)).status_code == 204


async def test_a_question_does_not_wait_for_an_event(
    app: FastAPI, person: PersonOf, core_api: CoreApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    vera = person("vera")
    await vera_reads(person)
    assert await asked(vera) == (True, False)
    consent = told_consent(CLIENT, consent_id=str(CONSENT))
    said: dict[str, Any] = {"purposes": [], "blocks": [], "consents": [consent]}

    async def request(_client: Any, _method: str, path: str, **_: Any) -> httpx.Response:
        assert path == "/internal/v1/access-facts/of-clients"
        return httpx.Response(200, json={"data": said})

    monkeypatch.setattr(type(app.state.workshop.core_api), "request", request)
    assert await asked(vera) == (True, True)  # what is known already ends no answer
    consent["revoked_at"] = utc_now().isoformat()

    assert await asked(vera) == (False, False)
