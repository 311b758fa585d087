"""No route of the whole API tells the data protection officer what tickets say, unless for a
reason: found by asking all of them, and not by a list that somebody must keep."""

from typing import Final

from core_api_factories import TICKETS
from core_api_matrix import Case, Matrix
from core_api_needs import NEEDS

SECRET: Final = "Diagnóstico da Zoraide"
READS: Final = [operation for operation in NEEDS if operation.startswith("GET /")]


async def _plant(matrix: Matrix) -> int:
    """Into every ticket of the organization, and what was said on it; how many there are."""
    admin = matrix.own.admin
    tickets = await admin.seen(TICKETS, limit=100)
    for ticket in tickets:
        path = f"{TICKETS}/{ticket['id']}"
        changed = await admin.patch(path, {"subject": SECRET, "description": SECRET})
        assert changed.status_code in {200, 409}, changed.text  # 409: it became another one
        for message in await admin.seen(f"{path}/messages"):
            await admin.patch(f"{path}/messages/{message['id']}", {"body": SECRET})
        file = {"file": (f"{SECRET}.txt", SECRET.encode())}
        await admin.call("POST", f"{path}/attachments", files=file)
    return len(tickets)


async def test_no_route_tells_what_tickets_say(matrix: Matrix) -> None:
    told: dict[str, set[str]] = {"ana": set(), "davi": set()}
    calls = {operation: await matrix.call_of(Case(operation, "davi")) for operation in READS}
    async with matrix.undone():
        assert await _plant(matrix)
        for operation, call in calls.items():
            for caller, found in told.items():
                async with matrix.undone():
                    answer = await matrix.send(caller, call)
                if SECRET in answer.text:
                    found.add(operation)

    assert told["davi"] == set()
    assert {"GET /tickets", "GET /tickets/{ticket_id}/messages"} <= told["ana"]
