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
    mine,
)

_DELIVERIES: Final = Delivery.__table__
_ROWS: Final = _DELIVERIES.c
A_MOMENT: Final = timedelta(minutes=1)
_TO_OTHERS: Final = _ROWS.kind == DeliveryKind.RECIPIENT_NOTICE


def _to_the_subject(subject: Subject) -> sa.ColumnElement[bool]:
    return sa.and_(_ROWS.client_id.in_(subject.client_ids), ~_TO_OTHERS)


@dataclass(frozen=True, kw_only=True)
class MailsToTheSubject(RowStore):
    """Those that wait are never sent. One that a worker is sending just now is waited for: its
    words and its address are in that process until it ends."""

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """One transaction. StoreBusy."""
        under_way = sa.select(_ROWS.id).where(
            mine(_DELIVERIES, subject),
            self.where(subject),
            _ROWS.state == JobState.PROCESSING,
            _ROWS.lease_expires_at > sa.func.clock_timestamp(),
        )
        async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
            if await tx.scalar(under_way.limit(1)) is not None:
                raise StoreBusy
        return await super().erase_batch(workshop, subject, tally)


@dataclass(frozen=True, kw_only=True)
class MailsToRecipients(KeptRows):
    """Letters name the person as both sides know them as long as somebody knows it here: they have
    a moment to go out. Without a mail server nobody sends them, and it passes."""

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """Nothing of it. StoreBusy."""
        fresh = sa.select(_ROWS.id).where(
            mine(self.table, subject),
            self.where(subject),
            _ROWS.state == JobState.PENDING,
            _ROWS.attempts == 0,
            _ROWS.created_at > sa.func.now() - A_MOMENT,
        )
        async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
            if await tx.scalar(fresh.limit(1)) is not None:
                raise StoreBusy
        return await super().erase_batch(workshop, subject, tally)


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
