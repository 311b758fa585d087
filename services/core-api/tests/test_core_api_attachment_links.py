"""Download links: signed, short-lived, for one person and one file."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from core_api_factories import TICKETS, Person, PersonOf, make_ticket
from core_api_files import PDF
from test_core_api_attachments import attach

from core_api.modules.attachments.exceptions import LinkInvalid
from core_api.modules.attachments.links import DownloadLink, opened_link
from core_api.workplace import Workplace
from devstack.people import AURORA, BOREAL
from shared_schemas.ids import OrganizationId, UserId, new_id

KEY = b"k" * 40
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def link(**changes: Any) -> DownloadLink:
    given: dict[str, Any] = {
        "organization_id": OrganizationId(new_id()),
        "attachment_id": new_id(),
        "user_id": UserId(new_id()),
        "expires_at": NOW + timedelta(minutes=5),
    }
    return DownloadLink(**(given | changes))


async def linked(person: Person, raw: bytes = PDF, name: str = "laudo.pdf") -> dict[str, Any]:
    ticket = await make_ticket(person)
    made = (await attach(person, ticket["id"], raw, name)).json()["data"]
    path = f"{TICKETS}/{ticket['id']}/attachments/{made['id']}"
    return {**made, "path": path, **(await person.made(f"{path}/link", {}))}


def test_a_link_says_what_it_was_made_with() -> None:
    made = link()
    assert opened_link(made.signed(KEY), KEY, now=NOW) == made


@pytest.mark.parametrize("seconds", [0, 1, 3600])
def test_it_ends_when_it_says(seconds: int) -> None:
    made = link()
    with pytest.raises(LinkInvalid):
        opened_link(made.signed(KEY), KEY, now=made.expires_at + timedelta(seconds=seconds))


def test_not_one_bit_of_it_can_be_changed() -> None:
    token = link().signed(KEY)
    refused = 0
    for place in range(len(token) - 1):  # the last character has bits that mean nothing
        other = "A" if token[place] != "A" else "B"
        with pytest.raises(LinkInvalid):
            opened_link(token[:place] + other + token[place + 1 :], KEY, now=NOW)
        refused += 1
    assert refused > 100
    for broken in ("", "x", token[:-5], token + "AAAA", "é" * 20):
        with pytest.raises(LinkInvalid):
            opened_link(broken, KEY, now=NOW)
    with pytest.raises(LinkInvalid):
        opened_link(token, b"another key" * 4, now=NOW)


@pytest.mark.committed
async def test_the_file_comes_as_a_download_nobody_runs(bruno: Person) -> None:
    page = b"<!doctype html><script>alert(document.cookie)</script>"
    made = await linked(bruno, page, "pagina.html.txt")

    answer = await bruno.http.get(made["url"])

    assert (answer.status_code, answer.content) == (200, page)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "private, no-store"


@pytest.mark.committed
async def test_the_link_is_for_this_file_only_and_for_a_few_minutes(bruno: Person) -> None:
    made, other = await linked(bruno), await linked(bruno)
    token = made["url"].partition("link=")[2]
    expires = datetime.fromisoformat(made["expires_at"])

    crossed = await bruno.http.get(f"/api/v1/attachments/{other['id']}/download?link={token}")
    without = await bruno.http.get(f"/api/v1/attachments/{made['id']}/download")

    assert timedelta(minutes=4) < expires - datetime.now(UTC) <= timedelta(minutes=5)
    assert (crossed.status_code, crossed.json()["code"]) == (401, "DOWNLOAD_LINK_INVALID")
    assert without.status_code == 401


@pytest.mark.committed
async def test_a_link_forged_for_another_organization_finds_nothing(
    bruno: Person, beto: Person, workplace: Workplace
) -> None:
    made = await linked(bruno)
    await beto.seen("/api/v1/me")
    key = workplace.settings.attachments.link_key.get_secret_value().encode()
    beto_id = UserId(UUID((await beto.seen("/api/v1/me"))["id"]))
    forged = link(
        organization_id=OrganizationId(BOREAL.id),
        attachment_id=UUID(made["id"]),
        user_id=beto_id,
        expires_at=datetime.now(UTC) + timedelta(minutes=1),
    )
    stranger = link(
        organization_id=OrganizationId(AURORA.id),
        attachment_id=UUID(made["id"]),
        user_id=beto_id,
        expires_at=datetime.now(UTC) + timedelta(minutes=1),
    )

    url = f"/api/v1/attachments/{made['id']}/download?link="
    assert (await bruno.http.get(url + forged.signed(key))).status_code == 404
    assert (await bruno.http.get(url + stranger.signed(key))).status_code == 403


@pytest.mark.committed
async def test_who_may_no_longer_read_tickets_downloads_nothing(
    person: PersonOf, superuser: asyncpg.Connection
) -> None:
    bruno = person("bruno")
    made = await linked(bruno)
    await superuser.execute("UPDATE crm.members SET roles = '{}'")

    answer = await bruno.http.get(made["url"])

    assert answer.status_code == 403


@pytest.mark.committed
async def test_a_deleted_attachment_is_gone_for_its_links_too(bruno: Person) -> None:
    made = await linked(bruno)
    assert (await bruno.delete(made["path"])).status_code == 204

    assert (await bruno.http.get(made["url"])).status_code == 404


async def test_who_asked_for_a_link_is_written_down(bruno: Person, records: Any) -> None:
    made = await linked(bruno)
    [noted] = await records.audit("attachment.link_issued")
    assert noted["subject_id"] == made["id"]
