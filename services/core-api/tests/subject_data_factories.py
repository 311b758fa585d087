"""Answers to data subjects for tests: requests executed, copies made and read."""

import io
import json
import zipfile
from typing import Any, Final

import httpx
from core_api_factories import INTERNAL_KEY, Person
from core_api_neighbour import SUBJECT_DATA, Neighbour, answered
from privacy_factories import REQUESTS, make_proven

from chassis.data.object_storage import ObjectStorage
from core_api.modules.subject_data.models import folder
from devstack.people import AURORA
from shared_schemas.ids import OrganizationId

SWEEP: Final = "/internal/v1/subject-data/sweep"
_WORKER: Final = {"x-source-service": "worker-svc", "x-internal-key": INTERNAL_KEY}
DOCUMENT: Final = {
    "name": "assistant_documents",
    "label": "Documentos sobre você",
    "purpose_codes": ["contrato"],
    "origin": "Enviados por nossa equipe.",
    "field_labels": {"title": "Título", "text": "Texto"},
    "records": [{"title": "Laudo da obra", "text": "Vistoria feita em maio."}],
}

RECIPIENTS: Final = [
    {"name": "Gráfica Boa Vista", "role": "operator", "what_for": "Impressão de cartas"}
]
TRANSFERS: Final = [
    {"recipient": "Provedor de nuvem", "country": "US", "safeguard": "standard_clauses"}
]


async def executed(person: Person, **given: Any) -> dict[str, Any]:
    """A request that is being executed, or was."""
    request = await make_proven(person, **given)
    made: dict[str, Any] = await person.made(f"{REQUESTS}/{request['id']}/execute", {})
    return made


async def answer_to(person: Person, **given: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The request after its execution, and what was said."""
    request = await executed(person, **given)
    return request, await person.seen(f"{REQUESTS}/{request['id']}/answer")


async def copied(person: Person, **given: Any) -> dict[str, Any]:
    """The same, its copies made as far as they can be; how far the answer has come."""
    request = await executed(person, **given)
    return await retried(person, request["id"]) | {"request_id": request["id"]}


async def retried(person: Person, request_id: str) -> dict[str, Any]:
    """Tries to make the copies."""
    return await person.made(f"{REQUESTS}/{request_id}/subject-data/retry", {})


async def file_of(person: Person, state: dict[str, Any], wanted: str) -> bytes:
    """A file of an answer, downloaded."""
    (file,) = [each for each in state["files"] if each["format"] == wanted]
    answer = await person.get(path_of(state, file))
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-length"] == str(len(answer.content)) == str(file["size_bytes"])
    return answer.content


def path_of(state: dict[str, Any], file: dict[str, Any], what: str = "download") -> str:
    """Where a file is downloaded, or where a link to it is made."""
    return f"{REQUESTS}/{state['request_id']}/files/{file['id']}/{what}"


async def document_of(person: Person, state: dict[str, Any]) -> dict[str, Any]:
    """The declaration as data."""
    document: dict[str, Any] = json.loads(await file_of(person, state, "json"))
    return document


async def archive_of(person: Person, state: dict[str, Any]) -> zipfile.ZipFile:
    """The portable copy."""
    return zipfile.ZipFile(io.BytesIO(await file_of(person, state, "zip")))


def section(document: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The records of one section."""
    (found,) = [each for each in document["sections"] if each["name"] == name]
    records: list[dict[str, Any]] = found["records"]
    return records


def keeps(neighbour: Neighbour, *sections: dict[str, Any]) -> None:
    """From now on ai-svc tells of these, each on a page of its own."""

    def page(body: dict[str, Any]) -> httpx.Response:
        number = int(body["cursor"] or 0)
        last = number + 1 >= len(sections)
        return answered(
            {
                "service": "ai-svc",
                "sections": [sections[number]],
                "next_cursor": None if last else str(number + 1),
            }
        )

    neighbour.answers(SUBJECT_DATA, page)


async def sweep(http: httpx.AsyncClient) -> dict[str, int]:
    """What worker-svc asks for every few seconds."""
    answer = await http.post(SWEEP, headers=_WORKER)
    assert answer.status_code == 200, answer.text
    data: dict[str, int] = answer.json()["data"]
    return data


async def stored_keys(storage: ObjectStorage) -> set[str]:
    """The objects of aurora's copies."""
    return {each.key async for each in storage.list(folder(OrganizationId(AURORA.id)))}
