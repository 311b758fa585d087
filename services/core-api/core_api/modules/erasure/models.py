"""Tables of legal holds, and of erasures with their parts (per service) and steps (per store)."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Tenant, text_enum, utc_now
from core_api.tables import SCHEMA, Base, VersionedRow
from shared_schemas.ids import UserId

_NOTHING: Final = sa.text("'{}'")


class Mode(StrEnum):
    """Why somebody is erased."""

    ERASURE = "erasure"  # on a request
    REPLAY = "replay"  # again, because a backup from before was restored
    # On a request, too: the words of tickets stay, without whatever says whose they were.
    ANONYMIZATION = "anonymization"


def _to(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )


class LegalHold(VersionedRow, Base):
    """A client whose data must not go, for now: neither by erasure nor by retention.

    Why, in somebody's words, is sealed under the client's key: after the hold is lifted and the
    client erased it is noise.
    """

    __tablename__ = "legal_holds"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _to("clients", "client_id"),
        _to("members", "owner_id"),
        _to("members", "placed_by"),
        _to("members", "lifted_by"),
        sa.Index("ix_legal_holds_client_id", "organization_id", "client_id"),
        sa.Index("ix_legal_holds_review_on", "organization_id", "review_on", "id"),
    )

    client_id: Mapped[UUID]
    reason_sealed: Mapped[bytes]
    owner_id: Mapped[UserId]  # who answers for it and reviews it
    review_on: Mapped[date]
    placed_by: Mapped[UserId]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[UserId | None]
    lift_reason_sealed: Mapped[bytes | None]

    @property
    def placed_at(self) -> datetime:
        """From then on it has held."""
        return self.created_at

    @property
    def is_standing(self) -> bool:
        """Whether it still holds anything."""
        return self.lifted_at is None


class Erasure(VersionedRow, Base):
    """One erasure of a client and of everybody merged into it. One unfinished one per client.

    `privacy_request_id` has no foreign key: a restored backup may not know the request whose
    erasure is replayed.
    """

    __tablename__ = "erasures"
    __table_args__ = (
        sa.UniqueConstraint("organization_id", "id"),
        _to("clients", "client_id"),
        sa.Index(
            "uq_erasures_unfinished",
            "organization_id",
            "client_id",
            unique=True,
            postgresql_where=sa.text("completed_at IS NULL"),
        ),
        sa.Index(
            "ix_erasures_open",
            "organization_id",
            "id",
            postgresql_where=sa.text("completed_at IS NULL"),
        ),
        sa.Index("ix_erasures_created_at", "organization_id", "created_at", "id"),
        sa.Index("ix_erasures_client_id", "organization_id", "client_id"),
        sa.Index("ix_erasures_privacy_request_id", "organization_id", "privacy_request_id"),
    )

    client_id: Mapped[UUID]
    client_ids: Mapped[list[UUID]] = mapped_column(ARRAY(sa.Uuid()))
    privacy_request_id: Mapped[UUID]
    mode: Mapped[Mode] = mapped_column(text_enum(Mode, "mode"))
    requested_by: Mapped[UserId | None]
    correlation_id: Mapped[str]
    # What the person is known by, sealed under their own key: traces that name nobody by id are
    # looked for by these after the client's row is blank. Gone with the key.
    known_sealed: Mapped[bytes | None]
    completed_at: Mapped[datetime | None]
    receipt: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))

    def complete(self, receipt: dict[str, Any]) -> None:
        """Everything is gone, and proven to be."""
        self.receipt = receipt
        self.known_sealed = None
        self.completed_at = utc_now()


class ErasurePart(Base):
    """What one service has to erase: done when it has said so itself."""

    __tablename__ = "erasure_parts"
    __table_args__ = (_to("erasures", "erasure_id"),)

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    erasure_id: Mapped[UUID] = mapped_column(primary_key=True)
    service: Mapped[str] = mapped_column(primary_key=True)
    erased: Mapped[dict[str, int]] = mapped_column(JSONB(), default=dict, server_default=_NOTHING)
    kept: Mapped[dict[str, int]] = mapped_column(JSONB(), default=dict, server_default=_NOTHING)
    done_at: Mapped[datetime | None]
    tried_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0, server_default="0")
    problem: Mapped[str | None]  # of the last attempt, as a code


class ErasureStep(Base):
    """One store of core-api: how much was erased, and when its absence was proven."""

    __tablename__ = "erasure_steps"
    __table_args__ = (_to("erasures", "erasure_id"),)

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    erasure_id: Mapped[UUID] = mapped_column(primary_key=True)
    store: Mapped[str] = mapped_column(primary_key=True)
    erased: Mapped[int] = mapped_column(sa.BigInteger(), default=0, server_default="0")
    proven_at: Mapped[datetime | None]
