"""Blocking and lifting, in the transaction of one command."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.changes import Change, made
from core_api.modules.blocking.exceptions import (
    BlockLifted,
    BlockNotFound,
    BlockStands,
    OppositionNeedsOtherBasis,
)
from core_api.modules.clients.service import family_of, require_subject
from core_api.modules.consents.ledger_models import BlockCause, ProcessingBlock
from core_api.modules.consents.models import NOBODY, ConsentPurpose, LegalBasis
from core_api.modules.consents.service import PurposeNotFound
from core_api.modules.privacy.sealed_texts import Sealed, SubjectTexts
from core_api.recording import Recorder
from shared_schemas.events import ProcessingBlocked, ProcessingUnblocked
from shared_schemas.ids import OrganizationId, UserId, new_id

__all__ = ["BlockCause", "BlockStands", "Blocking", "ShownBlock", "blocks_of"]

_REASON: Final = "processing_blocks.reason"
_LIFT_REASON: Final = "processing_blocks.lift_reason"


@dataclass(frozen=True, slots=True)
class ShownBlock:
    """A block with the code of its purpose, its reasons open; None once their key is gone."""

    block: ProcessingBlock
    purpose_code: str | None
    reason: str | None = None
    lift_reason: str | None = None


class Blocking:
    """The commands on blocks."""

    def __init__(self, tx: AsyncSession, recorder: Recorder) -> None:
        self.tx = tx
        self.recorder = recorder
        self.texts = SubjectTexts(tx, recorder.organization_id)

    async def block(
        self,
        client_id: UUID,
        cause: BlockCause,
        *,
        purpose_code: str | None = None,
        reason: str | None = None,
        privacy_request_id: UUID | None = None,
    ) -> ShownBlock:
        """From the commit on the data is not used, for the purpose or (None) for any.
        ClientNotFound, ClientMerged, PurposeNotFound, BlockStands, OppositionNeedsOtherBasis."""
        organization_id = self.recorder.organization_id
        await require_subject(self.tx, organization_id, client_id)
        purpose = await self._purpose(purpose_code)
        if (
            cause is BlockCause.OPPOSITION
            and purpose is not None
            and purpose.legal_basis is LegalBasis.CONSENT
        ):
            raise OppositionNeedsOtherBasis
        block = ProcessingBlock(
            id=new_id(),
            organization_id=organization_id,
            client_id=client_id,
            purpose_id=None if purpose is None else purpose.id,
            cause=cause,
            privacy_request_id=privacy_request_id,
            blocked_by=self._who(),
            blocked_at=utc_now(),
        )
        block.reason_sealed = await self.texts.seal(client_id, block.id, _REASON, reason)
        await self._insert(block)
        self.recorder.tell(
            self.tx,
            ProcessingBlocked,
            block_id=block.id,
            client_id=client_id,
            purpose_code=purpose_code,
        )
        await self._note(
            "processing_block.set",
            block,
            made({"cause": cause.value, "purpose_code": purpose_code}),
        )
        return ShownBlock(block, purpose_code, reason)

    async def lift(self, block_id: UUID, reason: str) -> ShownBlock:
        """The data may be used again, unless another block stands. BlockNotFound, BlockLifted."""
        block, purpose_code = await self._get_for_update(block_id)
        if block.lifted_at is not None:
            raise BlockLifted
        block.lifted_at, block.lifted_by = utc_now(), self._who()
        block.lift_reason_sealed = await self.texts.seal(
            block.client_id, block.id, _LIFT_REASON, reason
        )
        self.recorder.tell(
            self.tx,
            ProcessingUnblocked,
            block_id=block.id,
            client_id=block.client_id,
            purpose_code=purpose_code,
        )
        await self._note(
            "processing_block.lifted", block, {"lifted_at": Change(None, block.lifted_at)}
        )
        (shown,) = await _opened(self.tx, self.recorder.organization_id, [(block, purpose_code)])
        return shown

    async def _insert(self, block: ProcessingBlock) -> None:
        try:
            async with self.tx.begin_nested():
                self.tx.add(block)
                await self.tx.flush()
        except IntegrityError as error:
            if "uq_processing_blocks_standing" in str(error.orig):
                raise BlockStands from None
            raise

    async def _purpose(self, code: str | None) -> ConsentPurpose | None:
        if code is None:
            return None
        statement = sa.select(ConsentPurpose).where(
            ConsentPurpose.organization_id == self.recorder.organization_id,
            ConsentPurpose.code == code,
        )
        purpose = (await self.tx.scalars(statement)).one_or_none()
        if purpose is None:
            raise PurposeNotFound
        return purpose

    async def _get_for_update(self, block_id: UUID) -> tuple[ProcessingBlock, str | None]:
        statement = (
            _shown(self.recorder.organization_id)
            .where(ProcessingBlock.id == block_id)
            .with_for_update(of=ProcessingBlock)
        )
        found = (await self.tx.execute(statement)).one_or_none()
        if found is None:
            raise BlockNotFound
        return found[0], found[1]

    async def _note(self, action: str, block: ProcessingBlock, changes: dict[str, Change]) -> None:
        related = {"client_id": block.client_id}
        if block.privacy_request_id is not None:
            related["privacy_request_id"] = block.privacy_request_id
        await self.recorder.note(
            self.tx, action, block.id, changes=changes, about=block.client_id, related=related
        )
        await self.tx.flush()

    def _who(self) -> UserId:
        actor = self.recorder.actor
        return NOBODY if actor is None or actor.user_id is None else actor.user_id


async def blocks_of(
    session: AsyncSession, organization_id: OrganizationId, client_id: UUID
) -> list[ShownBlock]:
    """Of the client and all merged into it: those that stand and those that were lifted, the
    newest first. ClientNotFound."""
    family = await family_of(session, organization_id, client_id)
    statement = (
        _shown(organization_id)
        .where(ProcessingBlock.client_id.in_(family))
        .order_by(ProcessingBlock.blocked_at.desc(), ProcessingBlock.id.desc())
    )
    rows = [(row[0], row[1]) for row in await session.execute(statement)]
    return await _opened(session, organization_id, rows)


def _shown(organization_id: OrganizationId) -> sa.Select[ProcessingBlock, str | None]:
    purpose = sa.and_(
        ConsentPurpose.organization_id == ProcessingBlock.organization_id,
        ConsentPurpose.id == ProcessingBlock.purpose_id,
    )
    return (
        sa.select(ProcessingBlock, ConsentPurpose.code)
        .outerjoin(ConsentPurpose, purpose)
        .where(ProcessingBlock.organization_id == organization_id)
    )


async def _opened(
    session: AsyncSession,
    organization_id: OrganizationId,
    rows: Sequence[tuple[ProcessingBlock, str | None]],
) -> list[ShownBlock]:
    """With their reasons, in one statement."""
    sealed = [
        text
        for block, _ in rows
        for text in (
            Sealed(block.id, _REASON, block.reason_sealed),
            Sealed(block.id, _LIFT_REASON, block.lift_reason_sealed),
        )
    ]
    texts = await SubjectTexts(session, organization_id).open(sealed)
    return [
        ShownBlock(block, code, texts[2 * place], texts[2 * place + 1])
        for place, (block, code) in enumerate(rows)
    ]
