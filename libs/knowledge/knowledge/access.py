"""Who may read which documents: one condition, ANDed into everything that reads them.

    organization  everybody with documents:read
    restricted    one of its roles or teams, an admin, or who submitted it
    client        where the request names the client, to who has clients:read; on the basis of
                  consent only while the client's consent to the purpose stands (LGPD Art. 8 § 5)

What may not be read is answered like what does not exist.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge.access_tables import ClientConsent, ClientMerge, TeamMember
from knowledge.models import Document, LegalBasis, Visibility
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId, UserId
from shared_schemas.permissions import Permission, Role

Condition = sa.ColumnElement[bool]
_NOBODY: Final = sa.false()


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
    mine = sa.and_(
        TeamMember.organization_id == actor.organization_id,
        TeamMember.member_id == actor.user_id,
        TeamMember.is_member,
    )
    teams = sa.select(sa.func.array_agg(TeamMember.team_id)).where(mine).scalar_subquery()
    own = sa.exists().where(
        Document.organization_id == actor.organization_id,
        Document.visibility == Visibility.RESTRICTED,
        Document.submitted_by == actor.user_id,
    )
    team_ids, has_own = (await session.execute(sa.select(teams, own))).one()
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
    return _allowed(reader, client_id, needs_consent=True)


def erasable(reader: Reader, client_id: UUID | None = None) -> Condition:
    """As `readable`, but consent need not stand: what may no longer be read can be deleted."""
    return _allowed(reader, client_id, needs_consent=False)


def access_key(reader: Reader, client_id: UUID | None = None) -> str:
    """A stable digest of what decides `readable`: readers of the same key read the same documents.

    As long as teams, consents, merges and documents do not change: who keeps something under the
    key watches those tables.
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


def _allowed(reader: Reader, client_id: UUID | None, *, needs_consent: bool) -> Condition:
    if Permission.DOCUMENTS_READ not in reader.permissions:
        return _NOBODY
    return sa.and_(
        Document.organization_id == reader.organization_id,
        sa.or_(
            Document.visibility == Visibility.ORGANIZATION,
            _restricted(reader),
            _of_client(reader, client_id, needs_consent=needs_consent),
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


def _of_client(reader: Reader, client_id: UUID | None, *, needs_consent: bool) -> Condition:
    if client_id is None or Permission.CLIENTS_READ not in reader.permissions:
        return _NOBODY
    family = client_family(reader.organization_id, client_id)
    is_theirs = sa.and_(Document.visibility == Visibility.CLIENT, Document.client_id.in_(family))
    return sa.and_(is_theirs, _consent_stands(family)) if needs_consent else is_theirs


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


def _consent_stands(family: sa.Select[UUID]) -> Condition:
    standing = sa.exists().where(
        ClientConsent.organization_id == Document.organization_id,
        ClientConsent.client_id.in_(family),
        ClientConsent.purpose_code == Document.purpose_code,
        ClientConsent.revoked_at.is_(None),
    )
    return sa.or_(Document.legal_basis != LegalBasis.CONSENT, standing)
