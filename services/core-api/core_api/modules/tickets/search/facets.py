"""Facets of tickets as words of the search index: filtering is part of looking up, so that a rare
filter on a frequent word costs no more than a rare word."""

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from core_api.modules.tickets.filters import TicketFilter
from core_api.modules.tickets.models import Ticket

# Facets begin with a sign no word can hold. One letter each, as the migration writes them too.
_STATUS: Final = "@s:"
_PRIORITY: Final = "@p:"
_CHANNEL: Final = "@h:"
_CLIENT: Final = "@c:"
_ASSIGNEE: Final = "@a:"
_CATEGORY: Final = "@g:"
_TEAM: Final = "@e:"
_TAG: Final = "@t:"
_NOBODY: Final = "-"

FACET_FIELDS: Final = frozenset(
    {"status", "priority", "channel", "client_id", "assignee_id", "category_id", "team_id", "tags"}
)


def facets_of(ticket: Ticket) -> list[str]:
    """What the index knows of a ticket besides its words."""
    return [
        _STATUS + ticket.status.value,
        _PRIORITY + ticket.priority.value,
        _CHANNEL + ticket.channel.value,
        _CLIENT + str(ticket.client_id),
        _ASSIGNEE + str(ticket.assignee_id or _NOBODY),
        _CATEGORY + str(ticket.category_id or _NOBODY),
        *([_TEAM + str(ticket.team_id)] if ticket.team_id else []),
        *(_TAG + tag for tag in ticket.tags),
    ]


def facet_query(wanted: TicketFilter, category_ids: Sequence[UUID]) -> list[str]:
    """The conditions of a filter that the index knows, each a part of a tsquery.

    The others (watcher, custom fields, times) are asked of the tickets found.
    """
    groups = [
        [_STATUS + status.value for status in wanted.statuses],
        [_PRIORITY + priority.value for priority in wanted.priorities],
        [_CHANNEL + wanted.channel.value] if wanted.channel else [],
        _single(_CLIENT, wanted.client_id),
        _single(_ASSIGNEE, wanted.assignee_id),
        [_ASSIGNEE + _NOBODY] if wanted.unassigned else [],
        _single(_TEAM, wanted.team_id),
        [_TAG + wanted.tag] if wanted.tag else [],
        [_CATEGORY + str(category_id) for category_id in category_ids],
    ]
    return [any_of(group) for group in groups if group]


def any_of(lexemes: Iterable[str]) -> str:
    """A part of a tsquery that one of the lexemes satisfies."""
    return "(" + "|".join(_quoted(lexeme) for lexeme in lexemes) + ")"


def _single(prefix: str, value: UUID | None) -> list[str]:
    return [] if value is None else [prefix + str(value)]


def _quoted(lexeme: str) -> str:
    escaped = lexeme.replace("\\", "\\\\").replace("'", "''")
    return f"'{escaped}'"
