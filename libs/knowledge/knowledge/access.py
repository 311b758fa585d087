"""Who may read which documents: one condition, ANDed into everything that reads them.

    organization  everybody with documents:read
    restricted    one of its roles or teams, an admin, or who submitted it
    client        where the request names the client, to who has clients:read; while the purpose is
                  in force for the client: see `purposes_in_force` (LGPD Art. 7, Art. 8 §§ 5 and 6)

What may not be read is answered like what does not exist.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.compiled import CompiledStatement, one_row
from knowledge.access_tables import ClientMerge, TeamMember
from knowledge.models import Document, Visibility
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId
from shared_schemas.permissions import Permission, Role

Condition = sa.ColumnElement[bool]
_NOBODY: Final = sa.false()
TENANT: Final = sa.bindparam("organization_id", type_=sa.Uuid())
"""Of a statement that is built once."""


@dataclass(frozen=True, slots=True)
class Reader:
    """An actor with what else decides what they may read. `has_own`: submitted something that is
    restricted; who has not shares what was found with everybody of the same roles and teams."""

    organization_id: OrganizationId
    user_id: UserId
    roles: frozenset[str]
    team_ids: frozenset[UUID]
    permissions: frozenset[Permission]
    has_own: bool = True

    @property
    def is_admin(self) -> bool:
        """Reads what is restricted to others."""
        return Role.ADMIN in self.roles


async def reader_of(session: AsyncSession, actor: Actor) -> Reader:
    """In one statement, and as of the session's transaction."""
    whose = {"organization_id": actor.organization_id, "user_id": actor.user_id}
    row = await one_row(session, _only_facts(), whose)
    return reader_from(actor, team_ids=row.team_ids, has_own=row.has_own)


def facts_of_reader() -> tuple[sa.Label[list[UUID] | None], sa.Label[bool]]:
    """What the database knows of a reader: columns `team_ids` and `has_own` of any statement, which
    then has the parameters `organization_id` (TENANT) and `user_id`."""
    user_id = sa.bindparam("user_id", type_=sa.Uuid())
    mine = sa.and_(
        TeamMember.organization_id == TENANT,
        TeamMember.member_id == user_id,
        TeamMember.is_member,
    )
    teams = sa.select(sa.func.array_agg(TeamMember.team_id)).where(mine).scalar_subquery()
    own = sa.exists().where(
        Document.organization_id == TENANT,
        Document.visibility == spelt_out(Visibility.RESTRICTED),
        Document.submitted_by == user_id,
    )
    return teams.label("team_ids"), own.label("has_own")


def spelt_out(visibility: Visibility) -> sa.ColumnElement[str]:
    """Not as a parameter, where an index has only the rows of it: a plan that is kept for any
    parameter could not use that index, and would read all documents of an organization."""
    return sa.literal_column(f"'{visibility.value}'", sa.Text())


@cache
def _only_facts() -> CompiledStatement:
    """Compiled once: most requests ask it, and building it took longer than its answer."""
    return CompiledStatement(sa.select(*facts_of_reader()))


def reader_from(actor: Actor, *, team_ids: list[UUID] | None, has_own: bool) -> Reader:
    """The actor with these facts."""
    return Reader(
        organization_id=actor.organization_id,
        user_id=actor.user_id,
        roles=frozenset(role.value for role in actor.roles),
        team_ids=frozenset(team_ids or ()),
        permissions=actor.permissions,
        has_own=has_own,
    )


def readable(reader: Reader, client_id: UUID | None = None) -> Condition:
    """Which rows of `documents` the reader may read, in a request that names the client or none."""
    return _allowed(reader, client_id, needs_basis=True)


def erasable(reader: Reader, client_id: UUID | None = None) -> Condition:
    """As `readable`, but on whatever basis: what may no longer be read can be deleted."""
    return _allowed(reader, client_id, needs_basis=False)


def purposes_in_force(organization_id: Any, client_id: Any) -> sa.ColumnElement[Any]:
    """The codes of the purposes a client's data may be used for now, as an array. The rule itself
    is in the database (ADR 037), and core-api's: the purpose in use, the assistant allowed it, no
    block, and another basis than consent or a consent that stands, of the client or of whoever was
    merged with it."""
    return sa.func.ai.purposes_in_force(organization_id, client_id, type_=ARRAY(sa.Text()))


def of_nobody_or_in_force() -> Condition:
    """Which rows of `documents` are about no client, or may be used now, whoever asks."""
    return sa.or_(
        Document.visibility != Visibility.CLIENT,
        Document.purpose_code
        == sa.any_(purposes_in_force(Document.organization_id, Document.client_id)),
    )


def client_kin(organization_id: OrganizationId, client_id: UUID) -> sa.ColumnElement[Any]:
    """The client with whoever was merged with it, above and below, as an array: one person."""
    tenant, named = sa.literal(organization_id, sa.Uuid()), sa.literal(client_id, sa.Uuid())
    return sa.func.ai.client_kin(tenant, named, type_=ARRAY(sa.Uuid()))


def access_key(reader: Reader, client_id: UUID | None = None) -> str:
    """A stable digest of what decides `readable`: readers of the same key read the same documents.

    As long as documents and the tables of `access_tables` do not change, and no consent ends by
    itself: who keeps something under the key watches those tables, and the time.
    """
    may = sorted(
        permission
        for permission in (Permission.DOCUMENTS_READ, Permission.CLIENTS_READ)
        if permission in reader.permissions
    )
    facts: list[str] = [str(reader.organization_id), *may, f"client:{client_id}"]
    if reader.is_admin:
        facts.append("admin")
    else:
        facts += [f"role:{role}" for role in sorted(reader.roles)]
        facts += [f"team:{team_id}" for team_id in sorted(map(str, reader.team_ids))]
        if reader.has_own:
            facts.append(f"user:{reader.user_id}")
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()


def _allowed(reader: Reader, client_id: UUID | None, *, needs_basis: bool) -> Condition:
    if Permission.DOCUMENTS_READ not in reader.permissions:
        return _NOBODY
    return sa.and_(
        Document.organization_id == reader.organization_id,
        sa.or_(
            Document.visibility == Visibility.ORGANIZATION,
            _restricted(reader),
            _of_client(reader, client_id, needs_basis=needs_basis),
        ),
    )


def _restricted(reader: Reader) -> Condition:
    is_restricted = Document.visibility == Visibility.RESTRICTED
    if reader.is_admin:
        return is_restricted
    ways: list[Condition] = [Document.submitted_by == reader.user_id]
    if reader.roles:
        ways.append(Document.allowed_roles.overlap(_array(sorted(reader.roles), sa.Text())))
    if reader.team_ids:
        ways.append(Document.allowed_team_ids.overlap(_array(sorted(reader.team_ids), sa.Uuid())))
    return sa.and_(is_restricted, sa.or_(*ways))


def _array(values: Any, kind: Any) -> Any:
    return sa.cast(list(values), ARRAY(kind))


def _of_client(reader: Reader, client_id: UUID | None, *, needs_basis: bool) -> Condition:
    if client_id is None or Permission.CLIENTS_READ not in reader.permissions:
        return _NOBODY
    family = client_family(reader.organization_id, client_id)
    is_theirs = sa.and_(Document.visibility == Visibility.CLIENT, Document.client_id.in_(family))
    return sa.and_(is_theirs, _is_in_force(reader, client_id)) if needs_basis else is_theirs


def client_family(organization_id: OrganizationId, client_id: UUID) -> sa.Select[UUID]:
    """The client, and who was merged into it, at any remove: documents follow the survivor."""
    start = sa.select(sa.cast(client_id, sa.Uuid).label("client_id"))
    # Without a name of its own: a statement may hold several.
    family = start.cte(recursive=True)
    merged = sa.select(ClientMerge.merged_id).where(
        ClientMerge.organization_id == organization_id,
        ClientMerge.survivor_id == family.c.client_id,
        ClientMerge.undone_at.is_(None),
    )
    return sa.select(family.union(merged).c.client_id)


def _is_in_force(reader: Reader, client_id: UUID) -> Condition:
    """A subquery of its own: evaluated once a statement, and only where documents of the client's
    are met."""
    organization_id = sa.literal(reader.organization_id, sa.Uuid())
    named = sa.literal(client_id, sa.Uuid())
    codes = sa.select(purposes_in_force(organization_id, named)).scalar_subquery()
    # A cast, so that it is an array to `= ANY` and no set of rows.
    return Document.purpose_code == sa.any_(sa.cast(codes, ARRAY(sa.Text())))
