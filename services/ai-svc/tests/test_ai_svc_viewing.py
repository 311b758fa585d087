"""A citation is shown where it stands: its text, its neighbours, and its page with a box around."""

import asyncio
import io
from typing import Any
from uuid import UUID, uuid4

import pytest
from ai_svc_factories import DOCUMENTS, HOLIDAYS, Person
from fastapi import FastAPI
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

from ai_svc.modules.viewing import page_images
from knowledge import originals

pytestmark = pytest.mark.committed

QUESTION = "Qual o valor do auxílio-creche?"


def pdf(*pages: str) -> bytes:
    raw = io.BytesIO()
    canvas = Canvas(raw)
    for text in pages:
        canvas.drawString(50, 700, text)
        canvas.showPage()
    canvas.save()
    return raw.getvalue()


async def index_pdf(person: Person, *pages: str) -> UUID:
    answer = await person.post(DOCUMENTS, files={"file": ("manual.pdf", pdf(*pages))})
    assert answer.status_code == 202, answer.text
    await person.ingestion.drain_once("tests")
    return UUID(answer.json()["data"]["id"])


async def view(person: Person, document_id: Any, **query: Any) -> dict[str, Any]:
    answer = await person.get(f"{DOCUMENTS}/{document_id}/view", params=query)
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


async def test_citation_is_shown_in_its_text(ana: Person) -> None:
    document_id = await ana.index("# Começo\n\n" + "Nada. " * 400 + "\n\n" + HOLIDAYS, "Manual")
    (source, *_) = (await ana.ask(QUESTION))["sources"]

    seen = await view(
        ana,
        document_id,
        version=source["version"],
        start=source["char_start"],
        end=source["char_end"],
    )

    content = await ana.content(document_id)
    passage = seen["passage"]
    assert seen["text"] == content[seen["char_start"] : seen["char_end"]]
    assert seen["char_start"] > 0
    begin = passage["char_start"] - seen["char_start"]
    assert seen["text"][begin : begin + len(source["quote"])] == source["quote"]
    assert (seen["heading"], seen["page"], seen["page_image"]) == ("Auxílio-creche", None, None)
    assert (seen["version"], seen["is_current"], seen["title"]) == (1, True, "Manual")


async def test_chunk_is_shown_between_its_neighbours(ana: Person) -> None:
    text = "\n\n".join(f"## Parte {n}\n\n" + f"Palavra{n} aqui. " * 300 for n in range(3))
    document_id = await ana.index(text, chunking="heading")
    found = await ana.search("Palavra1", top_k=20)
    middle = found[0]

    seen = await view(ana, document_id, chunk=middle["chunk_id"])

    content = await ana.content(document_id)
    assert seen["passage"]["char_start"] == middle["char_start"]
    assert seen["previous"]["char_end"] <= middle["char_start"]
    assert seen["next"]["char_start"] >= middle["char_end"]
    assert content[seen["char_start"] : seen["char_end"]] == seen["text"]


async def test_old_citation_resolves_to_the_version_it_was_made_of(ana: Person) -> None:
    document_id = await ana.index(HOLIDAYS)
    (source, *_) = (await ana.ask(QUESTION))["sources"]
    body = {"text": "Tudo mudou. " + HOLIDAYS.replace("850", "990")}
    await ana.post(f"{DOCUMENTS}/{document_id}/versions", json=body)
    await ana.ingestion.drain_once("tests")

    span = {"start": source["char_start"], "end": source["char_end"]}
    old = await view(ana, document_id, version=1, **span)
    chunk = await ana.get(f"{DOCUMENTS}/{document_id}/view", params={"chunk": source["chunk_id"]})

    begin = span["start"] - old["char_start"]
    assert old["text"][begin : begin + len(source["quote"])] == source["quote"]
    assert (old["is_current"], old["previous"], old["next"]) == (False, None, None)
    assert (chunk.status_code, chunk.json()["code"]) == (404, "PASSAGE_NOT_FOUND")


async def test_deleted_document_is_gone_and_anothers_unknown(ana: Person, beto: Person) -> None:
    document_id = await ana.index(HOLIDAYS)
    path, query = f"{DOCUMENTS}/{document_id}/view", {"start": 0, "end": 5}

    theirs = await beto.get(path, params=query)
    unknown = await beto.get(f"{DOCUMENTS}/{uuid4()}/view", params=query)
    await ana.call("DELETE", f"{DOCUMENTS}/{document_id}")
    gone = await ana.get(path, params=query)

    assert (theirs.status_code, unknown.status_code, gone.status_code) == (404, 404, 410)
    assert theirs.json()["code"] == unknown.json()["code"] == "DOCUMENT_NOT_FOUND"


async def test_restricted_document_is_not_shown_to_others(ana: Person, vera: Person) -> None:
    document_id = await index_pdf(ana, "O valor da taxa de matrícula é de cem reais.")
    await ana.call(
        "PATCH",
        f"{DOCUMENTS}/{document_id}",
        json={"visibility": "restricted", "allowed_roles": ["admin"]},
    )

    for path in ("view?start=0&end=5", "pages/1/image"):
        assert (await ana.get(f"{DOCUMENTS}/{document_id}/{path}")).status_code == 200
        assert (await vera.get(f"{DOCUMENTS}/{document_id}/{path}")).status_code == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({}, 422),
        ({"start": 3}, 422),
        ({"start": 5, "end": 5}, 404),
        ({"start": 0, "end": 10**6}, 404),
        ({"start": -1, "end": 5}, 422),
        ({"chunk": "nope"}, 422),
        ({"chunk": str(uuid4())}, 404),
        ({"start": 0, "end": 5, "version": 9}, 404),
        ({"start": 0, "end": 5, "version": 10**12}, 422),
    ],
)
async def test_what_cannot_be_shown_is_refused(
    ana: Person, query: dict[str, Any], status: int
) -> None:
    document_id = await ana.index(HOLIDAYS)

    answer = await ana.get(f"{DOCUMENTS}/{document_id}/view", params=query)

    assert answer.status_code == status, answer.text


async def test_page_is_drawn_with_the_passage_boxed(ana: Person) -> None:
    document_id = await index_pdf(
        ana, "Primeira página do manual.", "O valor da taxa de matrícula é de cem reais."
    )
    (source, *_) = (await ana.ask("Qual o valor da taxa de matrícula?"))["sources"]
    span = {"start": source["char_start"], "end": source["char_end"]}
    seen = await view(ana, document_id, version=1, **span)

    boxed = await ana.get(seen["page_image"])
    plain = await ana.get(f"{DOCUMENTS}/{document_id}/pages/2/image")
    again = await ana.get(seen["page_image"], headers={"if-none-match": boxed.headers["etag"]})

    assert (source["page"], seen["page"], seen["page_count"]) == (2, 2, 2)
    assert boxed.headers["content-type"] == "image/png"
    assert boxed.headers["cache-control"] == "private, no-cache"
    assert Image.open(io.BytesIO(boxed.content)).size == Image.open(io.BytesIO(plain.content)).size
    assert boxed.content != plain.content
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == boxed.headers["etag"] != plain.headers["etag"]


async def test_page_that_is_not_there_or_no_picture_is_refused(ana: Person) -> None:
    drawn = await index_pdf(ana, "Uma página só, com algum texto.")
    text = await ana.index(HOLIDAYS)

    beyond = await ana.get(f"{DOCUMENTS}/{drawn}/pages/2/image")
    none = await ana.get(f"{DOCUMENTS}/{text}/pages/1/image")

    assert (beyond.status_code, beyond.json()["code"]) == (404, "PAGE_NOT_FOUND")
    assert (none.status_code, none.json()["code"]) == (409, "PAGE_IMAGE_UNAVAILABLE")


async def test_no_more_pages_wait_than_can_be_drawn_in_time(
    ana: Person, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    document_id = await index_pdf(ana, "Uma página só, com algum texto.")
    monkeypatch.setattr(page_images, "MOST_WAITING", 2)
    path = f"{DOCUMENTS}/{document_id}/pages/1/image"

    answers = await asyncio.gather(*(ana.get(path) for _ in range(6)))

    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 200
    assert codes[-1] == 503
    assert (await ana.get(path)).status_code == 200


async def test_pages_nobody_could_read_are_said(
    ana: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(originals, "tesseract", lambda: None)
    canvas = Canvas(raw := io.BytesIO())
    canvas.drawString(50, 700, "As férias são de 30 dias corridos por ano.")
    for _ in range(2):
        canvas.showPage()
        canvas.drawInlineImage(Image.new("RGB", (40, 40), "gray"), 0, 0, 590, 840)
    canvas.save()
    file = ("processo.pdf", raw.getvalue(), "application/pdf")
    document_id = (await ana.post(DOCUMENTS, files={"file": file})).json()["data"]["id"]
    await ana.ingestion.drain_once("tests")
    document = (await ana.get(f"{DOCUMENTS}/{document_id}")).json()["data"]
    assert (document["status"], document["page_count"], document["unread_pages"]) == (
        "indexed",
        3,
        2,
    )
    assert document["notice"] == (
        "Em 2 páginas ou arquivos há imagens que não foram lidas, por precisarem de reconhecimento "
        "de texto (OCR): a busca não encontra o que está escrito nelas."
    )
    version = (await ana.get(f"{DOCUMENTS}/{document_id}/versions/1")).json()["data"]
    assert version["unread_pages"] == 2
