"""The rows of a submission, written in one round trip: document, version, job, event, usage.

The same statement looks whether the organization has the content already and has room for more:
nobody pays another round trip for that. Built once: the unit of work would cost more than
everything else that queueing a document does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from chassis.messaging.job_queue import JobState
from chassis.observability.tracing import current_traceparent
from knowledge import usage
from knowledge.access_tables import ClientConsent, TeamMember
from knowledge.models import (
    SCHEMA,
    Document,
    DocumentVersion,
    IngestionJob,
    LegalBasis,
    Visibility,
)
from knowledge.quotas import Quota, Room, may_add_now, sums, wait_for_turn
from shared_schemas.actor import Actor
from shared_schemas.events import DocumentSubmitted
from shared_schemas.ids import new_id
from shared_schemas.permissions import Permission, Role

_DOCUMENTS: Final = cast("sa.Table", Document.__table__)
_VERSIONS: Final = cast("sa.Table", DocumentVersion.__table__)
_JOBS: Final = IngestionJob.__table__
_OF_JOB: Final = (
    "id",
    "organization_id",
    "state",
    "document_id",
    "version_number",
    "correlation_id",
    "traceparent",
)


# Null in every row that is submitted: each parameter costs something on both sides.
_UNKNOWN_YET: Final = frozenset(
    {
        "charset",
        "character_count",
        "current_version",
        "error_code",
        "error_message",
        "indexed_at",
        "outline",
        "page_count",
        "stages",
        "uncorrected",
    }
)


def _bind(name: str, kind: Any) -> Any:
    return sa.bindparam(name, type_=kind)


_TENANT: Final = _bind("job_organization_id", sa.Uuid())
_USER: Final = _bind("actor_user_id", sa.Uuid())


def _given(name: str) -> Any:
    return _bind(f"document_{name}", _DOCUMENTS.c[name].type)


def _twin() -> sa.CTE:
    """A document that says the same to the same people, and that the actor may read."""
    in_team = sa.exists().where(
        TeamMember.organization_id == _TENANT,
        TeamMember.member_id == _USER,
        TeamMember.is_member,
        TeamMember.team_id == sa.any_(Document.allowed_team_ids),
    )
    consents = sa.exists().where(
        ClientConsent.organization_id == _TENANT,
        ClientConsent.client_id == Document.client_id,
        ClientConsent.purpose_code == Document.purpose_code,
        ClientConsent.revoked_at.is_(None),
    )
    may_read = sa.or_(
        Document.visibility == Visibility.ORGANIZATION,
        sa.and_(
            Document.visibility == Visibility.RESTRICTED,
            sa.or_(
                _bind("actor_is_admin", sa.Boolean()),
                Document.submitted_by == _USER,
                Document.allowed_roles.overlap(_bind("actor_roles", ARRAY(sa.Text()))),
                in_team,
            ),
        ),
        sa.and_(
            Document.visibility == Visibility.CLIENT,
            _bind("actor_reads_clients", sa.Boolean()),
            sa.or_(Document.legal_basis != LegalBasis.CONSENT, consents),
        ),
    )
    same_people = [
        _DOCUMENTS.c[name].is_not_distinct_from(_given(name))
        for name in (
            "visibility",
            "allowed_roles",
            "allowed_team_ids",
            "client_id",
            "purpose_code",
            "legal_basis",
        )
    ]
    is_current = sa.and_(
        Document.organization_id == DocumentVersion.organization_id,
        Document.id == DocumentVersion.document_id,
        Document.current_version == DocumentVersion.number,
    )
    return (
        sa.select(Document.id)
        .select_from(DocumentVersion)
        .join(Document, is_current)
        .where(
            DocumentVersion.organization_id == _TENANT,
            DocumentVersion.content_sha256 == _bind("wanted_sha256", sa.Text()),
            DocumentVersion.chunking == _bind("version_chunking", sa.Text()),
            *same_people,
            may_read,
        )
        .limit(1)
        .cte("twin")
    )


def _room(twin: sa.CTE | None) -> sa.CTE:
    """One row if there is room, and nothing like it yet."""
    usage_now = sums(_TENANT, "documents", "bytes").subquery("usage_now")
    has_room = [
        usage_now.c.bytes + _bind("room_bytes", sa.BigInteger())
        <= _bind("quota_bytes", sa.BigInteger()),
    ]
    if twin is not None:  # else it is a version, which is no document more
        documents = usage_now.c.documents + _bind("room_documents", sa.BigInteger())
        has_room.append(documents <= _bind("quota_documents", sa.BigInteger()))
        has_room.append(~sa.exists(sa.select(twin.c.id)))
    may_add = may_add_now(_TENANT, sa.and_(*has_room))
    # Each row that is written asks for it: evaluated once, and the lock taken once.
    free = sa.select(sa.literal(1).label("free")).select_from(usage_now).where(may_add)
    return free.cte("room")


def _adding(table: sa.Table, prefix: str, columns: Iterable[str], room: sa.CTE) -> sa.CTE:
    names = [name for name in columns if name not in _UNKNOWN_YET]
    values = [
        _TENANT if name == "organization_id" else _bind(prefix + name, table.c[name].type)
        for name in names
    ]
    rows = sa.select(*values).select_from(room)
    inserted = sa.insert(table).from_select(names, rows, include_defaults=False)
    return inserted.cte(f"new_{table.name}")


def _statement(*, with_document: bool) -> sa.Select[Any]:
    twin = _twin() if with_document else None
    room = _room(twin)
    rows = [
        outbox.insertion(SCHEMA, of=room).cte("new_event"),
        _adding(_JOBS, "job_", _OF_JOB, room),
        usage.adding_from(
            room,
            organization_id=_TENANT,
            documents=_bind("used_documents", sa.BigInteger()),
            bytes=_bind("version_counted_bytes", sa.BigInteger()),
        ).cte("new_usage"),
        _adding(_VERSIONS, "version_", _VERSIONS.c.keys(), room),
    ]
    if with_document:
        rows.append(_adding(_DOCUMENTS, "document_", _DOCUMENTS.c.keys(), room))
    found = sa.select(twin.c.id).scalar_subquery() if twin is not None else sa.null()
    done = sa.exists(sa.select(room.c.free))
    return sa.select(found.label("twin_id"), done.label("done")).add_cte(*rows)


_SUBMIT: Final = _statement(with_document=True)
_ADD_VERSION: Final = _statement(with_document=False)
_ENQUEUE: Final = outbox.insertion(SCHEMA).add_cte(
    sa.insert(_JOBS)
    .values({name: _bind(f"job_{name}", _JOBS.c[name].type) for name in _OF_JOB})
    .cte("new_job")
)


@dataclass(frozen=True, slots=True)
class Rows:
    """What a submission writes. Without a document it is a version of one that is there."""

    document: dict[str, Any] | None
    version: dict[str, Any]

    @property
    def weight(self) -> tuple[int, int]:
        """Documents and bytes."""
        return (0 if self.document is None else 1), self.version["counted_bytes"]


async def write(
    session: AsyncSession, actor: Actor, rows: Rows, quota: Quota, *, unless_like: str | None
) -> UUID | None:
    """Writes all of it, or nothing: then the document's id that says the same already, found by
    the digest `unless_like`. Raises QuotaExceeded."""
    parameters = _parameters(session, actor, rows, quota, unless_like)
    twin_id, done = await _tried(session, parameters, rows, Room.of_everybody())
    if not done and twin_id is None:
        await wait_for_turn(session, actor.organization_id)
        twin_id, done = await _tried(session, parameters, rows, Room.of(*rows.weight))
    if not done and twin_id is None:
        raise await _exceeded(session, actor, rows, quota)
    return twin_id


async def enqueue(session: AsyncSession, actor: Actor, document_id: UUID, number: int) -> None:
    """A version that is there goes into the queue (again)."""
    await session.execute(_ENQUEUE, _place_in_queue(session, actor, document_id, number))


async def _tried(
    session: AsyncSession, parameters: dict[str, Any], rows: Rows, room: Room
) -> tuple[UUID | None, bool]:
    statement = _ADD_VERSION if rows.document is None else _SUBMIT
    given = {**parameters, "room_documents": room.documents, "room_bytes": room.bytes}
    twin_id, done = (await session.execute(statement, given)).one()
    return twin_id, done


async def _exceeded(session: AsyncSession, actor: Actor, rows: Rows, quota: Quota) -> Exception:
    tenant = sa.literal(actor.organization_id, sa.Uuid())
    now = sums(tenant, "documents", "bytes")
    documents, weight = (await session.execute(now)).one()
    added = rows.weight
    return quota.exceeded(documents + added[0], weight + added[1])


def _parameters(
    session: AsyncSession, actor: Actor, rows: Rows, quota: Quota, unless_like: str | None
) -> dict[str, Any]:
    version = rows.version
    parameters = {
        **{f"version_{name}": value for name, value in version.items()},
        **_place_in_queue(session, actor, version["document_id"], version["number"]),
        "used_documents": rows.weight[0],
        "quota_documents": quota.documents,
        "quota_bytes": quota.bytes,
    }
    if rows.document is None:
        return parameters
    return {
        **parameters,
        **{f"document_{name}": value for name, value in rows.document.items()},
        "wanted_sha256": unless_like,
        "actor_user_id": actor.user_id,
        "actor_is_admin": Role.ADMIN in actor.roles,
        "actor_roles": sorted(actor.roles),
        "actor_reads_clients": actor.may(Permission.CLIENTS_READ),
    }


def _place_in_queue(
    session: AsyncSession, actor: Actor, document_id: UUID, number: int
) -> dict[str, Any]:
    return {
        "job_id": new_id(),
        "job_organization_id": actor.organization_id,
        "job_state": JobState.PENDING,
        "job_document_id": document_id,
        "job_version_number": number,
        "job_correlation_id": actor.request_id,
        "job_traceparent": current_traceparent(),
        **outbox.parameters(session, DocumentSubmitted.by(actor, document_id=document_id)),
    }


def empty_version() -> dict[str, Any]:
    """Every column of a version about which nothing is known yet."""
    return {**dict.fromkeys(_VERSIONS.c.keys()), "chunk_count": 0, "created_at": utc_now()}
