"""A person is given what every service keeps about them, through the real gateway: as a document,
by a link without an account, and as a portable copy that is valid against the served schema."""

import io
import json
import zipfile
from typing import Any
from uuid import uuid4

import httpx
import jsonschema
import pypdfium2
import pytest
from planted_person import execute, made, seen
from system_stack import Stack, eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

NAME = "Quitéria Vasconcelos"
TEXT = "Parecer: a obra da Rua das Acácias foi vistoriada e aprovada."


async def planted(ana: httpx.AsyncClient) -> str:
    """A client with a ticket, and a document about them that the assistant has indexed."""
    code = f"obras-{uuid4().hex[:8]}"
    purpose = {
        "code": code,
        "name": "Vistoria de obras",
        "description": "Vistoriar obras pedidas por munícipes.",
        "legal_basis": "consent",
        "notice_text": "Usamos seus dados para vistoriar a obra que você pediu.",
        "locale": "pt-BR",
        "assistant_may_use": True,
    }
    await made(ana, "/consent-purposes", purpose)
    client_id = str((await made(ana, "/clients", {"name": NAME}))["id"])
    consent = {"purpose_code": code, "decision": "granted", "channel": "phone", "notice_version": 1}
    await made(ana, f"/clients/{client_id}/consents", consent)
    ticket = {"client_id": client_id, "subject": "Vistoria", "description": "Peço vistoria."}
    await made(ana, "/tickets", ticket)
    about = {"visibility": "client", "client_id": client_id, "purpose_code": code}
    given = {"title": "Parecer", "text": TEXT, "legal_basis": "consent", **about}
    document: dict[str, Any] = {}

    async def filed() -> bool:
        """Where core-api does not say within a second what stands, its events decide."""
        answer = await ana.post("/api/v1/rag/documents", json=given)
        document.update(answer.json()["data"] if answer.is_success else {})
        return answer.is_success

    await eventually(filed)

    async def indexed() -> bool:
        path = f"/api/v1/rag/documents/{document['id']}"
        found = await ana.get(path, params={"client_id": client_id})
        return found.is_success and found.json()["data"]["status"] == "indexed"

    await eventually(indexed, seconds=60)
    return client_id


async def copied(http: httpx.AsyncClient, client_id: str, kind: str) -> dict[str, Any]:
    """A request that was executed, once its copies are there: the worker's upkeep makes them."""
    request = await made(http, "/privacy-requests", {"client_id": client_id, "type": kind})
    path = f"/privacy-requests/{request['id']}"
    await execute(http, str(request["id"]))

    async def complete() -> Any:
        state = await seen(http, f"{path}/subject-data")
        return state if state["state"] == "complete" else None

    state: dict[str, Any] = await eventually(complete, seconds=90)
    assert (await seen(http, path))["status"] == "completed"
    return {each["format"]: f"{path}/files/{each['id']}" for each in state["files"]}


async def download(http: httpx.AsyncClient, path: str) -> bytes:
    answer = await http.get(f"/api/v1{path}/download")
    assert answer.status_code == 200, answer.text
    return answer.content


async def test_person_is_given_what_every_service_keeps(stack: Stack) -> None:
    async with await stack.client("ana") as ana, await stack.client("davi") as davi:
        client_id = await planted(ana)
        access = await copied(davi, client_id, "access")
        declaration = json.loads(await download(davi, access["json"]))
        pages = pypdfium2.PdfDocument(await download(davi, access["pdf"]))
        link = await made(davi, f"{access['pdf']}/link", {})
        portable = await copied(davi, client_id, "portability")
        archive = zipfile.ZipFile(io.BytesIO(await download(davi, portable["zip"])))
        schema = (await davi.get("/api/v1/subject-data/schema")).json()

    kept = {f"{each['service']}.{each['name']}": each for each in declaration["sections"]}
    assert kept["core-api.registration"]["records"][0]["name"] == NAME
    (document,) = kept["ai-svc.assistant_documents"]["records"]
    assert (document["text"], document["legal_basis"]) == (TEXT, "consentimento")
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(declaration)
    validator.validate(json.loads(archive.read("dados.json")))
    assert TEXT in archive.read("csv/ai-svc-assistant_documents.csv").decode()
    printed = " ".join(" ".join(p.get_textpage().get_text_range().split()) for p in pages)
    pages.close()
    assert NAME in printed
    assert TEXT in printed

    async with httpx.AsyncClient(base_url=stack.url, trust_env=False) as nobody:
        fetched = await nobody.get(link["url"])
        forged = await nobody.get(link["url"][:-2] + "xx")
    assert (fetched.status_code, fetched.headers["content-type"]) == (200, "application/pdf")
    assert fetched.headers["cache-control"] == "private, no-store"
    assert forged.status_code == 401
