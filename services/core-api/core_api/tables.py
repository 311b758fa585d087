"""The declarative base of schema `crm`. Which tables there are is known to `core_api.schema`."""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from sqlalchemy.orm import DeclarativeBase, declared_attr

from chassis.data.columns import TYPES, TenantRow, Versioned, metadata_for
from chassis.data.system_tables import define_system_tables
from core_api.changes import Change, Changes

SCHEMA: Final = "crm"


class Base(DeclarativeBase):
    """Every table of the CRM."""

    metadata = metadata_for(SCHEMA)
    type_annotation_map = TYPES


class VersionedRow(TenantRow, Versioned):
    """Mixin: a row that people change. `version` is its ETag and is checked by every UPDATE."""

    PERSONAL: ClassVar[frozenset[str]] = frozenset()
    """Fields that may say something about a client: the audit log seals their values."""

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - the directive passes the class
        # Generated columns serve searching: nobody reads them back after an INSERT.
        return {"version_id_col": cls.version, "eager_defaults": False}

    def change(self, values: Mapping[str, Any]) -> Changes:
        """Takes over new values; what really changed, from what to what."""
        changed = Changes(
            {
                name: Change(old, value)
                for name, value in values.items()
                if (old := getattr(self, name)) != value
            }
        )
        for name, change in changed.items():
            setattr(self, name, change.new)
        return changed


SYSTEM_TABLES: Final = define_system_tables(Base.metadata)
"""Outbox, inbox and idempotency keys."""
