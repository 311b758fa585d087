"""Every operation × every role: the table of permissions decides, and nothing escapes it."""

import re
from itertools import product
from typing import Any

import pytest
from core_api_factories import Person, PersonOf
from fastapi import FastAPI
from fastapi.routing import APIRoute

from chassis.security.authentication import Requirement
from chassis.web.routing import guards_of
from shared_schemas.ids import new_id
from shared_schemas.permissions import ROLE_PERMISSIONS, Permission, Role

ROLE_OF = {"ana": Role.ADMIN, "bruno": Role.AGENT, "vera": Role.VIEWER, "davi": Role.DPO}

# Written out, so that a permission that changes by mistake is noticed.
NEEDS: dict[str, str | None] = {
    "GET /me": None,
    "GET /organization": "organization:read",
    "GET /members": "members:read",
    "POST /clients": "clients:write",
    "GET /clients": "clients:read",
    "GET /clients/search": "clients:read",
    "GET /clients/{client_id}": "clients:read",
    "PATCH /clients/{client_id}": "clients:write",
    "DELETE /clients/{client_id}": "clients:delete",
    "POST /tickets": "tickets:write",
    "GET /tickets": "tickets:read",
    "GET /tickets/search": "tickets:read",
    "GET /tickets/{ticket_id}": "tickets:read",
    "PATCH /tickets/{ticket_id}": "tickets:write",
    "POST /tickets/{ticket_id}/assign": "tickets:write",
    "POST /tickets/{ticket_id}/pend": "tickets:write",
    "POST /tickets/{ticket_id}/hold": "tickets:write",
    "POST /tickets/{ticket_id}/resolve": "tickets:write",
    "POST /tickets/{ticket_id}/close": "tickets:write",
    "POST /tickets/{ticket_id}/reopen": "tickets:write",
    "POST /tickets/{ticket_id}/messages": "tickets:write",
    "GET /tickets/{ticket_id}/messages": "tickets:read",
    "POST /consent-purposes": "purposes:write",
    "GET /consent-purposes": "consents:read",
    "GET /consent-purposes/{code}": "consents:read",
    "PATCH /consent-purposes/{code}": "purposes:write",
    "POST /consent-purposes/{code}/notices": "purposes:write",
    "GET /consent-purposes/{code}/notices": "consents:read",
    "POST /clients/{client_id}/consents": "consents:write",
    "GET /clients/{client_id}/consents": "consents:read",
    "GET /consents/{consent_id}": "consents:read",
    "POST /consents/{consent_id}/revoke": "consents:write",
    "GET /audit-events": "audit:read",
}


def _public_routes(app: FastAPI) -> dict[str, APIRoute]:
    return {
        f"{method} {route.path.removeprefix('/api/v1')}": route
        for route in app.routes
        if isinstance(route, APIRoute) and route.path.startswith("/api/v1/")
        for method in route.methods or ()
    }


def test_every_route_needs_what_the_table_says(shared_app: FastAPI) -> None:
    needed: dict[str, str | None] = {}
    for name, route in _public_routes(shared_app).items():
        guards = guards_of(route.dependant)
        assert guards, f"{name} lets anybody in"
        permissions = [p for g in guards if isinstance(g, Requirement) for p in g.permissions]
        needed[name] = permissions[0].value if permissions else None

    assert needed == NEEDS


@pytest.mark.parametrize(("name", "operation"), list(product(ROLE_OF, NEEDS)))
async def test_role_may_or_may_not(person: PersonOf, name: str, operation: str) -> None:
    method, path = operation.split(" ")
    needed = NEEDS[operation]
    allowed = needed is None or Permission(needed) in ROLE_PERMISSIONS[ROLE_OF[name]]

    answer = await _call(person(name), method, path)

    assert (answer.status_code != 403) is allowed, answer.text
    if not allowed:
        assert answer.json()["code"] == "FORBIDDEN"


async def test_nobody_without_a_role_may_do_anything_but_ask_who_they_are(
    person: PersonOf,
) -> None:
    nobody = person("vera", realm_access={"roles": []})

    statuses = {
        operation: (await _call(nobody, *operation.split(" "))).status_code for operation in NEEDS
    }

    assert statuses.pop("GET /me") == 200
    assert set(statuses.values()) == {403}


async def test_permission_is_asked_before_the_body_is_looked_at(vera: Person) -> None:
    answer = await vera.call(
        "POST", "/api/v1/clients", content=b"{", headers={"content-type": "application/json"}
    )

    assert answer.status_code == 403


async def _call(person: Person, method: str, path: str) -> Any:
    address = re.sub(r"\{\w+_id\}", str(new_id()), path).replace("{code}", "nenhuma")
    body: dict[str, Any] | None = {} if method in {"POST", "PATCH"} else None
    return await person.call(method, f"/api/v1{address}", json=body)
