"""Keeping in mind what core-api's events tell of teams, consents and merges.

Each row says the latest that is known of one membership, consent or merge, whatever the order in
which events arrive, and however often.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import Insert, insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.messaging.consumer import Subscription
from knowledge.access_tables import ClientConsent, ClientMerge, TeamMember
from shared_schemas.events import (
    ClientMerged,
    ClientMergeUndone,
    ConsentGranted,
    ConsentRefused,
    ConsentRevoked,
    TeamMembersChanged,
)
from shared_schemas.ids import OrganizationId


async def follow_team(session: AsyncSession, event: TeamMembersChanged) -> None:
    """Who is in the team from now on, and who is not."""
    given = event.payload
    rows = [
        membership(event.organization_id, given.team_id, member_id, event.timestamp, is_member=is_)
        for members, is_ in ((given.removed, False), (given.added, True))
        for member_id in members
    ]
    if rows:
        await session.execute(remember_members().values(rows))


async def follow_granted(session: AsyncSession, event: ConsentGranted) -> None:
    """The consent stands, unless it is known to have been revoked."""
    await session.execute(remember_consents().values(_decision(event)))


async def follow_refused(session: AsyncSession, event: ConsentRefused) -> None:
    """No: as long as it is the latest decision."""
    await session.execute(remember_consents().values(_decision(event) | {"refused": True}))


async def follow_revoked(session: AsyncSession, event: ConsentRevoked) -> None:
    """The consent stands no longer, even if it is not known to have been granted yet."""
    revoked = _decision(event) | {"revoked_at": event.timestamp}
    await session.execute(remember_consents().values(revoked))


async def follow_merge(session: AsyncSession, event: ClientMerged) -> None:
    """Documents of who was merged are the survivor's."""
    await session.execute(remember_merges().values(_merge(event, None)))


async def follow_undone_merge(session: AsyncSession, event: ClientMergeUndone) -> None:
    """Two clients again, each with their own documents."""
    await session.execute(remember_merges().values(_merge(event, event.timestamp)))


def membership(
    organization_id: OrganizationId,
    team_id: UUID,
    member_id: UUID,
    at: datetime,
    *,
    is_member: bool,
) -> dict[str, object]:
    """A row for `remember_members`."""
    return {
        "organization_id": organization_id,
        "team_id": team_id,
        "member_id": member_id,
        "is_member": is_member,
        "changed_at": at,
    }


def remember_members() -> Insert:
    """What is older than what is known changes nothing."""
    statement = insert(TeamMember)
    return statement.on_conflict_do_update(
        index_elements=[TeamMember.organization_id, TeamMember.member_id, TeamMember.team_id],
        set_={
            "is_member": statement.excluded.is_member,
            "changed_at": statement.excluded.changed_at,
        },
        where=TeamMember.changed_at <= statement.excluded.changed_at,
    )


def remember_consents() -> Insert:
    """What was revoked once is revoked for good; a renewal is a consent of its own. Nothing else of
    a receipt ever changes, but an older event may have said less of it."""
    statement = insert(ClientConsent)
    new, known = statement.excluded, ClientConsent.__table__.c
    told = ("purpose_code", "notice_version", "decided_at", "expires_at", "revoked_at")
    # Only what was missing: what is known already changes nothing, and ends no answer.
    learned = [sa.and_(known[name].is_(None), new[name].is_not(None)) for name in told]
    return statement.on_conflict_do_update(
        index_elements=[ClientConsent.organization_id, ClientConsent.consent_id],
        set_={name: sa.func.coalesce(known[name], new[name]) for name in told},
        where=sa.or_(*learned),
    )


def remember_merges() -> Insert:
    """What was undone once is undone for good; merging again is a merge of its own."""
    statement = insert(ClientMerge)
    undone_at = sa.func.coalesce(ClientMerge.undone_at, statement.excluded.undone_at)
    return statement.on_conflict_do_update(
        index_elements=[ClientMerge.organization_id, ClientMerge.merge_id],
        set_={"undone_at": undone_at},
    )


def _decision(event: ConsentGranted | ConsentRefused | ConsentRevoked) -> dict[str, object]:
    given = event.payload
    return {
        "organization_id": event.organization_id,
        "consent_id": given.consent_id,
        "client_id": given.client_id,
        "purpose_id": given.purpose_id,
        "purpose_code": given.purpose_code,
        "refused": False,
        "notice_version": given.notice_version,
        "decided_at": given.decided_at,
        "expires_at": given.expires_at,
        "revoked_at": None,
    }


def _merge(
    event: ClientMerged | ClientMergeUndone, undone_at: datetime | None
) -> dict[str, object]:
    given = event.payload
    return {
        "organization_id": event.organization_id,
        "merge_id": given.merge_id,
        "merged_id": given.merged_id,
        "survivor_id": given.client_id,
        "undone_at": undone_at,
    }


SUBSCRIPTIONS: Final = (
    Subscription(TeamMembersChanged, follow_team),
    Subscription(ConsentGranted, follow_granted),
    Subscription(ConsentRefused, follow_refused),
    Subscription(ConsentRevoked, follow_revoked),
    Subscription(ClientMerged, follow_merge),
    Subscription(ClientMergeUndone, follow_undone_merge),
)
