"""Prompts over HTTP: which versions there are, which is used, and who has chosen it."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ai_svc_factories import Person
from ai_svc_prompt_files import greet, look_again, prompt_files
from ai_svc_usage import ANA, AURORA, BOREAL
from fastapi import FastAPI

from ai_svc.modules.prompts.service import Alias, prompt_for
from chassis.data.database import Database

pytestmark = pytest.mark.committed

PersonOf = Callable[[str], Person]

PROMPTS = "/api/v1/ai/prompts"
GREET = f"{PROMPTS}/greet"
PRODUCTION = f"{GREET}/aliases/production"
CANDIDATE = f"{GREET}/aliases/candidate"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> Iterator[Path]:
    """Two released versions of one prompt, a candidate, and one version of another."""
    farewell = greet(1, "saudade").replace("id: greet", "id: farewell")
    with prompt_files(
        tmp_path,
        greet_v1=greet(1, "alegria"),
        greet_v2=greet(2, "calma"),
        greet_v3_candidate=greet(3, "pressa"),
        farewell_v1=farewell,
    ) as folder:
        yield folder


@pytest.fixture
def database(app: FastAPI, clean: None) -> Database:
    """The service's."""
    database: Database = app.state.resources.database
    return database


async def used(database: Database, alias: Alias = Alias.PRODUCTION) -> str:
    return (await prompt_for(database, AURORA, "greet", alias)).label


async def choose(person: Person, version: int | None, path: str = PRODUCTION) -> dict[str, Any]:
    answer = await person.call("PUT", path, json={"prompt_version": version})
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def test_without_a_choice_the_newest_released_is_used(
    ana: Person, database: Database
) -> None:
    shown = (await ana.get(GREET)).json()["data"]

    assert await used(database) == await used(database, Alias.CANDIDATE) == "greet.v2"
    assert (shown["versions"], shown["default_version"]) == ([1, 2, 3], 2)
    assert [each["effective_version"] for each in shown["aliases"]] == [2, 2]
    assert [each["changed_by"] for each in shown["aliases"]] == [None, None]
    with pytest.raises(LookupError):
        await prompt_for(database, AURORA, "nobody")


async def test_a_choice_holds_from_the_next_question_on(ana: Person, database: Database) -> None:
    chosen = await choose(ana, 1)
    of_candidate = await used(database, Alias.CANDIDATE)
    await choose(ana, 3, CANDIDATE)

    assert (chosen["prompt_version"], chosen["changed_by"]) == (1, str(ANA))
    assert of_candidate == "greet.v1"
    assert (await used(database), await used(database, Alias.CANDIDATE)) == ("greet.v1", "greet.v3")
    assert (await prompt_for(database, BOREAL, "greet")).label == "greet.v2"
    async with database.transaction(AURORA, read_only=True) as session:
        assert (await prompt_for(session, AURORA, "greet", "candidate")).label == "greet.v3"
    await choose(ana, None)
    assert await used(database) == "greet.v2"


async def test_choices_are_undone_one_by_one(ana: Person, database: Database) -> None:
    for version in (1, 2, 3):
        await choose(ana, version)
    back = [(await ana.post(f"{PRODUCTION}/rollback")).json()["data"] for _ in range(2)]
    await choose(ana, 3)
    after = [await ana.post(f"{PRODUCTION}/rollback") for _ in range(3)]

    assert [each["prompt_version"] for each in back] == [2, 1]
    assert [answer.status_code for answer in after] == [200, 200, 409]
    assert [answer.json()["data"]["prompt_version"] for answer in after[:2]] == [1, None]
    assert after[2].json()["code"] == "PROMPT_NOTHING_TO_ROLL_BACK"
    assert await used(database) == "greet.v2"


async def test_history_says_who_has_chosen_what(ana: Person, vera: Person) -> None:
    for version in (1, 1, 2):
        await choose(ana, version)
    await choose(ana, 3, CANDIDATE)
    await ana.post(f"{PRODUCTION}/rollback")

    first = (await ana.get(f"{GREET}/history", params={"limit": 2})).json()
    cursor = first["meta"]["next_cursor"]
    rest = (await ana.get(f"{GREET}/history", params={"limit": 2, "cursor": cursor})).json()
    of_candidate = (await ana.get(f"{GREET}/history", params={"alias": "candidate"})).json()

    told = [
        (each["alias"], each["kind"], each["from_version"], each["to_version"])
        for each in first["data"] + rest["data"]
    ]
    assert told == [
        ("production", "rollback", 2, 1),
        ("candidate", "set", None, 3),
        ("production", "set", 1, 2),
        ("production", "set", None, 1),
    ]
    assert first["data"][0]["undoes_id"] == rest["data"][0]["id"]
    assert {each["changed_by"] for each in first["data"]} == {str(ANA)}
    assert len(of_candidate["data"]) == 1
    assert (await vera.get(f"{GREET}/history")).status_code == 403


async def test_who_chooses_has_seen_what_was_chosen(ana: Person) -> None:
    shown = await ana.get(PRODUCTION)
    changed = await ana.call(
        "PUT", PRODUCTION, json={"prompt_version": 1}, headers={"if-match": shown.headers["etag"]}
    )
    stale = await ana.call(
        "PUT", PRODUCTION, json={"prompt_version": 3}, headers={"if-match": shown.headers["etag"]}
    )
    undone = await ana.post(f"{PRODUCTION}/rollback", headers={"if-match": '"0"'})

    assert (shown.headers["etag"], changed.headers["etag"]) == ('"0"', '"1"')
    assert (stale.status_code, undone.status_code) == (412, 412)
    assert (await ana.get(PRODUCTION)).json()["data"]["prompt_version"] == 1


async def test_of_several_at_once_one_has_seen_the_state(ana: Person) -> None:
    answers = await asyncio.gather(
        *(
            ana.call("PUT", PRODUCTION, json={"prompt_version": n}, headers={"if-match": '"0"'})
            for n in (1, 2, 3, 1, 2, 3)
        )
    )
    undone = await asyncio.gather(*(ana.post(f"{PRODUCTION}/rollback") for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 5]
    assert sorted(answer.status_code for answer in undone) == [200, *[409] * 3]
    assert len((await ana.get(f"{GREET}/history")).json()["data"]) == 2


async def test_a_version_this_service_does_not_know_is_not_used(
    ana: Person, database: Database, folder: Path
) -> None:
    await choose(ana, 3)
    (folder / "greet.v3.md").unlink()
    look_again()

    assert await used(database) == "greet.v2"
    assert (await ana.get(PRODUCTION)).json()["data"]["effective_version"] == 2


async def test_versions_are_shown_and_compared(ana: Person) -> None:
    listed = (await ana.get(f"{GREET}/versions", params={"limit": 2})).json()
    shown = (await ana.get(f"{GREET}/versions/3")).json()["data"]
    between = {"from_version": 1, "to_version": 2}
    diff = (await ana.get(f"{GREET}/diff", params=between)).json()["data"]
    same = {"from_version": 1, "to_version": 1}

    assert [each["prompt_version"] for each in listed["data"]] == [3, 2]
    assert listed["meta"]["has_more"] is True
    assert (shown["label"], shown["released_on"]) == ("greet.v3", None)
    assert shown["variables"] == {"name": "text", "today": "date"}
    assert shown["model_hints"]["temperature"] == 0.5
    assert "pressa" in shown["system"]
    assert (diff["added"], diff["removed"]) == (2, 2)
    assert "-Cumprimente com alegria. Hoje é $today." in diff["diff"].splitlines()
    assert (await ana.get(f"{GREET}/diff", params=same)).json()["data"]["diff"] == ""


async def test_prompts_are_listed_page_by_page(ana: Person) -> None:
    first = (await ana.get(PROMPTS, params={"limit": 1})).json()
    cursor = first["meta"]["next_cursor"]
    rest = (await ana.get(PROMPTS, params={"limit": 1, "cursor": cursor})).json()

    assert [each["id"] for each in first["data"] + rest["data"]] == ["farewell", "greet"]
    assert rest["meta"]["has_more"] is False


async def test_only_who_configures_and_only_ones_own(
    ana: Person, beto: Person, person: PersonOf
) -> None:
    await choose(ana, 1)
    for name in ("bruno", "vera", "davi"):
        nobody = person(name)
        assert (await nobody.get(PROMPTS)).status_code == 403
        put = await nobody.call("PUT", PRODUCTION, json={"prompt_version": 2})
        assert put.status_code == 403
        assert (await nobody.post(f"{PRODUCTION}/rollback")).status_code == 403

    assert (await beto.get(PRODUCTION)).json()["data"]["prompt_version"] is None
    assert (await beto.get(f"{GREET}/history")).json()["data"] == []
    assert (await beto.post(f"{PRODUCTION}/rollback")).status_code == 409
    assert (await ana.get(PRODUCTION)).json()["data"]["prompt_version"] == 1


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", f"{PROMPTS}/nobody", 404),
        ("GET", f"{PROMPTS}/..%2Fgreet", 404),
        ("GET", f"{PROMPTS}/nobody/versions", 404),
        ("GET", f"{GREET}/versions/4", 404),
        ("GET", f"{GREET}/versions/0", 422),
        ("GET", f"{GREET}/versions/{2**70}", 404),
        ("GET", f"{GREET}/diff?from_version=1&to_version=9", 404),
        ("GET", f"{GREET}/diff?from_version=1", 422),
        ("GET", f"{GREET}/aliases/latest", 422),
        ("GET", f"{PROMPTS}/nobody/aliases/production", 404),
        ("POST", f"{PROMPTS}/nobody/aliases/production/rollback", 404),
        ("GET", f"{GREET}/versions?cursor=WzFd%21", 422),
        ("GET", f"{GREET}/versions?cursor=W0luZmluaXR5XQ", 422),  # [Infinity]
    ],
)
async def test_what_there_is_not_is_not_found(
    ana: Person, method: str, path: str, status: int
) -> None:
    assert (await ana.call(method, path)).status_code == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"prompt_version": 4}, 404),
        ({"prompt_version": 0}, 422),
        ({"prompt_version": "x"}, 422),
        ({"prompt_version": "1"}, 422),
        ({"prompt_version": True}, 422),
        ({"version": 1}, 422),
        ({}, 422),
    ],
)
async def test_a_choice_that_is_none_is_refused(
    ana: Person, database: Database, body: dict[str, Any], status: int
) -> None:
    assert (await ana.call("PUT", PRODUCTION, json=body)).status_code == status
    assert await used(database) == "greet.v2"
