"""Every operation × every role × own and other tenant: nothing escapes, nothing leaks.

The operations come from the routes and their OpenAPI document, the expectation from one list.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from core_api_factories import without_request_id
from core_api_matrix import (
    API,
    FOREIGN,
    OWN,
    SERVICE,
    UNKNOWN,
    Case,
    Matrix,
    cases,
)
from core_api_needs import ANYBODY, INTERNAL, LINK, NEEDS, RESERVED
from fastapi import FastAPI
from fastapi.routing import APIRoute

from chassis.web.resources import Resources
from chassis.web.routing import guards_of

CASES = cases()
_VARYING = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9-]{10}T[0-9:.]+Z")
"""Ids and times: what differs between any two answers."""
WITH_BODY = [operation for operation in NEEDS if not operation.startswith("GET")]


@pytest.fixture
def sent(resources: Resources) -> Iterator[list[str]]:
    """The SQL that is sent from here on."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    engine = resources.database.engines[0].sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", note)


def _routes(app: FastAPI) -> dict[str, APIRoute]:
    return {
        f"{method} {route.path.removeprefix(API)}": route
        for route in app.routes
        if isinstance(route, APIRoute) and route.path.startswith((f"{API}/", "/internal/"))
        for method in route.methods or ()
    }


def test_every_operation_asks_for_what_the_list_says(shared_app: FastAPI) -> None:
    routes, document = _routes(shared_app), shared_app.openapi()
    missing, gone = sorted(routes.keys() - NEEDS), sorted(NEEDS.keys() - routes)
    assert not missing, f"add to NEEDS in core_api_needs.py: {missing}"
    assert not gone, f"no longer there, remove from core_api_needs.py: {gone}"

    asked = {}
    for operation, route in routes.items():
        if route.path.startswith("/internal/"):
            asked[operation] = INTERNAL
            continue
        described = document["paths"][route.path_format][operation.partition(" ")[0].lower()]
        assert guards_of(route.dependant), f"{operation} lets anybody in"
        permissions = " ".join(described["x-permissions"]) or ANYBODY
        asked[operation] = permissions if described["security"] else LINK

    assert asked == NEEDS


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_who_may_and_who_may_not(matrix: Matrix, case: Case, sent: list[str]) -> None:
    call = await matrix.call_of(case)
    sent.clear()
    async with matrix.undone():
        answer = await matrix.send(case.caller, call)

    if case.expected is not None:
        assert answer.status_code == case.expected, answer.text
        written = [sql for sql in sent if not sql.startswith(("SAVEPOINT", "ROLLBACK TO"))]
        assert written == [], "refused only after the database was asked"
    elif answer.status_code == 403:
        assert answer.json()["code"] == RESERVED.get(case.operation), answer.text
    elif case.operation == "GET /stream":
        assert answer.status_code == 503, "nothing feeds the stream here"
    elif case.whose == OWN:
        assert answer.status_code in {200, 201, 202, 204, 307, 409}, answer.text
        shown = [made for made in matrix.foreign.ids if made in answer.text]
        assert shown == [], "shows things of another organization"
    else:
        assert answer.status_code == 404, answer.text


FOREIGN_CASES = [case for case in CASES if case.whose == FOREIGN and case.expected is None]


@pytest.mark.parametrize("case", FOREIGN_CASES, ids=str)
async def test_other_tenants_id_is_answered_as_one_that_does_not_exist(
    matrix: Matrix, case: Case
) -> None:
    answers = []
    for whose in (FOREIGN, UNKNOWN):
        call = await matrix.call_of(replace(case, whose=whose))
        async with matrix.undone():
            answers.append(without_request_id(await matrix.send(case.caller, call)))

    assert answers[0] == answers[1]


@pytest.mark.parametrize("operation", WITH_BODY)
async def test_other_tenants_ids_in_a_body_are_ids_that_do_not_exist(
    matrix: Matrix, operation: str
) -> None:
    """Not one that is refused outright: a bulk call answers for each id."""
    case = Case(operation, SERVICE if NEEDS[operation] == INTERNAL else "ana")
    answers = []
    for whose in (FOREIGN, UNKNOWN):
        call = await matrix.call_of(case, body=whose)
        if not call.references:
            return
        async with matrix.undone():
            answer = await matrix.send(case.caller, call)
        answers.append((answer.status_code, _VARYING.sub("…", answer.text)))

    assert answers[0] == answers[1]


@pytest.mark.parametrize("operation", WITH_BODY)
async def test_every_example_of_the_documentation_is_accepted(
    matrix: Matrix, operation: str
) -> None:
    case = Case(operation, SERVICE if NEEDS[operation] == INTERNAL else "ana")
    for number in range(1, len(matrix.examples_of(operation))):  # the matrix sends the first
        call = await matrix.call_of(case, example=number)
        async with matrix.undone():
            answer = await matrix.send(case.caller, call)
        assert answer.is_success or answer.status_code == 409, (call.content, answer.text)


async def test_permission_is_asked_before_the_body_is_looked_at(matrix: Matrix) -> None:
    call = await matrix.call_of(Case("POST /clients", "vera"))
    broken = replace(
        call, content={"content": b"{", "headers": {"content-type": "application/json"}}
    )

    assert (await matrix.send("vera", broken)).status_code == 403
