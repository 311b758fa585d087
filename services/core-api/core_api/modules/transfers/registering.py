"""The commands on the register: entering, changing, authorising, suspending and ending transfers.

Every one of them tells what may go where from now on (`transfer.changed`).
"""

from datetime import MAXYEAR
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from chassis.web.errors import InvalidInput
from chassis.web.etag import check_version
from core_api.business_days import end_of, today
from core_api.changes import Changes, made
from core_api.modules.audit import service as audit
from core_api.modules.consents.reading import require_purposes
from core_api.modules.deadlines.service import DeadlineKind, Deadlines, DeadlineSubject
from core_api.modules.transfers.exceptions import (
    MechanismUnproven,
    TransferMoveRefused,
    TransferNotYetValid,
)
from core_api.modules.transfers.models import InternationalTransfer, TransferStatus
from core_api.modules.transfers.repository import Transfers
from core_api.modules.transfers.schemas import TransferCreate
from shared_schemas.actor import Actor
from shared_schemas.events import TransferChanged
from shared_schemas.ids import new_id

_FROM: Final = {
    TransferStatus.AUTHORISED: {TransferStatus.DRAFT, TransferStatus.SUSPENDED},
    TransferStatus.SUSPENDED: {TransferStatus.AUTHORISED},
    TransferStatus.ENDED: {
        TransferStatus.DRAFT,
        TransferStatus.AUTHORISED,
        TransferStatus.SUSPENDED,
    },
}


_DAYS: Final = ("valid_from", "valid_until")


class TransferService:
    """In the transaction of one request."""

    def __init__(self, tx: AsyncSession, actor: Actor) -> None:
        self.tx = tx
        self.actor = actor
        self.transfers = Transfers(tx, actor.organization_id)

    async def register(self, given: TransferCreate) -> InternationalTransfer:
        """A new entry: nothing goes by it yet."""
        values = given.model_dump()
        _check_days(values)
        await require_purposes(self.tx, self.actor.organization_id, given.purpose_codes)
        transfer = InternationalTransfer(
            id=new_id(),
            organization_id=self.actor.organization_id,
            status=TransferStatus.DRAFT,
            **values,
        )
        self.tx.add(transfer)
        await self._note(transfer, "transfer.registered", made(values))
        return transfer

    async def change(
        self, transfer_id: UUID, values: dict[str, Any], seen_version: int | None
    ) -> InternationalTransfer:
        """What was authorised stays authorised, as it is from now on."""
        transfer = await self._editable(transfer_id, seen_version)
        _check_days({name: getattr(transfer, name) for name in _DAYS} | values)
        if "purpose_codes" in values:
            codes = values["purpose_codes"]
            await require_purposes(self.tx, self.actor.organization_id, codes)
        changes = transfer.change(values)
        if transfer.status is TransferStatus.AUTHORISED:
            _check_grounds(transfer)
        if changes:
            await self._note(transfer, "transfer.updated", changes)
        return transfer

    async def move(
        self, transfer_id: UUID, status: TransferStatus, reason: str, seen_version: int | None
    ) -> InternationalTransfer:
        """Authorises, suspends or ends it. From the next call on data goes, or goes no longer."""
        transfer = await self._editable(transfer_id, seen_version)
        if transfer.status not in _FROM[status]:
            raise TransferMoveRefused(transfer.status)
        if status is TransferStatus.AUTHORISED:
            _check_grounds(transfer)
        changes = transfer.change(
            {
                "status": status,
                "status_reason": reason,
                "status_by": self.actor.user_id,
                "status_at": utc_now(),
            }
        )
        await self._note(transfer, f"transfer.{status.value}", changes)
        return transfer

    async def _editable(self, transfer_id: UUID, seen_version: int | None) -> InternationalTransfer:
        transfer = await self.transfers.get(transfer_id, lock=True)
        check_version(transfer.version, seen_version)
        if transfer.status is TransferStatus.ENDED:
            raise TransferMoveRefused(transfer.status)
        return transfer

    async def _note(self, transfer: InternationalTransfer, action: str, changes: Changes) -> None:
        await self.tx.flush()
        await audit.record(self.tx, self.actor, action, transfer.id, changes=changes)
        await self._follow(transfer)
        outbox.add(self.tx, changed_event(transfer, self.actor))

    async def _follow(self, transfer: InternationalTransfer) -> None:
        """What ends by itself is warned of before."""
        deadlines = Deadlines(self.tx, self.actor.organization_id)
        if transfer.status is TransferStatus.AUTHORISED and transfer.valid_until is not None:
            await deadlines.set(
                DeadlineSubject.TRANSFER,
                transfer.id,
                DeadlineKind.VALIDITY,
                started_at=transfer.status_at or utc_now(),
                due_at=end_of(transfer.valid_until),
            )
        else:
            await deadlines.end(transfer.id, at=utc_now(), waived=True)


def changed_event(transfer: InternationalTransfer, actor: Actor) -> TransferChanged:
    """What may go to the provider from now on."""
    return TransferChanged.by(
        actor,
        transfer_id=transfer.id,
        provider=transfer.provider,
        country=transfer.country,
        mechanism=transfer.mechanism.value,
        purpose_codes=tuple(transfer.purpose_codes),
        allowed=transfer.allowed_on(today(utc_now())),
        valid_until=transfer.valid_until,
        version=transfer.version,
    )


def _check_grounds(transfer: InternationalTransfer) -> None:
    if not transfer.mechanism_reference:
        raise MechanismUnproven
    if transfer.valid_from > today(utc_now()):
        raise TransferNotYetValid


def _check_days(values: dict[str, Any]) -> None:
    if values["valid_until"] is not None and values["valid_until"].year == MAXYEAR:
        raise InvalidInput.on("body.valid_until", "Sem data de fim, deixe a validade em branco.")
    if values["valid_until"] is not None and values["valid_until"] < values["valid_from"]:
        raise InvalidInput.on("body.valid_until", "A validade termina antes de começar.")
