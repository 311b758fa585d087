"""When an incident's notices are due (LGPD Art. 48, Res. CD/ANPD 15/2024). No input or output."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from core_api.business_days import business_days_after
from core_api.modules.deadlines.service import DeadlineKind

NOTICE_DAYS: Final = 3
COMPLETION_DAYS: Final = 20
DECLARATION_DAYS: Final = 3
KEEP_YEARS: Final = 5


def is_doubled(*, is_small_agent: bool, threatens_integrity: bool) -> bool:
    """Small agents have twice the time, unless people's physical or moral integrity or national
    security may be at stake (Res. CD/ANPD 2/2022, art. 14, II)."""
    return is_small_agent and not threatens_integrity


def due_times(
    known_at: datetime, told_anpd_at: datetime | None, *, doubled: bool
) -> Mapping[DeadlineKind, datetime]:
    """All of them, from when it was known that personal data was affected.

    What completes the notice to the ANPD is counted from that notice (art. 6 § 3); before there is
    one, from when it is due. The declaration that the subjects were told is counted from the end of
    their deadline (art. 9 § 4).
    """
    times = 2 if doubled else 1
    notice = business_days_after(known_at, NOTICE_DAYS * times)
    return {
        DeadlineKind.ANPD_NOTICE: notice,
        DeadlineKind.SUBJECTS_NOTICE: notice,
        DeadlineKind.ANPD_COMPLETION: business_days_after(
            told_anpd_at or notice, COMPLETION_DAYS * times
        ),
        DeadlineKind.SUBJECTS_DECLARATION: business_days_after(notice, DECLARATION_DAYS * times),
    }


def kept_until(registered_at: datetime) -> datetime:
    """The first moment at which nothing obliges to keep it any longer (art. 10)."""
    day = 28 if (registered_at.month, registered_at.day) == (2, 29) else registered_at.day
    later = registered_at.replace(year=registered_at.year + KEEP_YEARS, day=day)
    return later if day == registered_at.day else later + timedelta(days=1)
