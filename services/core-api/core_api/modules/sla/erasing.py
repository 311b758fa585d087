"""What service levels keep of a person's tickets: times and enumerations, which name nobody."""

from typing import Final, cast

import sqlalchemy as sa

from core_api.modules.sla.models import SlaEntry, SlaTimer
from core_api.modules.tickets.erasing import STATISTICS, tickets_of
from core_api.subject_stores import KeptRows, Store

_ENTRIES: Final = cast("sa.Table", SlaEntry.__table__)
_TIMERS: Final = cast("sa.Table", SlaTimer.__table__)

SLA_STORES: Final[tuple[Store, ...]] = (
    KeptRows(
        name="sla_entries",
        label="Prazos de atendimento: registro de tempos",
        ground=STATISTICS,
        table=_ENTRIES,
        where=lambda subject: _ENTRIES.c.ticket_id.in_(tickets_of(subject)),
    ),
    KeptRows(
        name="sla_timers",
        label="Prazos de atendimento: medições",
        ground=STATISTICS,
        table=_TIMERS,
        where=lambda subject: _TIMERS.c.ticket_id.in_(tickets_of(subject)),
    ),
)
