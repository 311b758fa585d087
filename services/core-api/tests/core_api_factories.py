"""People who call core-api, and the things they make."""

import base64
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr
from stdnum.br import cnpj

from chassis.http.service_client import ServiceClient

CLIENTS = "/api/v1/clients"
TICKETS = "/api/v1/tickets"
PURPOSES = "/api/v1/consent-purposes"
INTERNAL_KEY = "internal-key-of-worker-svc"


def worker_calling(transport: httpx.AsyncBaseTransport, **given: Any) -> ServiceClient:
    """How worker-svc calls core-api."""
    return ServiceClient(
        target="core-api",
        base_url="http://core.test",
        source="worker-svc",
        key=SecretStr(INTERNAL_KEY),
        transport=transport,
        **given,
    )


@dataclass(frozen=True)
class Person:
    """A client of the service with somebody's token."""

    http: httpx.AsyncClient
    headers: Mapping[str, str]

    async def call(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Any request."""
        headers = {**self.headers, **request.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **request)

    async def get(self, path: str, **request: Any) -> httpx.Response:
        """GET."""
        return await self.call("GET", path, **request)

    async def post(self, path: str, json: Any = None, **request: Any) -> httpx.Response:
        """POST."""
        return await self.call("POST", path, json=json, **request)

    async def patch(self, path: str, json: Any, **request: Any) -> httpx.Response:
        """PATCH."""
        return await self.call("PATCH", path, json=json, **request)

    async def delete(self, path: str, **request: Any) -> httpx.Response:
        """DELETE."""
        return await self.call("DELETE", path, **request)

    async def made(self, path: str, json: Any) -> dict[str, Any]:
        """What a POST that must succeed has made."""
        answer = await self.post(path, json)
        assert answer.status_code in {200, 201}, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def seen(self, path: str, **params: Any) -> Any:
        """The data of a GET that must succeed."""
        answer = await self.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]


PersonOf = Callable[..., Person]
"""Name and changed claims → a person with a fresh token."""


async def make_client(person: Person, **changes: Any) -> dict[str, Any]:
    """A client, as it is read: without whom it may already have been."""
    client = await person.made(CLIENTS, {"name": "Júlia Prado", **changes})
    del client["possible_duplicates"]
    return client


async def make_ticket(person: Person, client_id: str | None = None, **changes: Any) -> Any:
    """A ticket, of a client of its own unless one is given."""
    client_id = client_id or (await make_client(person))["id"]
    given = {
        "client_id": client_id,
        "subject": "Certidão atrasada",
        "description": "A segunda via não chegou.",
    }
    return await person.made(TICKETS, given | changes)


async def make_purpose(person: Person, **changes: Any) -> dict[str, Any]:
    """A purpose that rests on consent."""
    given = {
        "code": "novidades",
        "name": "Novidades por e-mail",
        "description": "Enviar novidades dos serviços por e-mail.",
        "legal_basis": "consent",
        "notice_text": "Usamos seu e-mail para enviar novidades.",
        "locale": "pt-BR",
    }
    return await person.made(PURPOSES, given | changes)


async def make_consent(person: Person, client_id: str, **changes: Any) -> dict[str, Any]:
    """A decision about the purpose `novidades`."""
    given = {
        "purpose_code": "novidades",
        "decision": "granted",
        "channel": "phone",
        "notice_version": 1,
    }
    return await person.made(f"{CLIENTS}/{client_id}/consents", given | changes)


def generated_cpf(seed: int) -> str:
    """A valid CPF that belongs to nobody known: computed, not collected."""
    source = random.Random(seed)
    digits = [source.randrange(10) for _ in range(9)]
    for _ in range(2):
        weights = range(len(digits) + 1, 1, -1)
        total = sum(digit * weight for digit, weight in zip(digits, weights, strict=True))
        digits.append(-total % 11 % 10)
    return "".join(map(str, digits))


def generated_cnpj(seed: int, *, alphanumeric: bool = False) -> str:
    """A valid CNPJ, of digits or, as since July 2026, of letters and digits."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" if alphanumeric else "0123456789"
    source = random.Random(seed)
    root = "".join(source.choice(alphabet) for _ in range(12))
    return root + cnpj.calc_check_digits(root)


def generated_key(seed: int) -> SecretStr:
    """A key of 32 bytes, in base64, the same every time."""
    return SecretStr(base64.b64encode(random.Random(seed).randbytes(32)).decode())


def without_request_id(answer: httpx.Response) -> dict[str, Any]:
    """The body of an answer, apart from what differs between any two."""
    return {key: value for key, value in answer.json().items() if key != "request_id"}
