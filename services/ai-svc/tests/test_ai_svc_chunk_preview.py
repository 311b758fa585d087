"""Trying out how a text or a document is cut, without storing anything."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from ai_svc_factories import DOCUMENTS, HOLIDAYS, Person

pytestmark = pytest.mark.committed

PREVIEW = "/api/v1/rag/chunk-preview"


def data_of(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def test_preview_shows_chunks_and_stores_nothing(ana: Person) -> None:
    law = "\n\n".join(f"Art. {n}º Texto do artigo.\n\n§ 1º Um parágrafo." for n in range(1, 7))

    shown = data_of(await ana.post(PREVIEW, json={"text": law, "title": "LGPD", "limit": 1}))

    assert shown["chunking"] == "law"
    assert shown["chunk_count"] >= len(shown["chunks"]) == 1
    chunk = shown["chunks"][0]
    assert chunk["heading"] == "LGPD, Arts. 1º a 6º"
    assert law[chunk["char_start"] : chunk["char_end"]] == chunk["content"]
    assert data_of(await ana.get(DOCUMENTS)) == []


async def test_preview_of_a_document_is_what_another_cutting_would_give(ana: Person) -> None:
    document_id = await ana.index(HOLIDAYS)
    body = {"document_id": str(document_id), "chunking": "heading", "chunk_size": 64}

    shown = data_of(await ana.post(PREVIEW, json=body))
    again = {"text": HOLIDAYS, "chunking": "heading", "chunk_size": 64}
    assert (await ana.post(f"{DOCUMENTS}/{document_id}/versions", json=again)).status_code == 202
    await ana.ingestion.drain_once("tests")

    listed = data_of(await ana.get(f"{DOCUMENTS}/{document_id}/chunks"))
    assert [each["content"] for each in shown["chunks"]] == [each["content"] for each in listed]
    assert [each["heading"] for each in shown["chunks"]] == [each["heading"] for each in listed]
    assert shown["truncated"] is False


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "a", "document_id": str(uuid4())},
        {"text": "x" * 200_001},
        {"text": " \n "},
        {"text": "a", "chunk_size": 5},
        {"text": "a", "chunk_overlap": 5},
        {"text": "a", "limit": 201},
        {"text": "a", "chunking": "none"},
    ],
)
async def test_preview_refuses(ana: Person, body: dict[str, Any]) -> None:
    assert (await ana.post(PREVIEW, json=body)).status_code == 422


async def test_preview_of_what_is_not_there_or_anothers(ana: Person, beto: Person) -> None:
    document_id = await ana.index(HOLIDAYS)
    for person, wanted in ((beto, str(document_id)), (ana, str(uuid4()))):
        answer = await person.post(PREVIEW, json={"document_id": wanted})
        assert (answer.status_code, answer.json()["code"]) == (404, "DOCUMENT_NOT_FOUND")
    waiting = await ana.post(DOCUMENTS, json={"text": "Ainda não processado."})
    body = {"document_id": waiting.json()["data"]["id"]}
    answer = await ana.post(PREVIEW, json=body)
    assert (answer.status_code, answer.json()["code"]) == (409, "DOCUMENT_CONTENT_NOT_READY")
