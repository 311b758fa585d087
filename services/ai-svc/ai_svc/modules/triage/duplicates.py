"""Tickets of the same client that may say the same."""

from collections.abc import Sequence
from typing import Final

from ai_svc.modules.triage.words import Rarity, likeness, said, stems_of
from shared_schemas.triage import RecentTicket, TicketText, TriageDuplicate

_LIKE: Final = 0.5
_MOST: Final = 5


def duplicates_of(ticket: TicketText, recent: Sequence[RecentTicket]) -> list[TriageDuplicate]:
    """The likest first. What two tickets share counts the more the fewer others have it."""
    texts = [stems_of(said(each.text)) for each in recent]
    mine = stems_of(said(f"{ticket.subject}\n{ticket.description}"))
    rarity = Rarity.among([mine, *texts])
    weighed = rarity.weigh(mine)
    found = [
        TriageDuplicate(
            ticket_id=each.id,
            number=each.number,
            similarity=round(min(1.0, likeness(weighed, rarity.weigh(stems))), 3),
        )
        for each, stems in zip(recent, texts, strict=True)
    ]
    like = [each for each in found if each.similarity >= _LIKE]
    return sorted(like, key=lambda each: -each.similarity)[:_MOST]
