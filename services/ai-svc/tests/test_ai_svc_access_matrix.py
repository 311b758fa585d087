"""Who may read which document: every combination, through every route that reads."""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

import access_factories
import pytest
from access_factories import MARKETING, SERVICE, CoreApi
from ai_svc_factories import DOCUMENTS, Person
from fastapi import FastAPI

from shared_schemas.ids import new_id

pytestmark = pytest.mark.committed

PersonOf = Callable[[str], Person]

CLIENT, OTHER_CLIENT, MERGED = new_id(), new_id(), new_id()
TEAM, OTHER_TEAM = new_id(), new_id()
TEXT: Final = "O orçamento sigiloso do projeto Guará é de R$ 4.812,00 por mês."
QUESTION: Final = "Qual é o orçamento sigiloso do projeto Guará?"
EVERYBODY: Final = frozenset({"ana", "bruno", "vera", "davi"})
NOBODY: Final[frozenset[str]] = frozenset()


def of_client(client_id: UUID = CLIENT, basis: str = "contract") -> dict[str, Any]:
    return {
        "visibility": "client",
        "client_id": str(client_id),
        "purpose_code": MARKETING if basis == "consent" else SERVICE,
        "legal_basis": basis,
    }


def restricted(*roles: str, teams: tuple[UUID, ...] = ()) -> dict[str, Any]:
    return {
        "visibility": "restricted",
        "allowed_roles": list(roles),
        "allowed_team_ids": [str(team_id) for team_id in teams],
    }


# Bruno submits, Ana is admin, Vera is a viewer and in TEAM, Davi is the data protection officer.
# (whom it is for, the client the request names, who may read)
CASES: Final[dict[str, tuple[dict[str, Any], UUID | None, frozenset[str]]]] = {
    "organization": ({"visibility": "organization"}, None, EVERYBODY),
    "organization, a client named": ({"visibility": "organization"}, CLIENT, EVERYBODY),
    "restricted to nobody else": (restricted(), None, frozenset({"ana", "bruno"})),
    "restricted by role": (restricted("viewer"), None, frozenset({"ana", "bruno", "vera"})),
    "restricted by two roles": (restricted("viewer", "dpo"), None, EVERYBODY),
    "restricted by team": (restricted(teams=(TEAM,)), None, frozenset({"ana", "bruno", "vera"})),
    "restricted by a team without members": (
        restricted(teams=(OTHER_TEAM,)),
        None,
        frozenset({"ana", "bruno"}),
    ),
    "restricted by role or team": (restricted("dpo", teams=(TEAM,)), None, EVERYBODY),
    "client, unnamed": (of_client(), None, NOBODY),
    "client, named": (of_client(), CLIENT, EVERYBODY),
    "client, another named": (of_client(), OTHER_CLIENT, NOBODY),
    "client who was merged into the named one": (of_client(MERGED), CLIENT, EVERYBODY),
    "client, consent no longer": (of_client(OTHER_CLIENT, "consent"), OTHER_CLIENT, NOBODY),
    "client, consent stands": (of_client(CLIENT, "consent"), CLIENT, EVERYBODY),
    "client, consent stands, unnamed": (of_client(CLIENT, "consent"), None, NOBODY),
}


@pytest.fixture
async def core_api(app: FastAPI, clean: None) -> CoreApi:
    core_api = CoreApi(app)
    await core_api.purposes()
    await core_api.team(TEAM, added=("vera",))
    await core_api.granted(CLIENT)
    await core_api.merged(MERGED, CLIENT)
    return core_api


async def sees(person: Person, document_id: UUID, client_id: UUID | None) -> dict[str, bool]:
    """By which ways somebody comes to know of the document. All of them, or none."""
    return await access_factories.sees(person, document_id, client_id, QUESTION, "4.812")


@pytest.mark.parametrize("case", CASES)
async def test_who_may_read_reads_by_every_way_and_nobody_else_by_any(
    person: PersonOf, core_api: CoreApi, case: str
) -> None:
    access, named, readers = CASES[case]
    consent = await core_api.granted(OTHER_CLIENT)
    document_id = await person("bruno").index(TEXT, **access)
    await core_api.revoked(OTHER_CLIENT, consent)

    seen = {name: await sees(person(name), document_id, named) for name in sorted(EVERYBODY)}

    assert seen == {name: dict.fromkeys(ways, name in readers) for name, ways in seen.items()}
    foreign = await sees(person("beto"), document_id, named)
    assert not any(foreign.values())


async def test_what_may_not_be_read_is_answered_like_what_is_not_there(
    person: PersonOf, core_api: CoreApi
) -> None:
    hidden = await person("bruno").index(TEXT, **restricted("dpo"))
    vera, bruno = person("vera"), person("bruno")
    of_client_id = await bruno.index(TEXT, **of_client())

    for somebody, document_id in ((vera, hidden), (bruno, of_client_id)):
        for method, path in (
            ("GET", "{}"),
            ("GET", "{}/content"),
            ("GET", "{}/versions"),
            ("GET", "{}/versions/1"),
        ):
            theirs = await somebody.call(method, f"{DOCUMENTS}/{path.format(document_id)}")
            nobodys = await somebody.call(method, f"{DOCUMENTS}/{path.format(new_id())}")
            assert theirs.status_code == nobodys.status_code == 404
            assert theirs.json()["message"] == nobodys.json()["message"]
    for method, path, body in (
        ("PATCH", "{}", {"visibility": "organization"}),
        ("POST", "{}/cancel", None),
        ("POST", "{}/retry", None),
        ("POST", "{}/versions", {"text": "Outro texto."}),
    ):
        answer = await bruno.call(method, f"{DOCUMENTS}/{path.format(of_client_id)}", json=body)
        assert answer.status_code == 404, (method, path, answer.text)


@pytest.mark.parametrize("step", ["team left", "consent revoked", "merge undone"])
async def test_what_core_api_tells_holds_for_the_very_next_request(
    person: PersonOf, core_api: CoreApi, step: str
) -> None:
    vera, bruno = person("vera"), person("bruno")
    if step == "team left":
        document_id = await bruno.index(TEXT, **restricted(teams=(TEAM,)))
        assert all((await sees(vera, document_id, None)).values())
        await core_api.team(TEAM, removed=("vera",))
        assert not any((await sees(vera, document_id, None)).values())
        await core_api.team(TEAM, added=("vera",))
        assert all((await sees(vera, document_id, None)).values())
    elif step == "consent revoked":
        first = await core_api.granted(OTHER_CLIENT)
        document_id = await bruno.index(TEXT, **of_client(OTHER_CLIENT, "consent"))
        assert all((await sees(vera, document_id, OTHER_CLIENT)).values())
        await core_api.revoked(OTHER_CLIENT, first)
        assert not any((await sees(vera, document_id, OTHER_CLIENT)).values())
        await core_api.granted(OTHER_CLIENT)  # renewed
        assert all((await sees(vera, document_id, OTHER_CLIENT)).values())
    else:
        merge_id = await core_api.merged(OTHER_CLIENT, CLIENT)
        document_id = await bruno.index(TEXT, **of_client(OTHER_CLIENT))
        assert all((await sees(vera, document_id, CLIENT)).values())
        await core_api.undone(merge_id, OTHER_CLIENT, CLIENT)
        assert not any((await sees(vera, document_id, CLIENT)).values())
        assert all((await sees(vera, document_id, OTHER_CLIENT)).values())


async def test_another_access_list_holds_for_the_very_next_search(
    person: PersonOf, core_api: CoreApi
) -> None:
    bruno, vera = person("bruno"), person("vera")
    document_id = await bruno.index(TEXT)
    path = f"{DOCUMENTS}/{document_id}"
    assert all((await sees(vera, document_id, None)).values())

    closed = await bruno.call("PATCH", path, json=restricted("dpo"))
    assert closed.status_code == 200, closed.text
    assert not any((await sees(vera, document_id, None)).values())
    assert all((await sees(person("davi"), document_id, None)).values())

    filed = await bruno.call("PATCH", path, json=of_client())
    assert filed.json()["data"]["allowed_roles"] == []
    assert not any((await sees(person("ana"), document_id, None)).values())
    assert all((await sees(vera, document_id, CLIENT)).values())

    opened = await bruno.call(
        "PATCH", path, json={"visibility": "organization"}, params={"client_id": str(CLIENT)}
    )
    assert opened.json()["data"]["client_id"] is None
    assert all((await sees(vera, document_id, None)).values())


async def test_what_may_no_longer_be_read_can_still_be_deleted(
    person: PersonOf, core_api: CoreApi
) -> None:
    ana = person("ana")
    consent = await core_api.granted(OTHER_CLIENT)
    document_id = await ana.index(TEXT, **of_client(OTHER_CLIENT, "consent"))
    await core_api.revoked(OTHER_CLIENT, consent)
    path = f"{DOCUMENTS}/{document_id}"
    assert (await ana.call("DELETE", path)).status_code == 404

    deleted = await ana.call("DELETE", path, params={"client_id": str(OTHER_CLIENT)})

    assert deleted.status_code == 204, deleted.text
    assert (await ana.get(path)).status_code == 410
