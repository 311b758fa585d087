"""Lists of requests of data subjects: filters, cursors, tenants, a fixed number of statements."""

from datetime import UTC, datetime, timedelta
from typing import Any

from core_api_factories import CLIENTS, Person, make_client
from privacy_factories import REQUESTS, make_proven, make_request


def ids(requests: list[dict[str, Any]]) -> list[str]:
    return [request["id"] for request in requests]


async def test_filters_narrow_the_list(ana: Person) -> None:
    client = await make_client(ana)
    late = datetime.now(UTC) - timedelta(days=40)
    overdue = await make_request(ana, received_at=late.isoformat())
    erasure = await make_proven(ana, type="erasure", client_id=client["id"])
    cancelled = await make_request(ana, type="sharing", received_at=late.isoformat())
    await ana.made(f"{REQUESTS}/{cancelled['id']}/cancel", {"reason": "Desistiu."})

    async def found(**wanted: Any) -> set[str]:
        return set(ids(await ana.seen(REQUESTS, **wanted)))

    everything = {overdue["id"], erasure["id"], cancelled["id"]}
    assert await found() == everything
    assert await found(status="cancelled") == {cancelled["id"]}
    assert await found(status=["cancelled", "in_progress"]) == everything - {overdue["id"]}
    assert await found(type="erasure") == {erasure["id"]}
    assert await found(client_id=client["id"]) == {erasure["id"]}
    assert await found(overdue="true") == {overdue["id"]}
    assert await found(overdue="false") == everything - {overdue["id"]}
    assert await found(open="false") == {cancelled["id"]}
    assert await found(open="true", type=["access", "sharing"]) == {overdue["id"]}
    assert (await ana.get(REQUESTS, params={"status": "lost"})).status_code == 422


async def test_requests_of_who_was_merged_are_listed_with_the_survivor(ana: Person) -> None:
    survivor, other = [await make_client(ana) for _ in range(2)]
    request = await make_request(ana, client_id=other["id"])
    await ana.made(f"{CLIENTS}/{survivor['id']}/merge", {"other_id": other["id"]})

    for client in (survivor, other):
        assert ids(await ana.seen(REQUESTS, client_id=client["id"])) == [request["id"]]
    given = {"client_id": other["id"], "type": "access"}
    refused = await ana.post(REQUESTS, given)
    assert (refused.status_code, refused.json()["code"]) == (409, "CLIENT_MERGED")
    (entry,) = await ana.seen(f"{CLIENTS}/{survivor['id']}/timeline", kind="privacy_request")
    assert entry["client_id"] == other["id"]


async def test_pages_hold_every_request_once_in_every_order(ana: Person) -> None:
    start = datetime.now(UTC)
    made = [
        await make_request(ana, received_at=(start - timedelta(days=day // 2)).isoformat())
        for day in range(7)
    ]
    cursor: dict[str, str] = {}
    for order in ("due_at", "-due_at", "received_at", "-received_at"):
        seen: list[dict[str, Any]] = []
        cursor = {}
        while True:
            answer = await ana.get(REQUESTS, params={"limit": 3, "sort": order, **cursor})
            seen += answer.json()["data"]
            if not answer.json()["meta"]["has_more"]:
                break
            cursor = {"cursor": answer.json()["meta"]["next_cursor"]}
        assert sorted(ids(seen)) == sorted(ids(made))
        key = order.removeprefix("-")
        assert [one[key] for one in seen] == sorted(
            (one[key] for one in made), reverse=order.startswith("-")
        )
    other = await ana.get(REQUESTS, params={"sort": "received_at", **cursor})
    assert other.status_code == 422


async def test_another_organization_sees_nothing_of_it(ana: Person, beto: Person) -> None:
    request = await make_request(ana, description="Meus dados.")
    path = f"{REQUESTS}/{request['id']}"

    assert await beto.seen(REQUESTS) == []
    assert await beto.seen(REQUESTS, client_id=request["client_id"]) == []
    for answer in (
        await beto.get(path),
        await beto.get(f"{path}/history"),
        await beto.get(f"{path}/messages"),
        await beto.post(f"{path}/execute"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "PRIVACY_REQUEST_NOT_FOUND")
    foreign = await beto.post(REQUESTS, {"client_id": request["client_id"], "type": "access"})
    assert (foreign.status_code, foreign.json()["code"]) == (404, "CLIENT_NOT_FOUND")


async def test_who_may_not_read_requests_is_not_shown_them_on_the_timeline(
    ana: Person, bruno: Person, davi: Person
) -> None:
    request = await make_request(ana)
    timeline = f"{CLIENTS}/{request['client_id']}/timeline"

    assert "privacy_request" not in {one["kind"] for one in await bruno.seen(timeline)}
    assert "privacy_request" in {one["kind"] for one in await davi.seen(timeline)}
    assert (await bruno.get(REQUESTS)).status_code == 403
