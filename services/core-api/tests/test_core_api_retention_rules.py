"""When data is due: the arithmetic of retention, for whatever is known of a client."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core_api.modules.retention.rules import (
    ClientFacts,
    ConsentFacts,
    Rule,
    Since,
    Then,
    Verdict,
    judged,
)
from shared_schemas.ids import new_id

NOW = datetime(2026, 11, 21, tzinfo=UTC)
DAY = timedelta(days=1)
LONG_AGO = NOW - 1_000 * DAY


def rule(code: str = "contrato", **changes: Any) -> Rule:
    given = {"days": 100, "since": Since.COLLECTION, "then": Then.DELETE, "by_consent": False}
    return Rule(**{"purpose_id": new_id(), "code": code, **given, **changes})


def facts(**changes: Any) -> ClientFacts:
    return ClientFacts(**{"client_id": new_id(), "created_at": LONG_AGO, **changes})


@pytest.mark.parametrize(
    ("since", "known", "due"),
    [
        (Since.COLLECTION, {"created_at": NOW - 99 * DAY}, False),
        (Since.COLLECTION, {"created_at": NOW - 100 * DAY}, True),
        (Since.LAST_CONTACT, {}, True),
        (Since.LAST_CONTACT, {"contact_at": NOW - 50 * DAY}, False),
        (Since.LAST_CONTACT, {"contact_at": NOW - 101 * DAY}, True),
        (Since.CONTRACT_END, {}, False),
        (Since.CONTRACT_END, {"contract_ended_at": NOW - 101 * DAY}, True),
        (Since.CONTRACT_END, {"contract_ended_at": NOW + 10 * DAY}, False),
        (Since.CONTRACT_END, {"deleted_at": NOW - 101 * DAY}, True),
        (Since.REQUEST_CLOSED, {}, True),
        (Since.REQUEST_CLOSED, {"has_open_ticket": True}, False),
        (Since.REQUEST_CLOSED, {"ticket_closed_at": NOW - 50 * DAY}, False),
        (Since.REQUEST_CLOSED, {"ticket_closed_at": NOW - 101 * DAY}, True),
        (Since.CONSENT_END, {}, False),
    ],
)
def test_each_moment_is_counted_from_what_it_says(
    since: Since, known: dict[str, Any], due: bool
) -> None:
    verdict = judged([rule(since=since)], facts(**known), NOW)

    assert (verdict.then is Then.DELETE) is due


@pytest.mark.parametrize(
    ("ended", "due"), [(None, False), (NOW - 99 * DAY, False), (NOW - 101 * DAY, True)]
)
def test_consent_keeps_the_data_until_its_end_and_then_its_time(
    ended: datetime | None, due: bool
) -> None:
    by_consent = rule(by_consent=True, since=Since.CONSENT_END)
    given = {by_consent.purpose_id: ConsentFacts(granted_at=LONG_AGO, ended_at=ended)}

    assert (judged([by_consent], facts(consents=given), NOW).then is not None) is due


def test_contract_that_ends_when_time_does_keeps_the_data() -> None:
    forever = datetime(9999, 12, 31, tzinfo=UTC)

    verdict = judged([rule(since=Since.CONTRACT_END)], facts(contract_ended_at=forever), NOW)

    assert (verdict.then, verdict.keeping) == (None, ("contrato",))


def test_consent_given_again_is_collected_again() -> None:
    by_consent = rule(by_consent=True)
    given = {by_consent.purpose_id: ConsentFacts(granted_at=NOW - DAY, ended_at=None)}

    assert judged([by_consent], facts(consents=given), NOW).then is None


def test_purpose_of_others_by_consent_says_nothing_about_a_client() -> None:
    assert judged([rule(by_consent=True)], facts(), NOW) == Verdict(applying=())


def test_data_stays_as_long_as_one_purpose_needs_it_and_the_last_one_decides() -> None:
    short, long = rule("curta", days=10), rule("longa", days=2_000, then=Then.ANONYMIZE)
    silent = rule("calada", days=None, since=None, then=None)
    later = NOW + 1_500 * DAY

    kept = judged([short, long], facts(), NOW)
    due = judged([short, long], facts(), later)
    forever = judged([short, silent], facts(), later)

    assert (kept.over, kept.keeping, kept.then) == (("curta",), ("longa",), None)
    assert (due.decided_by, due.then) == ("longa", Then.ANONYMIZE)
    assert (forever.keeping, forever.then) == (("calada",), None)


def test_of_two_that_end_at_once_the_one_that_deletes_decides() -> None:
    both = [rule("a", then=Then.ANONYMIZE), rule("b", then=Then.DELETE)]

    assert judged(both, facts(), NOW).then is Then.DELETE
    assert judged(both[::-1], facts(), NOW).then is Then.DELETE


def test_archived_purpose_keeps_nothing_unless_it_says_how_long() -> None:
    silent = rule("calada", archived=True, days=None, since=None, then=None)
    telling = rule("antiga", archived=True, days=2_000)

    assert judged([silent, rule()], facts(), NOW).then is Then.DELETE
    assert judged([telling, rule()], facts(), NOW).then is None


@given(
    ages=st.lists(st.integers(0, 2_000), min_size=1, max_size=5),
    days=st.lists(st.integers(1, 2_000), min_size=1, max_size=5),
    later=st.integers(0, 3_000),
)
def test_what_is_due_stays_due_and_nothing_is_due_before_its_time(
    ages: list[int], days: list[int], later: int
) -> None:
    rules = [rule(f"p{place}", days=each) for place, each in enumerate(days)]
    created = NOW - ages[0] * DAY
    client = facts(created_at=created)

    now, then = judged(rules, client, NOW), judged(rules, client, NOW + later * DAY)

    assert (now.then is not None) == (created + max(days) * DAY <= NOW)
    assert now.then is None or then.then is not None
    assert set(now.over) <= set(then.over)
