"""Every column and every field of the system is classified, or cannot say anything about a person.

Generated from the tables' metadata and from the models of all packages: who adds one that may hold
personal data names it in the registry of its service, with category, purpose and eraser.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import pytest
import sqlalchemy as sa
from pydantic import BaseModel
from pydantic_settings import BaseSettings

import ai_svc.personal_data
import ai_svc.schema
import core_api.personal_data
import core_api.schema
import worker_svc.personal_data
from shared_schemas import contracts_personal_data
from shared_schemas.personal_data import (
    Eraser,
    Held,
    PersonalData,
    Unclassified,
    can_say_something,
)

SERVICES: Final = MappingProxyType(
    {
        "core_api": core_api.personal_data.PERSONAL_DATA,
        "ai_svc": ai_svc.personal_data.PERSONAL_DATA,
        "worker_svc": worker_svc.personal_data.PERSONAL_DATA,
    }
)
"""Each service's own."""
REGISTRIES: Final = MappingProxyType(
    {
        **SERVICES,
        "knowledge": ai_svc.personal_data.PERSONAL_DATA,
        "chassis": contracts_personal_data.PERSONAL_DATA,
        "shared_schemas": contracts_personal_data.PERSONAL_DATA,
    }
)
"""Package → where its models are classified."""
SCHEMAS: Final = (
    (core_api.schema.METADATA, core_api.personal_data.PERSONAL_DATA),
    (ai_svc.schema.METADATA, ai_svc.personal_data.PERSONAL_DATA),
)
_SAYS_NOTHING: Final = (
    sa.Uuid,
    sa.DateTime,
    sa.Date,
    sa.Time,
    sa.Interval,
    sa.Boolean,
    sa.Integer,
    sa.Numeric,
    sa.Float,
    sa.Enum,
)


def columns_that_may() -> Iterator[tuple[PersonalData, str, str]]:
    """Registry, table, column: of every type that can say something."""
    for metadata, registry in SCHEMAS:
        for table in metadata.tables.values():
            for column in table.columns:
                if not isinstance(column.type, _SAYS_NOTHING):
                    yield registry, table.name, column.name


@cache
def models() -> tuple[type[BaseModel], ...]:
    """Every model of every package; settings come from the operator, generics are their parts."""
    for name in REGISTRIES:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
    found = [
        model
        for model in _below(BaseModel)
        if model.__module__.partition(".")[0] in REGISTRIES
        and not issubclass(model, BaseSettings)
        and "[" not in model.__name__
    ]
    return tuple(sorted(set(found), key=lambda model: (model.__module__, model.__qualname__)))


def _below(model: type[Any]) -> Iterator[type[Any]]:
    for child in model.__subclasses__():
        yield child
        yield from _below(child)


def fields_that_may() -> Iterator[tuple[PersonalData, str, str]]:
    """Registry, model, field: of every type that can say something."""
    for model in models():
        registry = REGISTRIES[model.__module__.partition(".")[0]]
        for name, described in model.model_fields.items():
            if can_say_something(described.annotation):
                yield registry, model.__name__, name


def missing(found: Iterator[tuple[PersonalData, str, str]], look_up: str) -> list[str]:
    """Those nobody has classified."""
    lost = []
    for registry, owner, name in found:
        try:
            getattr(registry, look_up)(owner, name)
        except Unclassified as error:
            lost.append(str(error))
    return sorted(set(lost))


def test_every_column_is_classified() -> None:
    lost = missing(columns_that_may(), "of_column")

    assert not lost, f"say in personal_data.py what these hold, NONE if nothing: {lost}"


def test_every_field_of_every_model_is_classified() -> None:
    lost = missing(fields_that_may(), "of_field")

    assert not lost, f"say in personal_data.py what these hold, NONE if nothing: {lost}"


def test_no_registry_speaks_of_what_is_gone() -> None:
    columns = {(id(registry), table, name) for registry, table, name in columns_that_may()}
    fields = {(id(registry), model, name) for registry, model, name in fields_that_may()}
    used = {(registry, name) for registry, _, name in fields}
    gone = [
        *(
            f"column {table}.{name}"
            for registry in SERVICES.values()
            for table, names in registry.columns.items()
            for name in names
            if (id(registry), table, name) not in columns
        ),
        *(
            f"field {model}.{name}"
            for registry in set(map(_Same, REGISTRIES.values()))
            for model, names in registry.of.within.items()
            for name in names
            if (id(registry.of), model) not in {(found, owner) for found, owner, _ in fields}
        ),
        *(
            f"field {name}"
            for registry in set(map(_Same, REGISTRIES.values()))
            for name in registry.of.everywhere
            if (id(registry.of), name) not in used
        ),
    ]

    assert not gone, f"no longer there, remove from personal_data.py: {sorted(set(gone))}"


class _Same:
    """A registry, by identity: it is a dictionary of dictionaries and has no hash."""

    def __init__(self, of: PersonalData) -> None:
        self.of = of

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.of is self.of

    def __hash__(self) -> int:
        return id(self.of)


def test_events_carry_no_personal_data() -> None:
    contracts = contracts_personal_data.PERSONAL_DATA
    carried = [
        f"{model.__name__}.{name}"
        for model in models()
        if model.__module__.startswith("shared_schemas.events")
        for name, described in model.model_fields.items()
        if can_say_something(described.annotation)
        and contracts.of_field(model.__name__, name) is not None
    ]

    assert len([m for m in models() if m.__module__.startswith("shared_schemas.events")]) > 40
    assert carried == []


def test_a_column_nobody_classified_is_found() -> None:
    registry = PersonalData(columns={"clients": {"name": None}})

    found = iter([(registry, "clients", "name"), (registry, "clients", "mother")])

    assert missing(found, "of_column") == ["clients.mother"]


@pytest.mark.parametrize(
    ("annotation", "may"),
    [
        (str, True),
        (str | None, True),
        (list[str], True),
        (dict[str, int], True),
        (Any, True),
        (bytes, True),
        (int | None, False),
        (list[Eraser], False),
        (Held, True),
        (tuple[int, ...], False),
    ],
)
def test_types_that_can_say_something(annotation: Any, may: bool) -> None:
    assert can_say_something(annotation) is may


def test_what_is_kept_of_a_person_is_named() -> None:
    """Whoever adds to this list answers for it: it outlives the person's erasure."""
    kept = {
        f"{table}.{name}"
        for registry in SERVICES.values()
        for table, names in registry.columns.items()
        for name, held in names.items()
        if held is not None and held.eraser is Eraser.KEPT
    }

    assert kept == {"consents.evidence_sha256", "subject_data_files.sha256"}
