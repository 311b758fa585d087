"""The committed JSON Schema of every event, and what may not change about it.

    python libs/shared-schemas/tests/event_contracts.py

writes libs/shared-schemas/schemas/*.json anew. It refuses a breaking change: events of the old
shape are in streams and outboxes, and services are deployed one after the other. A breaking change
is a new version of the event.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from shared_schemas.events import EVENT_TYPES, BaseEvent

FOLDER: Final = Path(__file__).resolve().parent.parent / "schemas"
Schema = dict[str, Any]

# Saying less about a value is harmless to who reads it; everything else in a schema is a promise.
_ANNOTATIONS: Final = frozenset(
    {"title", "description", "default", "examples", "$defs", "deprecated"}
)
_COMPARED: Final = frozenset({"properties", "required", "enum", "$schema", "$id"})


def file_of(event_type: str, version: int) -> Path:
    """Where the schema of one version of an event is kept."""
    return FOLDER / f"{event_type}.v{version}.json"


def schema_of(event: type[BaseEvent]) -> Schema:
    """What a reader accepts: fields without a default are required."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:cogep:event:{event.TYPE}:v{event.VERSION}",
        **event.model_json_schema(mode="validation"),
    }


def rendered(schema: Schema) -> str:
    """As committed."""
    return json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def committed() -> dict[Path, Schema]:
    """Every schema in the folder."""
    return {path: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def current() -> dict[Path, Schema]:
    """Every schema of today's classes."""
    return {file_of(*key): schema_of(event) for key, event in EVENT_TYPES.items()}


def breaking_changes(before: Schema, after: Schema) -> list[str]:
    """What a service that knows only one of the two schemas would stumble over."""
    return _compare("", _resolved(before, before), _resolved(after, after))


def _compare(path: str, before: Schema, after: Schema) -> list[str]:
    found: list[str] = []
    old, new = before.get("properties", {}), after.get("properties", {})
    found += [f"{path}/{name}: removed or renamed" for name in old if name not in new]
    old_required, new_required = set(before.get("required", ())), set(after.get("required", ()))
    found += [f"{path}/{name}: newly required" for name in sorted(new_required - old_required)]
    found += [
        f"{path}/{name}: no longer guaranteed"
        for name in sorted(old_required - new_required)
        if name in new
    ]
    for name in old.keys() & new.keys():
        found += _compare(f"{path}/{name}", old[name], new[name])
    return found + _compare_values(path, before, after)


def _compare_values(path: str, before: Schema, after: Schema) -> list[str]:
    """Everything that is said about the value itself."""
    found: list[str] = []
    removed = [value for value in before.get("enum", ()) if value not in after.get("enum", ())]
    if "enum" in before and "enum" in after and removed:
        found.append(f"{path}: enum no longer has {removed}")
    told = (before.keys() | after.keys()) - _ANNOTATIONS - _COMPARED
    found += [
        f"{path}: {keyword} changed"
        for keyword in sorted(told)
        if _plain(before.get(keyword)) != _plain(after.get(keyword))
    ]
    if ("enum" in before) != ("enum" in after):
        found.append(f"{path}: enum added or dropped")
    return found


def _resolved(node: Any, root: Schema) -> Any:
    """The schema with every `$ref` replaced by what it refers to."""
    if isinstance(node, list):
        return [_resolved(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        name = str(node["$ref"]).removeprefix("#/$defs/")
        return _resolved(
            {**root["$defs"][name], **{k: v for k, v in node.items() if k != "$ref"}}, root
        )
    return {name: _resolved(value, root) for name, value in node.items() if name != "$defs"}


def _plain(value: Any) -> Any:
    """Without annotations, at any depth."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items() if name not in _ANNOTATIONS}
    return value


def main() -> int:
    """Writes the schemas; 1 when one would break."""
    known, today = committed(), current()
    broken = [
        f"{path.name}{change}"
        for path, before in known.items()
        for change in (
            breaking_changes(before, today[path]) if path in today else [": the event was removed"]
        )
    ]
    if broken:
        sys.stderr.write("Breaking changes; make a new version of the event instead:\n")
        sys.stderr.write("".join(f"  {line}\n" for line in broken))
        return 1
    for path, schema in today.items():
        path.write_text(rendered(schema))
    return 0


if __name__ == "__main__":
    sys.exit(main())
