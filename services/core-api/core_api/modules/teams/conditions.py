"""What teams ask of tickets, members and absences, as conditions of their statements."""

from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from core_api.modules.teams.models import Absence, Attendant, TeamMember
from core_api.tables import SCHEMA

# Only counted here: everything else about tickets is the business of their own context.
TICKETS: Final = sa.table(
    "tickets",
    sa.column("organization_id", sa.Uuid()),
    sa.column("team_id", sa.Uuid()),
    sa.column("assignee_id", sa.Uuid()),
    sa.column("status", sa.Text()),
    schema=SCHEMA,
)
MEMBERS: Final = sa.table(
    "members",
    sa.column("organization_id", sa.Uuid()),
    sa.column("id", sa.Uuid()),
    sa.column("name", sa.Text()),
    sa.column("roles", ARRAY(sa.Text())),
    schema=SCHEMA,
)
# In the words of the partial index ix_tickets_team_queue: bound values would not match it.
UNFINISHED: Final = sa.and_(
    TICKETS.c.team_id.is_not(None),
    sa.literal_column(f"{SCHEMA}.tickets.status").not_in(
        [sa.literal_column("'resolved'"), sa.literal_column("'closed'")]
    ),
)
"""Somebody has still to work on the ticket."""


def absent_now(organization_id: Any, member_id: Any, now: datetime) -> sa.ColumnElement[bool]:
    """Whether one of the absences entered beforehand covers `now`."""
    return (
        sa.exists()
        .where(
            Absence.organization_id == organization_id,
            Absence.member_id == member_id,
            Absence.starts_at <= now,
            Absence.ends_at > now,
        )
        .correlate(TeamMember, Attendant, MEMBERS)
    )


def same_person() -> sa.ColumnElement[bool]:
    """Joins what a member is in a team to what they are at work."""
    return sa.and_(
        Attendant.organization_id == TeamMember.organization_id,
        Attendant.member_id == TeamMember.member_id,
    )
