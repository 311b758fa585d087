"""Every list takes as many statements for thirty rows as for one."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from core_api_matrix import API, Case, Matrix
from core_api_needs import NEEDS

from chassis.web.resources import Resources

MANY = 30

ROWS = {
    "GET /members": "member_id",
    "GET /clients": "client_id",
    "GET /clients/search": "client_id",
    "GET /tickets": "ticket_id",
    "GET /tickets/search": "ticket_id",
    "GET /tickets/{ticket_id}/messages": "message_id",
    "GET /consent-purposes": "purpose_code",
    "GET /consent-purposes/{code}/notices": "notice_version",
    "GET /clients/{client_id}/consents": "consent_id",
    "GET /consent-purposes/{code}/renewals": "renewal_id",
    "GET /audit-events": "client_id",
    "GET /clients/{client_id}/notes": "note_id",
    "GET /clients/{client_id}/timeline": "note_id",
    "GET /clients/{client_id}/relations": "relation_id",
    "GET /client-duplicates": "duplicate_id",
    "GET /client-merges": "merge_id",
    "GET /custom-fields": "field_id",
    "GET /tickets/{ticket_id}/attachments": "attachment_id",
    "GET /tickets/{ticket_id}/messages/{message_id}/revisions": "message_revision",
    "GET /tickets/{ticket_id}/watchers": "watcher_id",
    "GET /tickets/{ticket_id}/links": "link_id",
    "GET /categories": "category_id",
    "GET /teams": "team_id",
    "GET /teams/{team_id}/members": "team_member_id",
    "GET /absences": "absence_id",
    "GET /skill-rules": "rule_id",
    "GET /canned-replies": "canned_reply_id",
    "GET /macros": "macro_id",
    "GET /views": "view_id",
    "GET /sla-calendars": "calendar_id",
    "GET /sla-policies": "policy_id",
    "GET /client-imports": "import_id",
    "GET /privacy-requests": "request_id",
    "GET /privacy-requests/{request_id}/messages": "privacy_message_id",
    "GET /privacy-requests/{request_id}/history": "privacy_message_id",
    "GET /erasures": "erasure_id",
    "GET /legal-holds": "hold_id",
    "GET /accountability/deadlines": "incident_id",
    "GET /automated-decisions": "decision_id",
    "GET /decision-reviews": "review_id",
    "GET /incidents": "incident_id",
    "GET /incidents/{incident_id}/notices": "incident_notice_id",
    "GET /incidents/{incident_id}/subjects": "incident_subject_id",
    "GET /international-transfers": "transfer_id",
    "GET /privacy-officers": "officer_id",
    "GET /recipient-notices": "recipient_notice_id",
    "GET /deliveries": "delivery_id",
}
"""A list → what makes a row of it more (a name in MAKERS of core_api_inventory.py)."""

BOUNDED: dict[str, str] = {
    "GET /clients/{client_id}/duplicates": "twenty others at most are compared with a client",
    "GET /canned-replies/variables": "the list is in the code",
    "GET /reports/volume": "as many rows as the period has intervals",
    "GET /reports/backlog": "as many rows as there are groups",
    "GET /reports/times": "as many rows as there are groups",
    "GET /reports/sla": "as many rows as there are groups and targets",
    "GET /sla-calendars/{calendar_id}/revisions": "read like the policies, from one table",
    "GET /sla-policies/{policy_id}/revisions": "read like the policies, from one table",
    "GET /sla-recomputations": "read like the policies, from one table",
    "GET /views/counts": "one statement counts fifty views at most",
    "GET /views/{view_id}/tickets": "answered like the list of tickets",
    "GET /tickets/{ticket_id}/presence": "in Redis",
    "GET /clients/{client_id}/processing-blocks": "of a purpose one at a time stands",
    "GET /privacy-policies": "one for each type of request",
    "GET /retention-runs": "one a day, from one table",
    "GET /clients/{client_id}/legal-holds": "read like those of the organization",
}
"""Lists that cannot grow to thirty rows → why."""

QUERIES = {
    "GET /tickets/search": {"q": "certidão"},
}


@pytest.fixture
def statements(resources: Resources) -> Iterator[list[str]]:
    """The SQL that asks for something, from here on."""
    seen: list[str] = []
    around = ("SAVEPOINT", "ROLLBACK TO", "RELEASE")

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not statement.startswith(around) and "set_config" not in statement:
            seen.append(statement)

    engine = resources.database.engines[0].sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", note)


def _lists(document: dict[str, Any]) -> set[str]:
    """The operations whose `data` is a list."""
    found = set()
    for path, operations in document["paths"].items():
        content = operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        answer = schema.get("$ref", "").removeprefix("#/components/schemas/")
        properties = document["components"]["schemas"].get(answer, {}).get("properties", {})
        if properties.get("data", {}).get("type") == "array":
            found.add(f"GET {path.removeprefix(API)}")
    return found


def test_every_list_is_counted(matrix: Matrix) -> None:
    lists = _lists(matrix.document)
    missing = sorted(lists - ROWS.keys() - BOUNDED.keys())
    assert not missing, f"say in ROWS how to make a row more of {missing}"
    assert lists == ROWS.keys() | BOUNDED.keys()
    assert lists <= NEEDS.keys()


@pytest.mark.parametrize("operation", ROWS)
async def test_rows_cost_no_statements(
    matrix: Matrix, operation: str, statements: list[str]
) -> None:
    name = ROWS[operation]
    await matrix.own.id(name)
    few, first = await _asked(matrix, operation, statements)
    async with matrix.undone():
        for _ in range(MANY):
            await matrix.own.another(name)
        many, then = await _asked(matrix, operation, statements)

    assert len(then) >= min(MANY, len(first) + MANY), "the rows are not in the list"
    assert len(many) <= len(few), "\n".join(many)  # a search that found enough asks less


async def _asked(
    matrix: Matrix, operation: str, statements: list[str]
) -> tuple[list[str], list[Any]]:
    """The statements of one request, and the rows it is answered with."""
    call = await matrix.call_of(Case(operation, "ana"))
    described = matrix.described(operation).get("parameters", [])
    limit = {"limit": 50} if any(p["name"] == "limit" for p in described) else {}
    params = call.content.get("params", {}) | QUERIES.get(operation, {}) | limit
    statements.clear()
    answer = await matrix.own.admin.call(call.method, call.path, params=params)
    assert answer.status_code == 200, answer.text
    return list(statements), answer.json()["data"]
