"""What a client's timeline shows, and how a context adds to it.

Every context offers its own kinds in its `timeline_source`; `modules.timeline.registry` joins them.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId
from shared_schemas.permissions import Permission

ROWS: Final = sa.bindparam("rows", type_=sa.Integer())
"""How many a page needs."""
_EXCERPT: Final = 280


class TimelineKind(StrEnum):
    """What happened."""

    TICKET = "ticket"
    MESSAGE = "message"
    ATTACHMENT = "attachment"
    NOTE = "note"
    CONSENT = "consent"
    REVOCATION = "revocation"
    CHANGE = "change"
    MERGE = "merge"
    UNDONE_MERGE = "undone_merge"
    PRIVACY_REQUEST = "privacy_request"


@dataclass(frozen=True, kw_only=True)
class TimelinePlace:
    """Where an entry stands: newest first, at one instant by kind and id."""

    occurred_at: datetime
    kind: TimelineKind
    id: UUID


class TimelineWindow:
    """What a page needs of one kind: its newest rows after a place, of one client's family.

    Whose, after which place and how many are parameters (`TimelineWindow.parameters`), so that a
    statement is made once for all clients.
    """

    def __init__(self, kind: TimelineKind, after: TimelineKind | None) -> None:
        """`after`: the kind of the entry the page comes after; None for the first page."""
        family = sa.bindparam("family", type_=ARRAY(sa.Uuid()))
        self.organization_id = sa.bindparam("organization_id", type_=sa.Uuid())
        members = sa.func.unnest(family).table_valued(sa.column("id", sa.Uuid()))
        self.members: sa.FromClause = members.render_derived(name="member")
        """The client and those merged into it, to join `LATERAL` with what is cut for each: an
        index in the order of the page then gives each no more rows than the page has."""
        self.member_id: sa.ColumnElement[UUID] = self.members.c.id
        self._kind = kind
        self._after = after

    @staticmethod
    def parameters(
        organization_id: OrganizationId,
        family: Sequence[UUID],
        after: TimelinePlace | None,
        rows: int,
    ) -> dict[str, Any]:
        """What a statement made of windows is sent with."""
        place = {} if after is None else {"after_at": after.occurred_at, "after_id": after.id}
        return {"organization_id": organization_id, "family": list(family), "rows": rows, **place}

    def cut(
        self,
        statement: sa.Select[*tuple[Any, ...]],
        occurred_at: sa.ColumnElement[Any] | Any,
        row_id: sa.ColumnElement[Any] | Any,
    ) -> sa.Select[Any]:
        """The newest of its rows that are on the page, if no others are newer."""
        if self._after is not None:
            statement = statement.where(self._is_after(self._after, occurred_at, row_id))
        return statement.order_by(occurred_at.desc(), row_id.desc()).limit(ROWS)

    def _is_after(
        self, kind: TimelineKind, occurred_at: Any, row_id: Any
    ) -> sa.ColumnElement[bool]:
        instant = sa.bindparam("after_at", type_=sa.DateTime(timezone=True))
        if self._kind == kind:
            there = sa.tuple_(instant, sa.bindparam("after_id", type_=sa.Uuid()))
            return sa.tuple_(occurred_at, row_id) < there
        # Greater kinds come first: of them the page before had all of that instant.
        before: sa.ColumnElement[bool] = (
            occurred_at <= instant if self._kind < kind else occurred_at < instant
        )
        return before


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one entry says."""

    actor_id: UUID | None
    title: str
    summary: str
    detail: BaseModel


Branch = Callable[[TimelineWindow], sa.Select[Any]]
Load = Callable[[AsyncSession, Actor, Sequence[UUID]], Awaitable[Mapping[UUID, Told]]]


@dataclass(frozen=True, kw_only=True)
class TimelineSource:
    """One kind of entry."""

    kind: TimelineKind
    permission: Permission
    """Who may not read it is not shown it."""
    branch: Branch
    """Columns occurred_at, id, client_id, ticket_id: rows for `TimelineWindow.cut`."""
    load: Load
    """By ids what the entries of a page say, in a fixed number of statements."""


NO_TICKET: Final = sa.cast(sa.null(), sa.Uuid()).label("ticket_id")


def beginning_of(text: sa.ColumnElement[Any] | Any) -> sa.ColumnElement[str]:
    """As much of a long text as `excerpt` needs, so that pages do not carry whole letters."""
    return sa.func.left(text, _EXCERPT + 1)


def excerpt(text: str) -> str:
    """The beginning of a text, on one line."""
    line = " ".join(text.split())
    return line if len(text) <= _EXCERPT else line[: _EXCERPT - 1].rstrip() + "…"
