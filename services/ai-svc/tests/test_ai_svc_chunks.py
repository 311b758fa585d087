"""Chunks: seen, tried out, corrected, switched off, and all of that undone."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from access_factories import CoreApi
from ai_svc_factories import DOCUMENTS, HOLIDAYS, Person
from fastapi import FastAPI

from chassis.web.pagination import encode_cursor
from devstack.testing import DatabaseUrls
from knowledge.models import Chunking

pytestmark = pytest.mark.committed

SEARCH = "/api/v1/rag/search"

SERVICES = """# Poda

A poda é pedida pelo telefone 156 e não custa nada ao morador.

# Caçamba

A caçamba paga R$ 18,00 e fica cinco dias na rua, com faixas refletivas.
"""


def data_of(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()["data"]


async def chunks_of(person: Person, document_id: UUID, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data_of(
        await person.get(f"{DOCUMENTS}/{document_id}/chunks", params=params)
    )
    return found


async def patch(person: Person, document_id: UUID, chunk: dict[str, Any], **body: Any) -> Any:
    path = f"{DOCUMENTS}/{document_id}/chunks/{chunk['id']}"
    return await person.call("PATCH", path, json=body)


async def edits_of(person: Person, document_id: UUID, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data_of(
        await person.get(f"{DOCUMENTS}/{document_id}/chunk-edits", params=params)
    )
    return found


async def undo(person: Person, document_id: UUID, edit: dict[str, Any]) -> httpx.Response:
    return await person.post(f"{DOCUMENTS}/{document_id}/chunk-edits/{edit['id']}/undo")


async def resubmit(person: Person, document_id: UUID, text: str, **fields: Any) -> None:
    answer = await person.post(f"{DOCUMENTS}/{document_id}/versions", json={"text": text, **fields})
    assert answer.status_code == 202, answer.text
    await person.ingestion.drain_once("tests")


async def found(person: Person, question: str) -> list[str]:
    answer = await person.post(SEARCH, json={"query": question})
    return [passage["content"] for passage in data_of(answer)]


async def test_chunks_are_listed_in_reading_order_and_shown(ana: Person) -> None:
    document_id = await ana.index(SERVICES * 3, chunking="fixed", chunk_size=64, chunk_overlap=0)

    first = (await ana.get(f"{DOCUMENTS}/{document_id}/chunks", params={"limit": 1})).json()
    rest = await chunks_of(ana, document_id, cursor=first["meta"]["next_cursor"], enabled=True)
    listed = [*first["data"], *rest]

    content = await ana.content(document_id)
    assert len(listed) > 1
    assert [chunk["position"] for chunk in listed] == list(range(len(listed)))
    for chunk in listed:
        assert content[chunk["char_start"] : chunk["char_end"]] == chunk["content"]
        assert chunk["token_count"] <= 64
        assert (chunk["enabled"], chunk["version"]) == (True, 1)
    shown = await ana.get(f"{DOCUMENTS}/{document_id}/chunks/{listed[0]['id']}")
    assert data_of(shown) == listed[0]


@pytest.mark.parametrize("place", [-1, 2**31, 10**30, "x", None])
async def test_cursor_of_nowhere_is_refused(ana: Person, place: object) -> None:
    document_id = await ana.index(SERVICES)
    path = f"{DOCUMENTS}/{document_id}/chunks"
    answer = await ana.get(path, params={"cursor": encode_cursor((place,))})
    assert answer.status_code == 422


async def test_sizes_are_chosen_within_bounds_and_shown(ana: Person) -> None:
    document_id = await ana.index(SERVICES, chunking="fixed", chunk_size=80, chunk_overlap=20)
    document = data_of(await ana.get(f"{DOCUMENTS}/{document_id}"))

    assert (document["chunking"], document["chunk_size"], document["chunk_overlap"]) == (
        "fixed",
        80,
        20,
    )
    for sizes in (
        {"chunk_size": 63},
        {"chunk_size": 2001},
        {"chunking": "law", "chunk_overlap": 10},
        {"chunking": "fixed", "chunk_size": 100, "chunk_overlap": 51},
    ):
        answer = await ana.post(DOCUMENTS, json={"text": "Um texto.", **sizes})
        assert answer.status_code == 422, sizes


async def test_correction_makes_a_version_whose_quotes_are_exact(ana: Person) -> None:
    document_id = await ana.index(SERVICES)
    (chunk,) = await chunks_of(ana, document_id)

    corrected = chunk["content"].replace("R$ 18,00", "R$ 21,50")
    answer = data_of(await patch(ana, document_id, chunk, text=corrected), 202)
    assert answer["document"]["status"] == "pending"
    assert "R$ 18,00" in (await found(ana, "quanto custa a caçamba"))[0]
    await ana.ingestion.drain_once("tests")

    content = await ana.content(document_id)
    assert content == SERVICES.strip().replace("R$ 18,00", "R$ 21,50")
    (passage,) = data_of(await ana.post(SEARCH, json={"query": "quanto custa a caçamba"}))
    assert content[passage["char_start"] : passage["char_end"]] == passage["content"]
    assert "R$ 21,50" in passage["content"]
    former = await ana.get(f"{DOCUMENTS}/{document_id}/content", params={"version": 1})
    assert former.text == SERVICES.strip()
    (edit,) = await edits_of(ana, document_id)
    assert (edit["kind"], edit["state"], edit["version"]) == ("correction", "applied", 1)
    assert "R$ 18,00" in edit["original"]
    assert edit["created_by"] == answer["document"]["submitted_by"]
    assert len(edit["original"]) < len(chunk["content"])


async def test_corrections_survive_other_cuttings_and_new_versions(ana: Person) -> None:
    document_id = await ana.index(SERVICES)
    (chunk,) = await chunks_of(ana, document_id)
    await patch(ana, document_id, chunk, text=chunk["content"].replace("R$ 18,00", "R$ 21,50"))
    await ana.ingestion.drain_once("tests")
    (chunk,) = await chunks_of(ana, document_id)
    await patch(ana, document_id, chunk, text=chunk["content"].replace("R$ 21,50", "R$ 22,00"))
    await ana.ingestion.drain_once("tests")
    assert "R$ 22,00" in await ana.content(document_id)

    await resubmit(ana, document_id, f"# Novo começo\n\n{SERVICES}", chunking="heading")

    assert "R$ 22,00" in await ana.content(document_id)
    assert [edit["state"] for edit in await edits_of(ana, document_id)] == ["applied", "applied"]

    await resubmit(ana, document_id, "# Caçamba\n\nA caçamba é gratuita.")

    lost = await edits_of(ana, document_id, state="not_found")
    assert len(lost) == 2
    assert await ana.content(document_id) == "# Caçamba\n\nA caçamba é gratuita."


async def test_correction_is_undone(ana: Person) -> None:
    document_id = await ana.index(SERVICES)
    (chunk,) = await chunks_of(ana, document_id)
    await patch(ana, document_id, chunk, text=chunk["content"].replace("156", "199"))
    await ana.ingestion.drain_once("tests")
    (edit,) = await edits_of(ana, document_id)

    assert data_of(await undo(ana, document_id, edit), 202)["status"] == "pending"
    await ana.ingestion.drain_once("tests")

    assert await ana.content(document_id) == SERVICES.strip()
    (edit,) = await edits_of(ana, document_id, state="undone")
    assert edit["undone_by"] is not None
    again = await undo(ana, document_id, edit)
    assert (again.status_code, again.json()["code"]) == (409, "EDIT_ALREADY_UNDONE")


async def test_two_corrections_before_the_worker_comes_are_both_made(ana: Person) -> None:
    document_id = await ana.index(SERVICES)
    (chunk,) = await chunks_of(ana, document_id)
    for number in ("157", "158"):
        text = chunk["content"].replace("156", number)
        assert (await patch(ana, document_id, chunk, text=text)).status_code == 202
    text = chunk["content"].replace("cinco dias", "seis dias")
    assert (await patch(ana, document_id, chunk, text=text)).status_code == 202

    await ana.ingestion.drain_once("tests")

    content = await ana.content(document_id)
    assert ("157" in content, "seis dias" in content) == (True, True)
    states = [edit["state"] for edit in await edits_of(ana, document_id)]
    assert states == ["applied", "not_found", "applied"]  # the second met what the first changed


async def test_corrections_wait_for_a_version_on_its_way(ana: Person) -> None:
    document_id = await ana.index(SERVICES)
    (chunk,) = await chunks_of(ana, document_id)
    path = f"{DOCUMENTS}/{document_id}/versions"
    assert (await ana.post(path, json={"text": f"{SERVICES} Mais."})).status_code == 202

    answer = await patch(ana, document_id, chunk, text="Outro texto.")

    assert (answer.status_code, answer.json()["code"]) == (409, "NEW_VERSION_UNDERWAY")
    assert await edits_of(ana, document_id) == []


async def test_switched_off_chunk_is_not_found_until_it_is_switched_on(ana: Person) -> None:
    document_id = await ana.index(SERVICES, chunking="heading", chunk_size=64)
    chunk = next(c for c in await chunks_of(ana, document_id) if "caçamba" in c["content"])

    changed = data_of(await patch(ana, document_id, chunk, enabled=False))
    assert changed["chunk"]["enabled"] is False
    assert (await patch(ana, document_id, chunk, enabled=False)).status_code == 200
    assert not any("R$ 18,00" in text for text in await found(ana, "quanto custa a caçamba"))
    assert [c["id"] for c in await chunks_of(ana, document_id, enabled=False)] == [chunk["id"]]
    (edit,) = await edits_of(ana, document_id)
    assert (edit["kind"], edit["state"]) == ("switch_off", "applied")

    assert data_of(await patch(ana, document_id, chunk, enabled=True))["chunk"]["enabled"] is True
    assert any("R$ 18,00" in text for text in await found(ana, "quanto custa a caçamba"))
    assert [each["state"] for each in await edits_of(ana, document_id)] == ["undone"]


@pytest.mark.parametrize("chunking", Chunking)
async def test_what_is_switched_off_stays_so_however_the_text_is_cut(
    ana: Person, chunking: Chunking
) -> None:
    document_id = await ana.index(SERVICES, chunking="heading", chunk_size=64)
    chunk = next(c for c in await chunks_of(ana, document_id) if "caçamba" in c["content"])
    await patch(ana, document_id, chunk, enabled=False)

    await resubmit(ana, document_id, f"{SERVICES}\nMais uma linha.", chunking=chunking.value)

    off = await chunks_of(ana, document_id, enabled=False)
    assert "R$ 18,00" in "".join(each["content"] for each in off)
    on = await chunks_of(ana, document_id, enabled=True)
    assert "R$ 18,00" not in "".join(each["content"] for each in on)
    assert "Mais uma linha." in "".join(each["content"] for each in on)
    (edit,) = await edits_of(ana, document_id)
    assert data_of(await undo(ana, document_id, edit))["status"] == "indexed"
    assert await chunks_of(ana, document_id, enabled=False) == []


async def test_edit_made_while_a_version_is_processed_is_in_it(
    ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await ana.index(SERVICES, chunking="heading", chunk_size=64)
    chunk = next(c for c in await chunks_of(ana, document_id) if "caçamba" in c["content"])
    reader = type(ana.ingestion.originals)
    extract = reader.extract
    answers: list[httpx.Response] = []

    async def edited_meanwhile(self: Any, original: Any) -> Any:
        answers.append(await patch(ana, document_id, chunk, enabled=False))
        return await extract(self, original)

    monkeypatch.setattr(reader, "extract", edited_meanwhile)
    await resubmit(ana, document_id, f"{SERVICES}\nMais.")

    assert [answer.status_code for answer in answers] == [200]
    off = await chunks_of(ana, document_id, enabled=False)
    assert ["R$ 18,00" in each["content"] for each in off] == [True]
    assert off[0]["version"] == 2


async def test_file_is_corrected_from_its_original(ana: Person) -> None:
    answer = await ana.post(
        DOCUMENTS, files={"file": ("guia.md", SERVICES.encode(), "text/markdown")}
    )
    document_id = answer.json()["data"]["id"]
    await ana.ingestion.drain_once("tests")
    (chunk,) = await chunks_of(ana, document_id)

    await patch(ana, document_id, chunk, text=chunk["content"].replace("156", "199"))
    await ana.ingestion.drain_once("tests")

    document = data_of(await ana.get(f"{DOCUMENTS}/{document_id}"))
    assert (document["status"], document["current_version"]) == ("indexed", 2)
    assert "199" in await ana.content(document_id)
    (chunk,) = await chunks_of(ana, document_id)
    assert chunk["heading"] == "Poda"


async def test_law_is_cited_by_its_provisions(ana: Person) -> None:
    law = "LEI Nº 13.709, DE 14 DE AGOSTO DE 2018\n\n" + "\n\n".join(
        f"Art. {n}. {HOLIDAYS[10:110]}" for n in range(10, 30)
    )
    document_id = await ana.index(law)

    listed = await chunks_of(ana, document_id)

    assert len(listed) > 1
    assert listed[0]["heading"].startswith("LGPD, Arts. 10 a ")
    document = data_of(await ana.get(f"{DOCUMENTS}/{document_id}"))
    assert (document["chunking"], document["chunk_size"]) == ("auto", None)


async def test_quote_of_a_law_is_placed_at_its_provision(ana: Person) -> None:
    filler = HOLIDAYS[10:110].replace("\n", " ")
    law = "\n\n".join(f"Art. {n}. {filler}\n\n§ 1º {filler}" for n in range(10, 18))
    law += "\n\nArt. 18. O titular tem direitos.\n\n§ 3º O requerimento expresso é gratuito."
    await ana.index(law, title="Lei Geral de Proteção de Dados (LGPD)")

    answer = data_of(
        await ana.post("/api/v1/rag/ask", json={"question": "O requerimento expresso é gratuito?"})
    )

    headings = [each["heading"] for each in answer["sources"] if "gratuito" in each["quote"]]
    assert headings == ["LGPD, Art. 18, § 3º"]


async def test_deleted_document_leaves_no_edit(ana: Person, database_urls: DatabaseUrls) -> None:
    document_id = await ana.index(SERVICES)
    (chunk,) = await chunks_of(ana, document_id)
    await patch(ana, document_id, chunk, text=chunk["content"].replace("156", "199"))
    await patch(ana, document_id, chunk, enabled=False)

    assert (await ana.call("DELETE", f"{DOCUMENTS}/{document_id}")).status_code == 204

    connection = await asyncpg.connect(database_urls.superuser)
    try:
        assert await connection.fetchval("SELECT count(*) FROM ai.chunk_edits") == 0
    finally:
        await connection.close()
    gone = await ana.get(f"{DOCUMENTS}/{document_id}/chunks")
    assert (gone.status_code, gone.json()["code"]) == (410, "DOCUMENT_DELETED")


async def test_client_documents_show_chunks_to_who_names_the_client_only(
    ana: Person, app: FastAPI
) -> None:
    client_id = str(uuid4())
    await CoreApi(app).purpose("suporte")
    document_id = await ana.index(
        SERVICES,
        visibility="client",
        client_id=client_id,
        purpose_code="suporte",
        legal_basis="contract",
    )
    path = f"{DOCUMENTS}/{document_id}/chunks"

    assert (await ana.get(path)).status_code == 404
    assert len(data_of(await ana.get(path, params={"client_id": client_id}))) == 1


@pytest.mark.parametrize("body", [{}, {"text": "a", "enabled": True}, {"text": " "}, {"other": 1}])
async def test_change_refuses(ana: Person, body: dict[str, Any]) -> None:
    document_id = await ana.index(SERVICES)
    (chunk,) = await chunks_of(ana, document_id)
    assert (await patch(ana, document_id, chunk, **body)).status_code == 422
    same = await patch(ana, document_id, chunk, text=f"\n{chunk['content']}\n")
    assert same.status_code == 422


async def test_viewer_sees_and_changes_nothing(ana: Person, vera: Person) -> None:
    document_id = await ana.index(SERVICES)
    (chunk,) = await chunks_of(vera, document_id)

    assert (await patch(vera, document_id, chunk, enabled=False)).status_code == 403
    path = f"{DOCUMENTS}/{document_id}/chunk-edits/{uuid4()}/undo"
    assert (await vera.post(path)).status_code == 403
    assert await edits_of(vera, document_id) == []


async def test_what_is_not_there_or_anothers_is_answered_alike(ana: Person, beto: Person) -> None:
    document_id = await ana.index(SERVICES)
    (chunk,) = await chunks_of(ana, document_id)
    await patch(ana, document_id, chunk, enabled=False)
    (edit,) = await edits_of(ana, document_id)
    missing = {"id": str(uuid4())}

    for call in (
        await patch(ana, document_id, missing, enabled=False),
        await ana.get(f"{DOCUMENTS}/{document_id}/chunks/{missing['id']}"),
    ):
        assert (call.status_code, call.json()["code"]) == (404, "CHUNK_NOT_FOUND")
    unknown = await undo(ana, document_id, missing)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "CHUNK_EDIT_NOT_FOUND")
    for call in (
        await patch(beto, document_id, chunk, enabled=True),
        await beto.get(f"{DOCUMENTS}/{document_id}/chunks"),
        await beto.get(f"{DOCUMENTS}/{document_id}/chunks/{chunk['id']}"),
        await beto.get(f"{DOCUMENTS}/{document_id}/chunk-edits"),
        await undo(beto, document_id, edit),
    ):
        assert (call.status_code, call.json()["code"]) == (404, "DOCUMENT_NOT_FOUND")
    assert [each["enabled"] for each in await chunks_of(ana, document_id)] == [False]


async def test_chunk_of_a_former_version_is_gone(ana: Person) -> None:
    document_id = await ana.index(SERVICES)
    (former,) = await chunks_of(ana, document_id)
    await resubmit(ana, document_id, f"{SERVICES}\nMais.")

    answer = await patch(ana, document_id, former, enabled=False)

    assert (answer.status_code, answer.json()["code"]) == (404, "CHUNK_NOT_FOUND")
