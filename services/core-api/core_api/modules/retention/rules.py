"""When data is due, and what becomes of it then: arithmetic over what is known, nothing else.

A client's data serves several purposes. It goes when every one of them is over and its time has
passed (LGPD Art. 15 and 16); what then happens is what the purpose says that was over last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID


class Since(StrEnum):
    """The moment a retention is counted from, as the registry of purposes names it."""

    COLLECTION = "collection"
    LAST_CONTACT = "last_contact"
    CONSENT_END = "consent_end"
    CONTRACT_END = "contract_end"
    REQUEST_CLOSED = "request_closed"


class Then(StrEnum):
    """What happens at the end of it."""

    DELETE = "delete"
    ANONYMIZE = "anonymize"


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What the registry says of one purpose."""

    purpose_id: UUID
    code: str
    by_consent: bool
    archived: bool = False
    days: int | None = None
    since: Since | None = None
    then: Then | None = None

    @property
    def is_complete(self) -> bool:
        """Whether it says how long, since when, and what then."""
        return None not in (self.days, self.since, self.then)


@dataclass(frozen=True, kw_only=True)
class ConsentFacts:
    """What a client granted for one purpose, all receipts together."""

    granted_at: datetime
    """The last time."""
    ended_at: datetime | None
    """None while one stands."""


@dataclass(frozen=True, kw_only=True)
class ClientFacts:
    """What is known of one client and those merged into it."""

    client_id: UUID
    created_at: datetime
    deleted_at: datetime | None = None
    contract_ended_at: datetime | None = None
    contact_at: datetime | None = None
    has_open_ticket: bool = False
    ticket_closed_at: datetime | None = None
    consents: Mapping[UUID, ConsentFacts] = field(default_factory=dict)
    held: bool = False
    under_way: bool = False
    """Whether it is erased or anonymised, or about to be."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the rules say about one client today."""

    applying: tuple[str, ...]
    """Codes of the purposes its data serves or served."""
    over: tuple[str, ...] = ()
    """Of those whose time has passed."""
    keeping: tuple[str, ...] = ()
    """Of those that still need the data, or say nothing of its end."""
    decided_by: str | None = None
    then: Then | None = None
    """What is due; None while anything keeps the data."""


_NO_PURPOSE: Final = Verdict(applying=())


def judged(rules: Sequence[Rule], facts: ClientFacts, now: datetime) -> Verdict:
    """Whether a client's data is due. Where no purpose applies, no rule says that it is."""
    applying = [rule for rule in rules if _applies(rule, facts)]
    if not applying:
        return _NO_PURPOSE
    ends = {rule.code: _due_at(rule, facts) for rule in applying}
    over = tuple(code for code, end in ends.items() if end is not None and end <= now)
    keeping = tuple(code for code in ends if code not in over)
    codes = tuple(ends)
    if keeping:
        return Verdict(applying=codes, over=over, keeping=keeping)
    last = max(applying, key=lambda rule: (ends[rule.code] or now, rule.then is Then.DELETE))
    return Verdict(applying=codes, over=over, decided_by=last.code, then=last.then)


def _applies(rule: Rule, facts: ClientFacts) -> bool:
    """By consent to who gave it; on another basis to everybody. What is archived and says nothing
    of an end keeps nothing."""
    if rule.archived and not rule.is_complete:
        return False
    return not rule.by_consent or rule.purpose_id in facts.consents


def _due_at(rule: Rule, facts: ClientFacts) -> datetime | None:
    """When its time will have passed; None when that has not begun, or nobody said how long."""
    if rule.days is None or rule.since is None or rule.then is None:
        return None
    began = _began(rule, facts)
    if began is None:
        return None
    try:
        return began + timedelta(days=rule.days)
    except OverflowError:  # a contract without end is often written as one that ends in 9999
        return None


def _began(rule: Rule, facts: ClientFacts) -> datetime | None:
    given = facts.consents.get(rule.purpose_id)
    match rule.since:
        case Since.COLLECTION:
            return max(facts.created_at, given.granted_at) if given else facts.created_at
        case Since.LAST_CONTACT:
            return max(facts.created_at, facts.contact_at or facts.created_at)
        case Since.CONSENT_END:
            return given.ended_at if given else None
        case Since.CONTRACT_END:
            return facts.contract_ended_at or facts.deleted_at
        case Since.REQUEST_CLOSED:
            closed = facts.ticket_closed_at or facts.created_at
            return None if facts.has_open_ticket else closed
    return None
