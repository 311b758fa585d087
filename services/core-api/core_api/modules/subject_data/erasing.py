"""Copies of a person's data, and what answers said: objects first, proven gone, then their rows."""

from dataclasses import dataclass
from typing import Final, cast

import sqlalchemy as sa

from chassis.data.object_storage import ObjectMissing, ObjectStorage
from core_api.modules.privacy.erasing import requests_of
from core_api.modules.subject_data.forgetting import count_copies, forget_copies, object_keys
from core_api.modules.subject_data.models import SubjectDataAnswer, SubjectDataFile
from core_api.subject_stores import KeptRows, Store, Subject, Tally, Workshop
from shared_schemas.privacy import StoreAction

_ANSWERS: Final = cast("sa.Table", SubjectDataAnswer.__table__)
FILES: Final = cast("sa.Table", SubjectDataFile.__table__)


class CopyStillThere(Exception):
    """It was deleted, and the storage still has it."""


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Files to be fetched by the subject, and answers."""

    name: str = "subject_data_files"
    label: str = "Cópias de dados feitas para o titular e respostas dadas"
    action: StoreAction = StoreAction.ERASE
    ground: None = None

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """Files, and answers that still say something."""
        async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
            return await count_copies(tx, subject.organization_id, subject.client_ids)

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """All of them: they are a few dozen."""
        async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
            keys = await object_keys(tx, subject.organization_id, subject.client_ids)
        for key in keys:
            await _delete(workshop.storage, key)
        async with workshop.database.transaction(subject.organization_id) as tx:
            gone = await forget_copies(tx, subject.organization_id, subject.client_ids)
            if gone:
                await tally(tx, gone)
        return gone

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Counts again; that objects are gone was asked of the storage before their rows went."""
        return await self.count(workshop, subject)


async def _delete(storage: ObjectStorage, key: str) -> None:
    await storage.delete(key)
    try:
        await storage.open(key)
    except ObjectMissing:
        return
    raise CopyStillThere(key)


SUBJECT_DATA_STORES: Final[tuple[Store, ...]] = (
    Copies(),
    KeptRows(
        name="subject_data_answers",
        label="Respostas a pedidos do titular (andamento e datas)",
        ground="LGPD, art. 6º, X, e art. 16, I: prova do atendimento ao titular",
        table=_ANSWERS,
        where=lambda subject: _ANSWERS.c.request_id.in_(requests_of(subject)),
    ),
)
