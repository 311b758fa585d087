"""Events keep their promises: the committed schemas are current, and nothing in them breaks."""

import copy
import json
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import event_contracts
import pytest
from event_contracts import breaking_changes, committed, current, rendered, schema_of
from pydantic import Field

from shared_schemas.events import EVENT_TYPES, BaseEvent, Payload, TicketCreated

COMMAND = "python libs/shared-schemas/tests/event_contracts.py"


def test_every_event_has_a_committed_schema_and_every_schema_an_event() -> None:
    assert set(committed()) == set(current()), f"run {COMMAND}"


@pytest.mark.parametrize("key", EVENT_TYPES, ids=str)
def test_committed_schema_is_current(key: tuple[str, int]) -> None:
    path = event_contracts.file_of(*key)
    assert path.read_text() == rendered(schema_of(EVENT_TYPES[key])), f"run {COMMAND}"


@pytest.mark.parametrize("path", committed(), ids=lambda path: path.stem)
def test_nothing_breaks_who_reads_the_committed_schema(path: Path) -> None:
    assert breaking_changes(committed()[path], current()[path]) == []


class Kind(StrEnum):
    """An enumeration on the wire."""

    REPLY = "reply"
    NOTE = "note"


class SamplePayload(Payload):
    """What happened, as first published."""

    ticket_id: UUID
    kind: Kind
    changed: tuple[str, ...] = ()
    code: str = Field(default="x", max_length=20)


class Sample(BaseEvent):
    """An event as first published."""

    TYPE: ClassVar[str] = "sample.happened"
    SOURCE: ClassVar[str] = "core-api"

    payload: SamplePayload


def _changed(**changes: Any) -> list[str]:
    """The breaking changes of the payload's schema with parts of it replaced."""
    before = schema_of(Sample)
    after = copy.deepcopy(before)
    payload = after["$defs"]["SamplePayload"]
    for name, change in changes.items():
        if change is None:
            del payload["properties"][name]
        else:
            payload["properties"][name] = change
    return breaking_changes(before, after)


UUID_TEXT = {"type": "string", "format": "uuid"}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"changed": None}, "/payload/changed: removed or renamed"),
        ({"changed": None, "fields": {"type": "array"}}, "/payload/changed: removed or renamed"),
        ({"ticket_id": {"type": "integer"}}, "/payload/ticket_id: type changed"),
        ({"ticket_id": {"type": "string"}}, "/payload/ticket_id: format changed"),
        (
            {"ticket_id": {"anyOf": [UUID_TEXT, {"type": "null"}]}},
            "/payload/ticket_id: anyOf changed",
        ),
        ({"changed": {"type": "array", "items": UUID_TEXT}}, "/payload/changed: items changed"),
        ({"code": {"type": "string", "maxLength": 10}}, "/payload/code: maxLength changed"),
        (
            {"kind": {"type": "string", "enum": ["reply"]}},
            "/payload/kind: enum no longer has ['note']",
        ),
        ({"kind": {"type": "string"}}, "/payload/kind: enum added or dropped"),
    ],
)
def test_breaking_change_is_found(change: dict[str, Any], expected: str) -> None:
    assert expected in _changed(**change)


def test_newly_required_field_is_found() -> None:
    before = schema_of(Sample)
    after = copy.deepcopy(before)
    after["$defs"]["SamplePayload"]["required"].append("changed")
    assert breaking_changes(before, after) == ["/payload/changed: newly required"]


def test_field_that_is_no_longer_guaranteed_is_found() -> None:
    before = schema_of(Sample)
    after = copy.deepcopy(before)
    after["$defs"]["SamplePayload"]["required"].remove("kind")
    assert breaking_changes(before, after) == ["/payload/kind: no longer guaranteed"]


def test_change_of_the_envelope_is_found() -> None:
    before = schema_of(Sample)
    after = copy.deepcopy(before)
    del after["properties"]["correlation_id"]
    assert "/correlation_id: removed or renamed" in breaking_changes(before, after)


@pytest.mark.parametrize(
    "change",
    [
        {"priority": {"type": "string", "default": "normal"}},
        {"kind": {"type": "string", "enum": ["reply", "note", "client"]}},
        {"ticket_id": {**UUID_TEXT, "description": "Which ticket", "title": "Ticket"}},
    ],
)
def test_additions_are_allowed(change: dict[str, Any]) -> None:
    assert _changed(**change) == []


def test_generator_refuses_to_overwrite_a_promise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(event_contracts, "FOLDER", tmp_path)
    assert event_contracts.main() == 0
    assert set(committed()) == set(current())
    path = event_contracts.file_of(TicketCreated.TYPE, TicketCreated.VERSION)
    promised = json.loads(path.read_text())
    promised["properties"]["urgent"] = {"type": "boolean"}
    path.write_text(json.dumps(promised))
    assert event_contracts.main() == 1
    assert "ticket.created.v1.json/urgent: removed or renamed" in capsys.readouterr().err
    assert json.loads(path.read_text()) == promised


def test_generator_refuses_to_forget_an_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(event_contracts, "FOLDER", tmp_path)
    (tmp_path / "ticket.forgotten.v1.json").write_text("{}")
    assert event_contracts.main() == 1
    assert "the event was removed" in capsys.readouterr().err
