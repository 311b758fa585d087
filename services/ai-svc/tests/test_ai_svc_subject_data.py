"""What the assistant keeps about a person, as they are told, and what would be erased."""

from typing import Any
from uuid import UUID

import httpx
import pytest
from access_factories import AURORA, SERVICE, CoreApi
from ai_svc_erasing import QUESTION, WORD, about, plant
from ai_svc_factories import INTERNAL_KEY, Person

from devstack.people import PEOPLE
from shared_schemas.ids import new_id
from shared_schemas.privacy import ErasurePreview, SubjectData

pytestmark = pytest.mark.committed

PREVIEW = "/internal/v1/privacy/erasure-preview"
DATA = "/internal/v1/privacy/subject-data"
SERVICE_KEY = {"x-internal-key": INTERNAL_KEY, "x-source-service": "worker-svc"}
BOREAL = PEOPLE["beto"].organization.id


async def asked(http: httpx.AsyncClient, path: str, *client_ids: UUID, **more: Any) -> Any:
    body = {
        "organization_id": str(AURORA),
        "client_ids": [str(each) for each in client_ids],
        **more,
    }
    answer = await http.post(path, json=body, headers=SERVICE_KEY)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def records(http: httpx.AsyncClient, client_id: UUID, limit: int) -> dict[str, list[Any]]:
    """All pages together."""
    found: dict[str, list[Any]] = {}
    cursor: str | None = None
    for _ in range(50):
        data = await asked(http, DATA, client_id, limit=limit, cursor=cursor)
        page = SubjectData.model_validate(data)
        assert sum(len(section.records) for section in page.sections) <= limit
        for section in page.sections:
            found.setdefault(section.name, []).extend(section.records)
        cursor = page.next_cursor
        if cursor is None:
            return found
    raise AssertionError("no end of pages")


@pytest.mark.parametrize("limit", [1, 2, 5, 500])
async def test_everything_is_told_once_whatever_the_pages(
    ana: Person, core_api: CoreApi, http: httpx.AsyncClient, limit: int
) -> None:
    helena, other = new_id(), new_id()
    documents = await plant(ana, core_api, helena)
    await ana.index("De outra pessoa.", **about(other))

    told = await records(http, helena, limit)

    versions = told["assistant_documents"]
    assert {record["document_id"] for record in versions} == {str(each) for each in documents}
    assert len({(record["document_id"], record["version"]) for record in versions}) == len(versions)
    assert {record["purpose_code"] for record in versions} == {SERVICE}
    assert all(WORD in record["text"] for record in versions)
    answers = told["assistant_answers"]
    assert [record["question"] for record in answers][1:] == [QUESTION, QUESTION]
    assert answers[0]["abstained"]
    assert [f"{WORD}?"] in [record["comments"] for record in answers]
    assert [record["file_name"] for record in told["assistant_uploads"]] == [f"{WORD}.txt"]
    assert len(told["assistant_triages"]) == 1


async def test_every_field_has_a_name_for_people(
    ana: Person, core_api: CoreApi, http: httpx.AsyncClient
) -> None:
    helena = new_id()
    await plant(ana, core_api, helena)

    data = SubjectData.model_validate(await asked(http, DATA, helena))

    for section in data.sections:
        named = {*section.field_labels, "document_id", "answer_id"}
        assert section.records
        assert set(section.records[0]) <= named, section.name


async def test_nothing_is_known_of_a_stranger_or_in_another_organization(
    ana: Person, core_api: CoreApi, http: httpx.AsyncClient
) -> None:
    helena = new_id()
    await plant(ana, core_api, helena)

    stranger = await asked(http, DATA, new_id())
    elsewhere = await asked(http, DATA, helena, organization_id=str(BOREAL))
    preview = await asked(http, PREVIEW, helena, organization_id=str(BOREAL))

    for data in (stranger, elsewhere):
        assert not any(section["records"] for section in data["sections"])
    assert not any(
        store["count"] for store in preview["stores"] if store["store"] != "client_absences"
    )


async def test_a_preview_changes_nothing_and_names_every_store(
    ana: Person, core_api: CoreApi, http: httpx.AsyncClient
) -> None:
    helena = new_id()
    await plant(ana, core_api, helena)

    first, second = [await asked(http, PREVIEW, helena) for _ in range(2)]

    preview = ErasurePreview.model_validate(first)
    assert first == second
    assert preview.service == "ai-svc"
    stores = {store.store: store for store in preview.stores}
    assert stores["documents"].count == 3
    assert stores["answers"].count == 3
    assert stores["client_absences"].action.value == "keep"
    assert "LGPD" in str(stores["client_absences"].ground)
    assert all(store.ground is None for store in preview.stores if store.action.value == "erase")


@pytest.mark.parametrize("path", [PREVIEW, DATA])
async def test_only_services_ask(http: httpx.AsyncClient, ana: Person, path: str) -> None:
    body = {"organization_id": str(AURORA), "client_ids": [str(new_id())]}

    assert (await http.post(path, json=body)).status_code == 401
    assert (await ana.post(path, json=body)).status_code == 401


@pytest.mark.parametrize(
    "wrong",
    [{"client_ids": []}, {"cursor": "x"}, {"cursor": "99:"}, {"cursor": "0:y"}, {"limit": 0}],
)
async def test_a_question_that_makes_no_sense_is_refused(
    http: httpx.AsyncClient, clean: None, wrong: dict[str, Any]
) -> None:
    body = {"organization_id": str(AURORA), "client_ids": [str(new_id())], **wrong}

    answer = await http.post(DATA, json=body, headers=SERVICE_KEY)

    assert answer.status_code == 422, answer.text
