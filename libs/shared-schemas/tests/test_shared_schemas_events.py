"""Events: how they are made, what they carry, how they are read again."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from shared_schemas.actor import Actor, RealmAccess, TokenClaims
from shared_schemas.events import (
    EVENT_TYPES,
    BaseEvent,
    ClientUpdated,
    PrivacyErasureCompleted,
    PrivacyErasureRequested,
    TicketCreated,
)
from shared_schemas.ids import OrganizationId, new_id

_CODES = {
    *("changed", "service", "error_code", "purpose_code", "purpose_codes", "type", "outcome"),
    *("provider", "country", "model", "prompt_version", "inputs", "criteria"),
}
"""What is said in words, none of them about anybody."""
IDS = {"type": "string", "format": "uuid"}


def _actor() -> Actor:
    claims = TokenClaims(
        sub=uuid4(),
        org_id=uuid4(),
        org="aurora",
        email="ana@aurora.example",
        name="Ana Prado",
        realm_access=RealmAccess(roles=("agent",)),
        exp=2_000_000_000,
    )
    return Actor.of(claims, "correlation-1")


def test_event_of_a_person_names_them_and_the_request() -> None:
    actor, ticket_id = _actor(), new_id()
    event = TicketCreated.by(actor, ticket_id=ticket_id, client_id=new_id())
    assert (event.organization_id, event.actor_id) == (actor.organization_id, actor.user_id)
    assert (event.correlation_id, event.event_type, event.version) == (
        "correlation-1",
        "ticket.created",
        1,
    )
    assert event.payload.ticket_id == ticket_id
    assert event.timestamp.tzinfo is UTC


def test_event_of_a_job_names_nobody() -> None:
    event = ClientUpdated.caused(
        organization_id=OrganizationId(uuid4()),
        correlation_id="correlation-2",
        client_id=uuid4(),
        changed={"email"},
    )
    assert event.actor_id is None
    assert event.payload.changed == ("email",)


def test_ids_sort_by_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids)
    assert {made.version for made in ids} == {7}
    milliseconds = ids[0].int >> 80
    assert abs(milliseconds / 1000 - datetime.now(UTC).timestamp()) < 60


@pytest.mark.parametrize("event", EVENT_TYPES.values(), ids=lambda event: event.TYPE)
def test_payload_has_no_room_for_personal_data(event: type[BaseEvent]) -> None:
    schema = event.model_fields["payload"].annotation.model_json_schema()  # type: ignore[union-attr]  # a Payload
    for name, field in schema["properties"].items():
        assert _is_harmless(name, field), f"{event.TYPE} carries {name}"


def _is_harmless(name: str, field: dict[str, Any]) -> bool:
    """Ids, counts, times, enumerations, and codes and names of what is no person."""
    if name in _CODES or {"enum", "const"} & field.keys():
        return True
    if "anyOf" in field:
        return all(_is_harmless(name, each) for each in field["anyOf"])
    if field["type"] == "array":
        return _is_harmless(name, field["items"])
    counts = name in {"erased", "kept"}
    plain = field["type"] in {"integer", "number", "boolean", "null"}
    return plain or counts or field.get("format") in {"uuid", "date", "date-time"}


def test_an_erasure_is_of_everybody_merged_and_answered_by_each_service_itself() -> None:
    kept, merged = new_id(), new_id()
    asked = PrivacyErasureRequested.by(
        _actor(), privacy_request_id=new_id(), client_id=kept, client_ids=(kept, merged)
    )
    assert asked.payload.subjects == (kept, merged)
    assert asked.payload.mode == "erasure"
    of_an_older_service = PrivacyErasureRequested.by(
        _actor(), privacy_request_id=new_id(), client_id=kept
    )
    assert of_an_older_service.payload.subjects == (kept,)
    done = PrivacyErasureCompleted.answering(asked, "ai-svc", erased={"chunks": 3}, kept={})
    assert done.source_service == "ai-svc"
    assert done.correlation_id == asked.correlation_id
    assert done.payload.privacy_request_id == asked.payload.privacy_request_id


@pytest.mark.parametrize(("event_type", "version"), EVENT_TYPES)
def test_names_are_noun_dot_past_verb(event_type: str, version: int) -> None:
    noun, _, verb = event_type.partition(".")
    assert noun.isalpha()
    assert verb.split("_")[-1].endswith("ed") or verb in {"split", "merge_undone"}
    assert version >= 1


def test_what_a_newer_service_added_is_ignored() -> None:
    event = TicketCreated.by(_actor(), ticket_id=uuid4(), client_id=uuid4())
    wire = event.model_dump(mode="json")
    wire["added"] = 1
    wire["payload"]["added"] = 1
    assert TicketCreated.model_validate(wire) == event


def test_wire_form_is_text_and_comes_back() -> None:
    event = TicketCreated.by(_actor(), ticket_id=uuid4(), client_id=uuid4())
    again = EVENT_TYPES["ticket.created", 1].model_validate_json(event.model_dump_json())
    assert again == event
    assert isinstance(again.organization_id, UUID)
