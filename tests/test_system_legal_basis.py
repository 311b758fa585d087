"""Between two questions the basis ends, in every way there is: through the gateway, told by one
service to the other. The second is not answered from the client's documents, nor from memory."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx
import pytest
from system_stack import Stack, eventually

pytestmark = pytest.mark.stack

QUESTION: Final = "Qual é o limite de crédito da cliente Jacira?"
TEXT: Final = "O limite de crédito da cliente Jacira é de R$ 7.319,00 até dezembro."
FACT: Final = "7.319"
SOON: Final = 5
"""Seconds in which one service has heard of the other; milliseconds, on a machine of its own."""


@dataclass(frozen=True)
class Case:
    """A client of an organization, with a document kept for a purpose that rests on consent."""

    http: httpx.AsyncClient
    client_id: str
    purpose: str

    async def ask(self) -> dict[str, Any]:
        """The answer, as `data`."""
        body = {"question": QUESTION, "filters": {"client_id": self.client_id}}
        return await made(self.http, "/api/v1/rag/ask", body)

    async def consent(self, **changes: Any) -> str:
        """A consent to the purpose."""
        given = {
            "purpose_code": self.purpose,
            "decision": "granted",
            "channel": "phone",
            "notice_version": 1,
        }
        path = f"/api/v1/clients/{self.client_id}/consents"
        return str((await made(self.http, path, given | changes))["id"])

    async def answers(self, *, known: bool) -> None:
        """Waits until the question is answered with the fact, or without it."""

        async def as_wanted() -> bool:
            return (FACT in (await self.ask())["answer"]) is known

        await eventually(as_wanted, seconds=SOON)
        for _ in range(2):  # and it stays so, also where an answer could be given again
            answer = await self.ask()
            assert (FACT in answer["answer"]) is known, answer
            assert any(FACT in source["quote"] for source in answer["sources"]) is known


async def made(http: httpx.AsyncClient, path: str, body: Any = None) -> dict[str, Any]:
    response = await http.post(path, json=body)
    assert response.is_success, (path, response.text)
    data: dict[str, Any] = response.json()["data"]
    return data


async def opened(http: httpx.AsyncClient, decided_at: datetime | None = None) -> Case:
    """Registered, filed, processed and asked about."""
    code = f"credito-{uuid4().hex[:8]}"
    await made(
        http,
        "/api/v1/consent-purposes",
        {
            "code": code,
            "name": "Análise de crédito",
            "description": "Analisar o limite de crédito pedido pelo cliente.",
            "legal_basis": "consent",
            "notice_text": "Usamos seus dados para analisar o limite que você pediu.",
            "locale": "pt-BR",
            "assistant_may_use": True,
        },
    )
    person = {"kind": "person", "name": "Jacira Prado"}
    case = Case(http, str((await made(http, "/api/v1/clients", person))["id"]), code)
    filed = {
        "title": "Crédito",
        "text": TEXT,
        "visibility": "client",
        "client_id": case.client_id,
        "purpose_code": code,
        "legal_basis": "consent",
    }
    refused = await http.post("/api/v1/rag/documents", json=filed)
    assert (refused.status_code, refused.json()["code"]) == (409, "LEGAL_BASIS_MISSING")
    await case.consent(**({"decided_at": decided_at.isoformat()} if decided_at else {}))
    document = await made(http, "/api/v1/rag/documents", filed)

    async def indexed() -> bool:
        path = f"/api/v1/rag/documents/{document['id']}"
        response = await http.get(path, params={"client_id": case.client_id})
        return response.is_success and response.json()["data"]["status"] == "indexed"

    await eventually(indexed)
    await case.answers(known=True)
    return case


@pytest.fixture(scope="module")
async def ana(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await stack.client("ana") as client:
        yield client


@pytest.fixture(scope="module")
async def beto(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await stack.client("beto") as client:
        yield client


@pytest.fixture(scope="module")
async def elsewhere(beto: httpx.AsyncClient) -> Case:
    """What another organization has, whatever happens in this one."""
    return await opened(beto)


async def test_revoking_and_consenting_again(ana: httpx.AsyncClient, elsewhere: Case) -> None:
    case = await opened(ana)
    (consent,) = (await ana.get(f"/api/v1/clients/{case.client_id}/consents")).json()["data"]

    await made(ana, f"/api/v1/consents/{consent['id']}/revoke", {"reason": "Pedido do titular"})
    await case.answers(known=False)
    await case.consent()
    await case.answers(known=True)
    await case.consent(decision="refused")
    await case.answers(known=False)

    assert FACT in (await elsewhere.ask())["answer"]


async def test_a_consent_ends_by_itself(ana: httpx.AsyncClient) -> None:
    now = datetime.now(UTC)
    case = await opened(ana, decided_at=now - timedelta(days=2))
    path = f"/api/v1/consent-purposes/{case.purpose}"
    await ana.patch(path, json={"consent_valid_days": 1})

    soon = datetime.now(UTC) + timedelta(seconds=2)
    await case.consent(decided_at=(soon - timedelta(days=1)).isoformat())

    await case.answers(known=False)
    assert datetime.now(UTC) >= soon


async def test_a_purpose_is_archived_and_taken_up_again(
    ana: httpx.AsyncClient, elsewhere: Case
) -> None:
    case = await opened(ana)
    path = f"/api/v1/consent-purposes/{case.purpose}"

    await made(ana, f"{path}/archive")
    await case.answers(known=False)
    await made(ana, f"{path}/restore")
    await case.answers(known=True)
    await ana.patch(path, json={"assistant_may_use": False})
    await case.answers(known=False)

    assert FACT in (await elsewhere.ask())["answer"]


async def test_a_material_change_of_the_notice_asks_again(ana: httpx.AsyncClient) -> None:
    case = await opened(ana)
    notice = {
        "notice_text": "Usamos seus dados também para oferecer outros limites.",
        "locale": "pt-BR",
        "is_material": True,
    }

    await made(ana, f"/api/v1/consent-purposes/{case.purpose}/notices", notice)
    await case.answers(known=False)
    asked_again = await ana.get(f"/api/v1/clients/{case.client_id}/legal-basis/{case.purpose}")
    assert asked_again.json()["data"]["ground"] == "renewal_due"
    await case.consent(notice_version=2)
    await case.answers(known=True)


async def test_blocked_data_is_kept_and_not_used(ana: httpx.AsyncClient, elsewhere: Case) -> None:
    case = await opened(ana)
    path = f"/api/v1/clients/{case.client_id}/processing-blocks"
    block = {"cause": "blocking", "reason": "Pedido do titular"}

    whole = await made(ana, path, block)
    await case.answers(known=False)
    await made(ana, f"/api/v1/processing-blocks/{whole['id']}/lift", {"reason": "Pedido atendido"})
    await case.answers(known=True)
    await made(ana, path, block | {"purpose_code": case.purpose})
    await case.answers(known=False)

    assert FACT in (await elsewhere.ask())["answer"]
