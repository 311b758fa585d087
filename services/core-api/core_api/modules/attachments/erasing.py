"""What attachments hold of a person, and how it goes: objects first, proven gone, then their rows.

What proves a consent stays as long as its receipt (LGPD Art. 8 § 2, Art. 16 I), without the name
its file had.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast
from uuid import UUID

import sqlalchemy as sa

from chassis.data.object_storage import ObjectMissing, ObjectStorage
from core_api.modules.attachments.models import Attachment, object_key
from core_api.modules.tickets.erasing import messages_of, tickets_of
from core_api.subject_stores import (
    KeptRows,
    RowStore,
    Store,
    Subject,
    Tally,
    Workshop,
    count_rows,
)
from shared_schemas.ids import OrganizationId
from shared_schemas.privacy import StoreAction

EVIDENCE_NAME: Final = "comprovante"
_AT_ONCE: Final = 50
_TABLE: Final = cast("sa.Table", Attachment.__table__)
_RECEIPTS: Final = sa.table(
    "consents",
    sa.column("organization_id", sa.Uuid()),
    sa.column("evidence_id", sa.Uuid()),
    schema="crm",
)


class ObjectStillThere(Exception):
    """It was deleted, and the storage still has it."""


def _of_subject(subject: Subject) -> sa.ColumnElement[bool]:
    """Uploaded to one of their tickets, or said on one."""
    return sa.or_(
        _TABLE.c.ticket_id.in_(tickets_of(subject)), _TABLE.c.message_id.in_(messages_of(subject))
    )


def _proves(subject: Subject) -> sa.ColumnElement[bool]:
    return sa.exists().where(
        _RECEIPTS.c.organization_id == subject.organization_id,
        _RECEIPTS.c.evidence_id == _TABLE.c.id,
    )


def _erasable(subject: Subject) -> sa.ColumnElement[bool]:
    return sa.and_(_of_subject(subject), ~_proves(subject))


def _evidence(subject: Subject) -> sa.ColumnElement[bool]:
    return sa.and_(_of_subject(subject), _proves(subject))


@dataclass(frozen=True, kw_only=True)
class AttachedFiles:
    """Files of tickets: in the storage, and in the table."""

    with_evidence: bool = False
    """Whether those go, too, that prove a consent: of who is anonymised nothing may show a face or
    a hand; the receipt keeps the hash."""
    name: str = "attachments"
    label: str = "Anexos dos chamados (arquivos e registros)"
    action: StoreAction = StoreAction.ERASE
    ground: None = None

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """Rows: each stands for an object."""
        return await count_rows(workshop, subject, _TABLE, self._wanted)

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """Killed in between, rows are left whose objects are gone: the next attempt ends it."""
        found = await self._some(workshop, subject)
        for attachment_id in found:
            await _delete(workshop.storage, subject.organization_id, attachment_id)
        if not found:
            return 0
        async with workshop.database.transaction(subject.organization_id) as tx:
            gone = await tx.execute(
                sa.delete(_TABLE)
                .where(
                    _TABLE.c.organization_id == subject.organization_id,
                    _TABLE.c.id.in_(found),
                    self._wanted(subject),
                )
                .returning(_TABLE.c.id)
            )
            count = len(gone.all())
            await tally(tx, count)
        return len(found)

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Rows again; that an object is gone was asked of the storage before its row went."""
        return await self.count(workshop, subject)

    async def _some(self, workshop: Workshop, subject: Subject) -> Sequence[UUID]:
        statement = sa.select(_TABLE.c.id).where(
            _TABLE.c.organization_id == subject.organization_id, self._wanted(subject)
        )
        async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
            return (await tx.scalars(statement.order_by(_TABLE.c.id).limit(_AT_ONCE))).all()

    def _wanted(self, subject: Subject) -> sa.ColumnElement[bool]:
        return _of_subject(subject) if self.with_evidence else _erasable(subject)


async def _delete(
    storage: ObjectStorage, organization_id: OrganizationId, attachment_id: UUID
) -> None:
    key = object_key(organization_id, attachment_id)
    await storage.delete(key)
    try:
        await storage.open(key)
    except ObjectMissing:
        return
    raise ObjectStillThere(key)


ATTACHMENT_STORES: Final[tuple[Store, ...]] = (
    RowStore(
        name="evidence_names",
        label="Nomes dos arquivos que provam consentimentos",
        table=_TABLE,
        where=lambda subject: sa.and_(_evidence(subject), _TABLE.c.name != EVIDENCE_NAME),
        blank={"name": EVIDENCE_NAME},
    ),
    AttachedFiles(),
    KeptRows(
        name="consent_evidence",
        label="Arquivos que provam consentimentos",
        ground="LGPD, art. 8º, § 2º, e art. 16, I: o controlador prova o consentimento",
        table=_TABLE,
        where=_evidence,
    ),
)
