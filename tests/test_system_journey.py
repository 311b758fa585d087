"""The main job through the real gateway with real tokens; another organization sees none of it."""

from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import httpx
import pytest
from system_stack import Stack, wait_until_indexed

from shared_schemas.ids import new_id

pytestmark = pytest.mark.stack

DOCUMENT = """# Segunda via da certidão

A segunda via da certidão custa R$ 37,40 e fica pronta em três dias úteis.

# Atendimento presencial

O balcão atende de segunda a sexta-feira, das 8h às 17h, na Rua das Acácias.
"""


@pytest.fixture(scope="module")
async def ana(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await stack.client("ana") as client:
        yield client


@pytest.fixture(scope="module")
async def beto(stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    async with await stack.client("beto") as client:
        yield client


@pytest.fixture(scope="module")
async def document_id(ana: httpx.AsyncClient) -> str:
    response = await ana.post(
        "/api/v1/rag/documents",
        files={"file": ("certidao.md", DOCUMENT.encode(), "text/markdown")},
        data={"title": "Certidões"},
    )
    assert response.status_code == 202, response.text
    document = response.json()["data"]
    await wait_until_indexed(ana, document["id"])
    return str(document["id"])


@pytest.fixture(scope="module")
async def client_id(ana: httpx.AsyncClient) -> str:
    response = await ana.post(
        "/api/v1/clients",
        json={"kind": "person", "name": "Júlia Prado", "email": "julia.prado@example.com"},
    )
    assert response.status_code == 201, response.text
    return str(response.json()["data"]["id"])


@pytest.fixture(scope="module")
async def ticket_id(ana: httpx.AsyncClient, client_id: str) -> str:
    response = await ana.post(
        "/api/v1/tickets",
        json={
            "client_id": client_id,
            "subject": "Certidão atrasada",
            "description": "Pedi a segunda via e ela não chegou.",
            "priority": "high",
            "channel": "web",
        },
    )
    assert response.status_code == 201, response.text
    return str(response.json()["data"]["id"])


@pytest.fixture(scope="module")
async def consent_id(ana: httpx.AsyncClient, client_id: str) -> str:
    code = f"novidades-{uuid4().hex[:8]}"
    purpose = await ana.post(
        "/api/v1/consent-purposes",
        json={
            "code": code,
            "name": "Novidades por e-mail",
            "description": "Enviar novidades dos serviços municipais por e-mail.",
            "legal_basis": "consent",
            "notice_text": "Usamos seu e-mail para enviar novidades. Cancele quando quiser.",
            "locale": "pt-BR",
        },
    )
    assert purpose.status_code == 201, purpose.text
    response = await ana.post(
        f"/api/v1/clients/{client_id}/consents",
        json={
            "purpose_code": code,
            "decision": "granted",
            "channel": "phone",
            "notice_version": purpose.json()["data"]["notice_version"],
        },
    )
    assert response.status_code == 201, response.text
    return str(response.json()["data"]["id"])


async def test_answer_cites_the_exact_passage(ana: httpx.AsyncClient, document_id: str) -> None:
    response = await ana.post(
        "/api/v1/rag/ask", json={"question": "Quanto custa a segunda via da certidão?"}
    )

    answer = response.json()["data"]
    content = (await ana.get(f"/api/v1/rag/documents/{document_id}/content")).text
    source = next(s for s in answer["sources"] if s["document_id"] == document_id)
    assert not answer["abstained"]
    assert "37,40" in answer["answer"]
    assert source["quote"] == content[source["char_start"] : source["char_end"]]
    assert "37,40" in source["quote"]
    assert source["heading"] == "Segunda via da certidão"


async def test_question_without_an_answer_is_declined(
    ana: httpx.AsyncClient, document_id: str
) -> None:
    response = await ana.post(
        "/api/v1/rag/ask", json={"question": "Qual a velocidade da luz no vácuo interestelar?"}
    )

    answer = response.json()["data"]
    assert answer["abstained"] is True
    assert answer["sources"] == []
    assert "não encontrei" in answer["answer"].lower()


async def test_ticket_lives_from_open_to_closed_and_back(
    ana: httpx.AsyncClient, ticket_id: str
) -> None:
    statuses = []
    for move in ("pend", "resolve", "close", "reopen"):
        response = await ana.post(f"/api/v1/tickets/{ticket_id}/{move}", json={})
        assert response.status_code == 200, response.text
        statuses.append(response.json()["data"]["status"])

    assert statuses == ["pending", "resolved", "closed", "open"]


async def test_consent_is_revoked_and_history_keeps_both(
    ana: httpx.AsyncClient, client_id: str, consent_id: str
) -> None:
    revoked = await ana.post(
        f"/api/v1/consents/{consent_id}/revoke", json={"reason": "Pedido do titular"}
    )
    history = await ana.get(f"/api/v1/clients/{client_id}/consents")

    assert revoked.json()["data"]["status"] == "revoked"
    receipt = next(entry for entry in history.json()["data"] if entry["id"] == consent_id)
    assert receipt["decision"] == "granted"
    assert receipt["status"] == "revoked"
    assert receipt["revoked_at"] > receipt["decided_at"]


async def test_other_organization_gets_the_same_404_as_for_an_unknown_id(
    beto: httpx.AsyncClient, document_id: str, client_id: str, ticket_id: str, consent_id: str
) -> None:
    unknown = new_id()
    calls = [
        ("GET", "/api/v1/clients/{}", client_id, None),
        ("PATCH", "/api/v1/clients/{}", client_id, {"name": "Outro"}),
        ("DELETE", "/api/v1/clients/{}", client_id, None),
        ("GET", "/api/v1/clients/{}/consents", client_id, None),
        ("GET", "/api/v1/tickets/{}", ticket_id, None),
        ("PATCH", "/api/v1/tickets/{}", ticket_id, {"subject": "Outro"}),
        ("POST", "/api/v1/tickets/{}/resolve", ticket_id, {}),
        ("POST", "/api/v1/tickets/{}/messages", ticket_id, {"kind": "note", "body": "x"}),
        ("POST", "/api/v1/consents/{}/revoke", consent_id, {"reason": "x"}),
        ("GET", "/api/v1/rag/documents/{}", document_id, None),
        ("GET", "/api/v1/rag/documents/{}/content", document_id, None),
        ("DELETE", "/api/v1/rag/documents/{}", document_id, None),
    ]

    for method, path, real, body in calls:
        theirs = await beto.request(method, path.format(real), json=body)
        nobodys = await beto.request(method, path.format(unknown), json=body)
        assert theirs.status_code == nobodys.status_code == 404, (method, path, theirs.text)
        assert _anonymous(theirs) == _anonymous(nobodys), (method, path)


async def test_other_organization_lists_and_searches_find_nothing(
    beto: httpx.AsyncClient, document_id: str, client_id: str, ticket_id: str
) -> None:
    pages = [
        await beto.get("/api/v1/clients"),
        await beto.get("/api/v1/clients/search", params={"q": "Júlia Prado"}),
        await beto.get("/api/v1/tickets"),
        await beto.get("/api/v1/tickets/search", params={"q": "Certidão atrasada"}),
        await beto.get("/api/v1/rag/documents"),
        await beto.post("/api/v1/rag/search", json={"query": "segunda via da certidão"}),
        await beto.post("/api/v1/rag/ask", json={"question": "Quanto custa a segunda via?"}),
    ]

    for page in pages:
        assert page.status_code == 200, page.text
        assert not any(secret in page.text for secret in (document_id, client_id, ticket_id))
        assert "37,40" not in page.text


async def test_creating_a_ticket_for_another_organizations_client_is_not_found(
    beto: httpx.AsyncClient, client_id: str
) -> None:
    response = await beto.post(
        "/api/v1/tickets",
        json={
            "client_id": client_id,
            "subject": "x",
            "description": "y",
            "priority": "low",
            "channel": "web",
        },
    )

    assert response.status_code == 404


async def test_without_a_tenant_the_application_sees_no_row(
    stack: Stack, document_id: str, ticket_id: str, consent_id: str
) -> None:
    tables = """
        SELECT n.nspname || '.' || c.relname AS name
        FROM pg_class c
        JOIN pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id'
        WHERE c.relkind IN ('r', 'p') AND n.nspname IN ('crm', 'ai') AND NOT c.relispartition
    """
    counts = {}
    for role in ("postgres", "cogep_app"):
        connection = await asyncpg.connect(stack.database_url(role))
        try:
            names = [row["name"] for row in await connection.fetch(tables)]
            counts[role] = {
                name: await connection.fetchval(f"SELECT count(*) FROM {name}") for name in names
            }
        finally:
            await connection.close()

    filled = {name for name, count in counts["postgres"].items() if count}
    assert {"crm.tickets", "crm.consents", "ai.documents", "ai.chunks", "ai.triages"} <= filled
    assert set(counts["cogep_app"].values()) == {0}


def _anonymous(response: httpx.Response) -> dict[str, object]:
    return {key: value for key, value in response.json().items() if key != "request_id"}
