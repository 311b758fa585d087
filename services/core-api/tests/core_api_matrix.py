"""Calls every operation as everybody, with ids of the own and of another organization.

All calls happen within one transaction; what a call changes is undone after it.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import product
from typing import Any, Final
from uuid import UUID

import httpx
from core_api_accountability import transfer
from core_api_factories import INTERNAL_KEY, Person
from core_api_inventory import ALIASES, MAKERS, PICTURE, Inventory
from core_api_needs import ANYBODY, INTERNAL, LINK, NEEDS
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.web.live.updates import LiveUpdates
from chassis.web.resources import Resources
from core_api.modules.live.programme import PROGRAMME
from devstack.people import AURORA
from devstack.token_factory import TokenFactory
from shared_schemas.ids import new_id
from shared_schemas.permissions import ROLE_PERMISSIONS, Permission, Role

API: Final = "/api/v1"
ROLE_OF: Final = {"ana": Role.ADMIN, "bruno": Role.AGENT, "vera": Role.VIEWER, "davi": Role.DPO}
NOBODY, STRANGER, SERVICE = "no role", "no token", "internal key"
CALLERS: Final = (*ROLE_OF, NOBODY, STRANGER, SERVICE)
OWN, FOREIGN, UNKNOWN = "own", "other tenant's", "unknown"
_PARAMETER: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Case:
    """One call: by whom, of what, and whose id stands where (`whose` is `OWN` elsewhere)."""

    operation: str
    caller: str
    whose: str = OWN
    parameter: str | None = None

    def __str__(self) -> str:
        where = f" {self.whose} {self.parameter}" if self.parameter else ""
        return f"{self.caller}: {self.operation}{where}"

    @property
    def expected(self) -> int | None:
        """The status of who may not; None for who may."""
        need = NEEDS[self.operation]
        if need == LINK:
            return 401  # nobody in the matrix holds one, and a token is none
        if need == INTERNAL:
            return None if self.caller == SERVICE else 401
        if self.caller in {STRANGER, SERVICE}:
            return 401
        held = ROLE_PERMISSIONS[ROLE_OF[self.caller]] if self.caller in ROLE_OF else frozenset()
        needed = () if need == ANYBODY else map(Permission, need.split(" "))
        return None if set(needed) <= held else 403


def parameters_of(operation: str) -> list[str]:
    """The path parameters, in their order."""
    return _PARAMETER.findall(operation)


def cases() -> list[Case]:
    """Every operation × everybody × every id being their own, another tenant's, nobody's."""
    found = []
    for operation, caller in product(NEEDS, CALLERS):
        found.append(Case(operation, caller))
        found += [
            Case(operation, caller, whose, parameter)
            for parameter in parameters_of(operation)
            for whose in (FOREIGN, UNKNOWN)
        ]
    return found


@dataclass(frozen=True)
class Call:
    """A request that is ready to be sent."""

    method: str
    path: str
    content: Mapping[str, Any] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    """The fields of the body that name other things."""


class Matrix:
    """Two organizations with one thing of every kind, and everybody who may call."""

    def __init__(
        self,
        connection: AsyncConnection,
        document: dict[str, Any],
        callers: Mapping[str, Person],
        own: Inventory,
        foreign: Inventory,
    ) -> None:
        self._connection = connection
        self.document = document
        self._callers = callers
        self.own = own
        self.foreign = foreign

    @asynccontextmanager
    async def undone(self) -> AsyncIterator[None]:
        """What happens within has never happened."""
        savepoint = await self._connection.begin_nested()
        try:
            yield
        finally:
            await savepoint.rollback()

    async def send(self, caller: str, call: Call) -> httpx.Response:
        """The answer to `call`."""
        return await self._callers[caller].call(call.method, call.path, **call.content)

    async def call_of(self, case: Case, *, example: int = 0, body: str = OWN) -> Call:
        """The request of a case; `body` says whose things the references in its body name."""
        method, template = case.operation.split(" ")
        path = template
        for parameter in parameters_of(template):
            whose = case.whose if parameter == case.parameter else OWN
            made = await self._id(_name(template, parameter), whose)
            path = path.replace(f"{{{parameter}}}", made)
        described = self.described(case.operation)
        references: list[str] = []
        content = await self._content(case.operation, described, example, body, references)
        query = _query(case.operation, described)
        prefix = "" if path.startswith("/internal/") else API
        return Call(method, prefix + path, content | query, tuple(references))

    def described(self, operation: str) -> dict[str, Any]:
        """The operation in the OpenAPI document; internal ones are not in it."""
        method, path = operation.split(" ")
        described: dict[str, Any] = (
            self.document["paths"].get(f"{API}{path}", {}).get(method.lower(), {})
        )
        return described

    def examples_of(self, operation: str) -> list[Any]:
        """The examples of the JSON body."""
        body = self.described(operation).get("requestBody", {}).get("content", {})
        schema = body.get("application/json", {}).get("schema", {})
        for option in schema.get("anyOf", [schema]):
            name = option.get("$ref", "").removeprefix("#/components/schemas/")
            if examples := self.document["components"]["schemas"].get(name, {}).get("examples"):
                return list(examples)
        return list(schema.get("examples", []))

    async def _content(
        self,
        operation: str,
        described: dict[str, Any],
        example: int,
        whose: str,
        references: list[str],
    ) -> dict[str, Any]:
        if operation in BODIES:
            return dict(await BODIES[operation](self.own))
        if "requestBody" not in described:
            return {}
        examples = self.examples_of(operation)
        if not examples:
            raise LookupError(
                f"{operation}: give its body an example, or add it to BODIES in {__name__}.py"
            )
        return {"json": await self._filled(examples[example], whose, references, operation)}

    async def _filled(self, value: Any, whose: str, references: list[str], name: str) -> Any:
        """The example, its references naming things that exist."""
        if isinstance(value, dict):
            return {
                key: await self._filled(inner, whose, references, _alias(name, str(key)))
                for key, inner in value.items()
            }
        if isinstance(value, list):
            return [await self._filled(inner, whose, references, _one(name)) for inner in value]
        if isinstance(value, str) and (name in MAKERS or _is_uuid(value)):
            references.append(name)
            return await self._id(name, whose)
        return value

    async def _id(self, name: str, whose: str) -> str:
        own = await self.own.id(name)
        if whose == OWN:
            return own
        if whose == FOREIGN:
            return await self.foreign.id(name)
        return str(new_id()) if _is_uuid(own) else "nenhuma"


async def _picture(_things: Inventory) -> Mapping[str, Any]:
    return {"files": {"file": ("ponto.png", PICTURE)}}


async def _viewing(_things: Inventory) -> Mapping[str, Any]:
    return {"json": {"activity": "viewing"}}  # the example, replying, asks for more


async def _merging(things: Inventory) -> Mapping[str, Any]:
    # The example's version of the other client is a later one.
    return {"json": {"other_id": await things.id("other_id"), "choices": {"name": "other"}}}


async def _transferring(things: Inventory) -> Mapping[str, Any]:
    return {"json": transfer(await things.id("purpose_code"), things.unique("provedor"))}


async def _delivering(_things: Inventory) -> Mapping[str, Any]:
    return {"json": {"organization_id": str(AURORA.id), "state": "sent"}}


async def _csv_file(_things: Inventory) -> Mapping[str, Any]:
    return {"files": {"file": ("clientes.csv", "codigo,nome\nC-1,Júlia\n".encode())}}


async def _held_run(_things: Inventory) -> Mapping[str, Any]:
    return {"json": {"organization_id": str(AURORA.id), "lease_token": 0}}


async def _failed_run(things: Inventory) -> dict[str, Any]:
    held = await _held_run(things)
    return {"json": {**held["json"], "code": "FILE_UNREADABLE", "message": "Arquivo ilegível."}}


async def _mail_gone(things: Inventory) -> dict[str, Any]:
    held = await _held_run(things)
    sent = {"message_id": "<1@example.org>", "sent_at": "2026-11-20T12:00:00Z"}
    return {"json": {**held["json"], **sent}}


async def _mail_refused(things: Inventory) -> dict[str, Any]:
    held = await _held_run(things)
    refused = {"code": "MAIL_REFUSED", "message": "O servidor recusou.", "retry": False}
    return {"json": {**held["json"], **refused}}


async def _batch_of_rows(things: Inventory) -> Mapping[str, Any]:
    run = {"organization_id": str(AURORA.id), "lease_token": 0, "run_id": await things.id("run_id")}
    return {"json": {**run, "number": 1, "rows_total": 0, "is_last": True, "rows": []}}


async def _known(things: Inventory) -> Mapping[str, Any]:
    request_id = await things.id("request_id")
    return {"json": {"organization_id": str(AURORA.id), "privacy_request_id": request_id}}


async def _corrected(things: Inventory) -> Mapping[str, Any]:
    clients = [await things.id("client_id")]
    return {"json": {"organization_id": str(AURORA.id), "client_ids": clients}}


async def _proposed(things: Inventory) -> Mapping[str, Any]:
    named = {"decision_id": str(new_id()), "ticket_id": await things.id("ticket_id")}
    return {"json": {"organization_id": str(AURORA.id), "model": "builtin", **named}}


BODIES: Final[dict[str, Callable[[Inventory], Awaitable[Mapping[str, Any]]]]] = {
    "POST /tickets/{ticket_id}/attachments": _picture,
    "POST /client-imports": _csv_file,
    "POST /internal/v1/client-import-runs/{run_id}/begin": _held_run,
    "POST /internal/v1/client-import-runs/{run_id}/fail": _failed_run,
    "POST /internal/v1/client-imports/{import_id}/batches": _batch_of_rows,
    "PUT /tickets/{ticket_id}/presence": _viewing,
    "POST /international-transfers": _transferring,
    "POST /internal/v1/recipient-notices/{recipient_notice_id}/delivery": _delivering,
    "POST /internal/v1/deliveries/{delivery_id}/begin": _held_run,
    "POST /internal/v1/deliveries/{delivery_id}/sent": _mail_gone,
    "POST /internal/v1/deliveries/{delivery_id}/not-sent": _mail_refused,
    "POST /clients/{client_id}/merge": _merging,
    "POST /internal/v1/triage/proposals": _proposed,
    "POST /internal/v1/erasures/known-values": _known,
    "POST /internal/v1/known-values/outdated": _corrected,
}
"""Operation → arguments of httpx for a body that is no JSON, or that the document cannot show."""


@asynccontextmanager
async def built_matrix(
    app: FastAPI, resources: Resources, tokens: TokenFactory
) -> AsyncIterator[Matrix]:
    """On a connection of its own; `app` answers there until the next test takes it over."""
    async with resources.database.engines[0].connect() as connection:
        outer = await connection.begin()
        database = resources.database.joined_to(connection)
        app.state.resources = replace(resources, database=database, rows=None)
        app.state.live = LiveUpdates(PROGRAMME)  # fed by nobody: the stream refuses, and ends
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://core.test") as http:

            def person(who: str, /, **claims: Any) -> Person:
                token = tokens.sign(tokens.claims(who) | claims)
                return Person(http, {"authorization": f"Bearer {token}"})

            callers = everybody(person, http)
            for caller in callers.values():
                await caller.get(f"{API}/me")  # provisioned once, so that nobody is later
            own = Inventory(person("ana"), partial(person, "bruno"), "aurora", database)
            foreign = Inventory(person("beto"), partial(person, "beto"), "boreal", database)
            yield Matrix(connection, app.openapi(), callers, own, foreign)
        await outer.rollback()


def everybody(person: Callable[..., Person], http: httpx.AsyncClient) -> dict[str, Person]:
    """Who calls, by name."""
    nobody = person("vera", sub=str(new_id()), realm_access={"roles": []})
    key = {"x-source-service": "worker-svc", "x-internal-key": INTERNAL_KEY}
    return {
        **{name: person(name) for name in ROLE_OF},
        NOBODY: nobody,
        STRANGER: Person(http, {}),
        SERVICE: Person(http, key),
    }


def _name(template: str, parameter: str) -> str:
    """What the inventory calls the parameter."""
    end = template.index(f"{{{parameter}}}") + len(parameter) + 2
    return ALIASES.get(f"{template} {parameter}", ALIASES.get(template[:end], parameter))


INTERNAL_QUERIES: Final = {
    "GET /internal/v1/triage/tickets/{ticket_id}": {"organization_id": str(AURORA.id)},
    "GET /internal/v1/access-facts": {"organization_id": str(AURORA.id), "kind": "team-members"},
    "GET /internal/v1/access-facts/of-clients": {
        "organization_id": str(AURORA.id),
        "client_ids": [str(AURORA.id)],
    },
}
"""Of operations that no document describes."""


def _query(operation: str, described: dict[str, Any]) -> dict[str, Any]:
    """The required parameters of the query, from their examples."""
    if operation in INTERNAL_QUERIES:
        return {"params": INTERNAL_QUERIES[operation]}
    values = {}
    for parameter in described.get("parameters", []):
        if parameter["in"] == "query" and parameter.get("required"):
            examples = parameter["schema"].get("examples") or [parameter.get("example")]
            if NEEDS[operation] == LINK:
                examples = ["no link"]
            if examples[0] is None:
                raise LookupError(f"{operation}: give {parameter['name']} an example")
            values[parameter["name"]] = examples[0]
    return {"params": values} if values else {}


def _alias(name: str, key: str) -> str:
    return ALIASES.get(f"{name} {key}", key)


def _one(name: str) -> str:
    """`ticket_ids` → `ticket_id`."""
    return name.removesuffix("s") if name.endswith("_ids") else name


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
