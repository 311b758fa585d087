"""Tables of the versions organizations have chosen, and of every choice."""

from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import CreatedAt, Id, Tenant, UpdatedAt, Versioned, text_enum
from knowledge.models import SCHEMA, Base
from shared_schemas.ids import OrganizationId, UserId


class Alias(StrEnum):
    """What a version is used for."""

    PRODUCTION = "production"
    CANDIDATE = "candidate"


class ChangeKind(StrEnum):
    """How an alias came to its version."""

    SET = "set"
    ROLLBACK = "rollback"


class PromptAlias(Versioned, Base):
    """The version an organization has chosen; null: the newest released, as without a row."""

    __tablename__ = "prompt_aliases"

    organization_id: Mapped[OrganizationId] = mapped_column(primary_key=True)
    prompt_id: Mapped[str] = mapped_column(primary_key=True)
    alias: Mapped[Alias] = mapped_column(text_enum(Alias, "alias"), primary_key=True)
    prompt_version: Mapped[int | None]
    changed_by: Mapped[UserId]
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[UpdatedAt]


class PromptAliasChange(Base):
    """Who has chosen what, and when. A rollback names the choice it undoes: each once."""

    __tablename__ = "prompt_alias_changes"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        sa.UniqueConstraint("organization_id", "undoes_id"),
        sa.UniqueConstraint("organization_id", "prompt_id", "alias", "number"),
        sa.ForeignKeyConstraint(
            ["organization_id", "prompt_id", "alias"],
            [
                f"{SCHEMA}.prompt_aliases.organization_id",
                f"{SCHEMA}.prompt_aliases.prompt_id",
                f"{SCHEMA}.prompt_aliases.alias",
            ],
        ),
        sa.ForeignKeyConstraint(
            ["organization_id", "undoes_id"],
            [
                f"{SCHEMA}.prompt_alias_changes.organization_id",
                f"{SCHEMA}.prompt_alias_changes.id",
            ],
        ),
        sa.CheckConstraint("(kind = 'rollback') = (undoes_id IS NOT NULL)", name="undoes_id"),
        sa.Index(
            "ix_prompt_alias_changes_prompt_id",
            "organization_id",
            "prompt_id",
            "created_at",
            "id",
        ),
    )

    id: Mapped[Id]
    organization_id: Mapped[Tenant]
    prompt_id: Mapped[str]
    alias: Mapped[Alias] = mapped_column(text_enum(Alias, "alias"))
    number: Mapped[int]  # the version of the alias it led to: no clock decides what came last
    kind: Mapped[ChangeKind] = mapped_column(text_enum(ChangeKind, "kind"))
    from_version: Mapped[int | None]
    to_version: Mapped[int | None]
    undoes_id: Mapped[UUID | None]
    changed_by: Mapped[UserId]
    created_at: Mapped[CreatedAt]
