"""Answers given again, only while nothing they depend on has changed.

An entry holds the snapshot of its search. Triggers note every transaction that changes documents,
chunks, who may read them or how words are weighed; one that the snapshot cannot see ends the entry.
So does an answer that was computed before a change and stored after it: its snapshot is the older.
And one about a client ends with the first consent that ends by itself: no transaction tells that.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.answers.models import CachedAnswer, KnowledgeChange
from chassis.data.columns import utc_now
from knowledge.access import client_kin
from knowledge.access_tables import ClientConsent
from shared_schemas.ids import OrganizationId, new_id

LIFETIME: Final = timedelta(hours=24)
"""Nothing depends on it: it bounds what is kept."""
SLOWEST: Final = timedelta(minutes=10)
"""An answer that took longer is not stored: the changes it missed may be forgotten."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a search can see: the snapshot, and whose transactions it counts. `until`: when time
    alone changes what may be read."""

    snapshot: str
    cluster: int
    until: datetime | None = None


async def seen(
    session: AsyncSession, organization_id: OrganizationId, client_id: UUID | None
) -> Seen:
    """To be asked for before the search: what it finds is then this old or younger."""
    control = sa.func.pg_control_system().table_valued(
        sa.column("system_identifier", sa.BigInteger)
    )
    statement = sa.select(
        sa.cast(sa.func.pg_current_snapshot(), sa.Text),
        control.c.system_identifier,
        sa.null() if client_id is None else _first_end(organization_id, client_id),
    )
    snapshot, cluster, until = (await session.execute(statement)).one()
    return Seen(snapshot, cluster, until)


def _first_end(organization_id: OrganizationId, client_id: UUID) -> sa.ScalarSelect[Any]:
    """When the first of the client's consents ends by itself."""
    consent = ClientConsent
    return (
        sa.select(sa.func.min(consent.expires_at))
        .where(
            consent.organization_id == organization_id,
            consent.client_id == sa.any_(client_kin(organization_id, client_id)),
            consent.revoked_at.is_(None),
            consent.expires_at > sa.func.now(),
        )
        .scalar_subquery()
    )


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
            sa.or_(entry.expires_at.is_(None), entry.expires_at > sa.func.now()),
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
        "expires_at": seen.until,
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
