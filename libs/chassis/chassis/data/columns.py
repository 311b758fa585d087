"""Column types and naming, so that every table of every service looks the same."""

from collections.abc import Iterable
from datetime import UTC, datetime
from enum import Enum
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Mapped, declared_attr, mapped_column

from shared_schemas.ids import OrganizationId, UserId, new_id

E = TypeVar("E", bound=Enum)

NAMING_CONVENTION: Final = {
    "pk": "pk_%(table_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
}
"""Constraints have predictable names: the edge maps them to domain errors."""

Instant: Final = sa.DateTime(timezone=True)
"""timestamptz: the only type for a point in time."""

TYPES: Final[dict[Any, Any]] = {
    datetime: Instant,
    str: sa.Text(),
    UUID: sa.Uuid(),
    OrganizationId: sa.Uuid(),
    UserId: sa.Uuid(),
}
"""For `type_annotation_map` of a service's declarative base."""


def metadata_for(schema: str) -> sa.MetaData:
    """The metadata of one service's schema."""
    return sa.MetaData(schema=schema, naming_convention=NAMING_CONVENTION)


def utc_now() -> datetime:
    """Now, aware. Set by Python so that a flushed object never has to be read back."""
    return datetime.now(UTC)


class TextEnum(sa.Enum):
    """An enumeration stored as TEXT with a CHECK, holding the member's value."""

    cache_ok = True


@compiles(TextEnum)
def _text(_type: TextEnum, _compiler: Any, **_: Any) -> str:
    return "TEXT"


def text_enum(enumeration: type[E], name: str) -> TextEnum:
    """The type of a column that holds values of `enumeration`; CHECK is `ck_<table>_<name>`."""

    def values(members: Iterable[E]) -> list[str]:
        return [str(member.value) for member in members]

    return TextEnum(
        enumeration,
        name=name,
        native_enum=False,
        create_constraint=True,
        values_callable=values,
        validate_strings=True,
    )


Id = Annotated[UUID, mapped_column(sa.Uuid(), primary_key=True, default=new_id)]
Tenant = Annotated[OrganizationId, mapped_column(sa.Uuid(), nullable=False)]
CreatedAt = Annotated[
    datetime, mapped_column(Instant, default=utc_now, server_default=sa.func.now())
]
UpdatedAt = Annotated[
    datetime,
    mapped_column(Instant, default=utc_now, onupdate=utc_now, server_default=sa.func.now()),
]
Version = Annotated[int, mapped_column(sa.Integer(), nullable=False, server_default="1")]


class TenantRow:
    """Mixin: key, tenant and times. To be referred to, add UNIQUE (organization_id, id)."""

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]


class Versioned:
    """Mixin: `version` counts the row's changes, is checked by every UPDATE, and is its ETag."""

    version: Mapped[Version]

    @declared_attr.directive
    def __mapper_args__(cls) -> dict[str, Any]:  # noqa: N805 - the directive passes the class
        return {"version_id_col": cls.version}
