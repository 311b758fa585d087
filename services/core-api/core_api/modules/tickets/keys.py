"""Foreign keys that the tables of tickets share: composite, so that they stay in one tenant."""

import sqlalchemy as sa

from core_api.tables import SCHEMA


def to_ticket(column: str) -> sa.ForeignKeyConstraint:
    """Refers to a ticket of the same organization."""
    return _composite(column, "tickets")


def to_member(column: str) -> sa.ForeignKeyConstraint:
    """Refers to a member of the same organization."""
    return _composite(column, "members")


def to_category(column: str) -> sa.ForeignKeyConstraint:
    """Refers to a category of the same organization."""
    return _composite(column, "ticket_categories")


def to_team(column: str) -> sa.ForeignKeyConstraint:
    """Refers to a team of the same organization."""
    return _composite(column, "teams")


def _composite(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["organization_id", column], [f"{SCHEMA}.{table}.organization_id", f"{SCHEMA}.{table}.id"]
    )
