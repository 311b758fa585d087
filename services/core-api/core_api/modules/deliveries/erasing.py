"""What deliveries hold of a person: that something was sent to them, and the id of that mail."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import sqlalchemy as sa

from chassis.messaging.job_queue import JobState
from core_api.modules.deliveries.models import Delivery, DeliveryKind
from core_api.subject_stores import (
    KeptRows,
    RowStore,
    Store,
    StoreBusy,
    Subject,
    Tally,
    Workshop,
    count_rows,
)

_DELIVERIES: Final = Delivery.__table__
_ROWS: Final = _DELIVERIES.c
A_MOMENT: Final = timedelta(minutes=1)
_TO_OTHERS: Final = _ROWS.kind == DeliveryKind.RECIPIENT_NOTICE


_BEING_SENT: Final = sa.and_(
    _ROWS.state == JobState.PROCESSING, _ROWS.lease_expires_at > sa.func.clock_timestamp()
)
"""Its words, and where it goes, are in a process until it ends."""


def _to_the_subject(subject: Subject) -> sa.ColumnElement[bool]:
    return sa.and_(_ROWS.client_id.in_(subject.client_ids), ~_TO_OTHERS)


@dataclass(frozen=True, kw_only=True)
class MailsToTheSubject(RowStore):
    """Those that wait are never sent. One that a worker is sending just now is waited for."""

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """One transaction. StoreBusy."""
        await _none_of(workshop, subject, sa.and_(self.where(subject), _BEING_SENT))
        return await super().erase_batch(workshop, subject, tally)


@dataclass(frozen=True, kw_only=True)
class MailsToRecipients(KeptRows):
    """Letters name the person as both sides know them as long as somebody knows it here: they have
    a moment to go out, and one that is being sent just now has until it ends. Without a mail server
    nobody sends them, and the moment passes."""

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """Nothing of it. StoreBusy."""
        fresh = sa.and_(
            _ROWS.state == JobState.PENDING,
            _ROWS.attempts == 0,
            _ROWS.created_at > sa.func.now() - A_MOMENT,
        )
        wanted = sa.and_(self.where(subject), sa.or_(fresh, _BEING_SENT))
        await _none_of(workshop, subject, wanted)
        return await super().erase_batch(workshop, subject, tally)

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Nothing has to be gone; but no letter, which may name the person, is in a process.
        StoreBusy."""
        await _none_of(workshop, subject, sa.and_(self.where(subject), _BEING_SENT))
        return await super().prove(workshop, subject)


async def _none_of(workshop: Workshop, subject: Subject, which: sa.ColumnElement[bool]) -> None:
    """StoreBusy."""
    if await count_rows(workshop, subject, _DELIVERIES, lambda _: which):
        raise StoreBusy


DELIVERY_STORES: Final[tuple[Store, ...]] = (
    MailsToTheSubject(
        name="deliveries",
        label="Envios de mensagens ao titular",
        table=_DELIVERIES,
        where=_to_the_subject,
    ),
    MailsToRecipients(
        name="deliveries_to_recipients",
        label="Envios a quem recebeu os dados (identificadores e datas)",
        ground="LGPD, art. 6º, X, e art. 18, § 6º: prova da comunicação aos destinatários",
        table=_DELIVERIES,
        where=lambda subject: sa.and_(_ROWS.client_id.in_(subject.client_ids), _TO_OTHERS),
    ),
)
"""The first of all stores: nothing goes out while the rest is being erased."""
