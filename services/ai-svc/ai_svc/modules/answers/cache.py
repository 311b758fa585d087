"""Answers given again, only while nothing they depend on has changed.

An entry holds the snapshot of its search. Triggers note every transaction that changes documents,
chunks, who may read them or how words are weighed; one that the snapshot cannot see ends the entry.
So does an answer that was computed before a change and stored after it: its snapshot is the older.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.answers.models import CachedAnswer, KnowledgeChange
from chassis.data.columns import utc_now
from shared_schemas.ids import OrganizationId, new_id

LIFETIME: Final = timedelta(hours=24)
"""Nothing depends on it: it bounds what is kept."""
SLOWEST: Final = timedelta(minutes=10)
"""An answer that took longer is not stored: the changes it missed may be forgotten."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a search can see: the snapshot, and whose transactions it counts."""

    snapshot: str
    cluster: int


async def seen(session: AsyncSession) -> Seen:
    """To be asked for before the search: what it finds is then this old or younger."""
    control = sa.func.pg_control_system().table_valued(
        sa.column("system_identifier", sa.BigInteger)
    )
    statement = sa.select(
        sa.cast(sa.func.pg_current_snapshot(), sa.Text), control.c.system_identifier
    )
    snapshot, cluster = (await session.execute(statement)).one()
    return Seen(snapshot, cluster)


def scope_of(**facts: Any) -> str:
    """A digest of everything but the question that decides an answer."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


async def find(
    session: AsyncSession, organization_id: OrganizationId, scope: str, key: str
) -> UUID | None:
    """The answer that may be given again."""
    entry, change = CachedAnswer, KnowledgeChange
    snapshot = _snapshot(entry.snapshot)
    missed = sa.exists().where(
        change.organization_id == entry.organization_id,
        # What is older than a snapshot's xmin is visible to it: the key finds the rest.
        change.transaction_id >= _number(sa.func.pg_snapshot_xmin(snapshot)),
        sa.not_(
            sa.func.pg_visible_in_snapshot(
                sa.cast(sa.cast(change.transaction_id, sa.Text), _Xid8), snapshot
            )
        ),
    )
    control = sa.func.pg_control_system().table_valued(
        sa.column("system_identifier", sa.BigInteger)
    )
    found: UUID | None = await session.scalar(
        sa.select(entry.answer_id).where(
            entry.organization_id == organization_id,
            entry.scope == scope,
            entry.question_key == key,
            entry.created_at > sa.func.now() - LIFETIME,
            entry.cluster == sa.select(control.c.system_identifier).scalar_subquery(),
            sa.not_(missed),
        )
    )
    return found


async def keep(
    session: AsyncSession,
    organization_id: OrganizationId,
    scope: str,
    key: str,
    answer_id: UUID,
    seen: Seen,
) -> None:
    """Stores an answer, or the later one in place of an earlier."""
    now = utc_now()
    fresh = {
        "answer_id": answer_id,
        "snapshot": seen.snapshot,
        "cluster": seen.cluster,
        "created_at": now,
        "updated_at": now,
    }
    await session.execute(
        insert(CachedAnswer)
        .values(
            id=new_id(), organization_id=organization_id, scope=scope, question_key=key, **fresh
        )
        .on_conflict_do_update(
            index_elements=["organization_id", "scope", "question_key"], set_=fresh
        )
    )


class _PgSnapshot(sa.types.UserDefinedType[str]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "pg_snapshot"


class _Xid8(sa.types.UserDefinedType[str]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "xid8"


def _snapshot(text: Any) -> sa.ColumnElement[str]:
    return sa.cast(text, _PgSnapshot)


def _number(transaction_id: Any) -> sa.ColumnElement[int]:
    return sa.cast(sa.cast(transaction_id, sa.Text), sa.BigInteger)
