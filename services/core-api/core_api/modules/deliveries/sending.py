"""The queue of mails as its owner sees it: a worker claims and sends, this side says what, and
takes down what became of it, under the delivery's fence.

Deliveries are locked before what they are of: who calls one off does the same.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.messaging.backoff import Backoff
from chassis.messaging.job_queue import ClaimedJob, JobQueue, JobState, LeaseLost
from core_api.changes import Change, made
from core_api.modules.audit import service as audit
from core_api.modules.deliveries.addressing import usable_address
from core_api.modules.deliveries.exceptions import DeliveryLeaseLost, DeliveryNotFound
from core_api.modules.deliveries.models import OWNERS, Delivery, DeliveryKind
from core_api.modules.deliveries.schemas import (
    UNCONFIRMED,
    DeliveryBegun,
    DeliveryNotSent,
    DeliverySent,
    HeldDelivery,
    MailToSend,
)
from core_api.modules.deliveries.sources import Held, MailSource, NotToBeSent, Withdrawn
from core_api.modules.officers.service import responsible_of
from core_api.tables import SCHEMA
from shared_schemas.ids import OrganizationId

GIVE_UP_AFTER: Final = timedelta(days=5)
"""As long as mail servers try (RFC 5321, 4.5.4.1). What is older tells nobody anything new."""
_AGAIN: Final = Backoff(first=timedelta(minutes=1), longest=timedelta(hours=2))
_EXPIRED: Final = NotToBeSent(
    "EXPIRED", "A mensagem não saiu em cinco dias. Avise o destinatário por outro meio."
)
_OVERTAKEN: Final = Withdrawn("SENT_BY_A_PERSON", UNCONFIRMED)
_REASON: Final = "envio de mensagens por e-mail"
_TABLE: Final = Delivery.__table__
# A column alone: organizations are the business of their own context.
_ORGANIZATIONS: Final = sa.table(
    "organizations",
    sa.column("organization_id", sa.Uuid()),
    sa.column("name", sa.Text()),
    schema=SCHEMA,
)


@dataclass(frozen=True, slots=True)
class _Fenced:
    """One delivery in the transaction that holds it."""

    tx: AsyncSession
    job: ClaimedJob
    row: Any
    source: MailSource
    held: Held


class MailQueue:
    """For worker-svc, delivery by delivery."""

    def __init__(self, database: Database, sources: Sequence[MailSource]) -> None:
        self._database = database
        self._queue = JobQueue(database, _TABLE, backoff=_AGAIN)
        self._sources: Mapping[DeliveryKind, MailSource] = {each.kind: each for each in sources}

    async def begin(self, held: HeldDelivery, delivery_id: UUID, run_id: str) -> DeliveryBegun:
        """The mail as it is to be sent now; none where it is not to be, which is taken down.
        DeliveryNotFound, DeliveryLeaseLost."""
        async with self._fenced(held, delivery_id, run_id) as fenced:
            if fenced.row.sent_at is not None:  # who held it before has said so since
                await self._succeed(fenced)
                return DeliveryBegun(mail=None)
            try:
                if fenced.row.called_off_at is not None:
                    raise _OVERTAKEN
                if fenced.row.created_at < utc_now() - GIVE_UP_AFTER:
                    raise _EXPIRED
                return DeliveryBegun(mail=await _mail(fenced))
            except NotToBeSent as refusal:
                await self._end(fenced, refusal)
                return DeliveryBegun(mail=None)

    async def sent(self, said: DeliverySent, delivery_id: UUID, run_id: str) -> None:
        """It went out: true whoever holds it by now. DeliveryNotFound, DeliveryLeaseLost for a
        lease that nobody was given."""
        try:
            async with self._fenced(said, delivery_id, run_id) as fenced:
                await self._succeed(await _proven(fenced, said))
        except DeliveryLeaseLost:
            await self._sent_late(said, delivery_id, run_id)

    async def not_sent(self, said: DeliveryNotSent, delivery_id: UUID, run_id: str) -> None:
        """It did not go out: it is tried again later, or a person has to see to it.
        DeliveryNotFound, DeliveryLeaseLost."""
        async with self._fenced(said, delivery_id, run_id) as fenced:
            if fenced.row.sent_at is not None:
                await self._succeed(fenced)
                return
            if fenced.row.called_off_at is not None:
                await self._end(fenced, _OVERTAKEN)
                return
            if self._queue.state_after_failure(fenced.job, retry=said.retry) is JobState.FAILED:
                await self._end(fenced, NotToBeSent(said.code, said.message))
                return
            await self._queue.fail_within(
                fenced.tx, fenced.job, said.code, said.message, retry=True
            )

    @asynccontextmanager
    async def _fenced(
        self, held: HeldDelivery, delivery_id: UUID, run_id: str
    ) -> AsyncIterator[_Fenced]:
        claimed = ClaimedJob(
            delivery_id, held.organization_id, held.lease_token, attempts=1, max_attempts=1
        )
        try:
            async with self._queue.fenced(claimed) as tx:
                row = await _row(tx, held.organization_id, delivery_id)
                yield self._of(tx, row, held, run_id)
        except LeaseLost:
            async with self._database.transaction(held.organization_id, read_only=True) as tx:
                known = await _row(tx, held.organization_id, delivery_id)
            raise (DeliveryNotFound if known is None else DeliveryLeaseLost) from None

    def _of(self, tx: AsyncSession, row: Any, held: HeldDelivery, run_id: str) -> _Fenced:
        kind = DeliveryKind(row.kind)
        return _Fenced(
            tx=tx,
            job=ClaimedJob(
                row.id,
                held.organization_id,
                held.lease_token,
                attempts=row.attempts,
                max_attempts=row.max_attempts,
            ),
            row=row,
            source=self._sources[kind],
            held=Held(
                organization_id=held.organization_id,
                id=row.id,
                owner_id=getattr(row, OWNERS[kind][0]),
                client_id=row.client_id,
                run_id=run_id,
            ),
        )

    async def _succeed(self, fenced: _Fenced) -> None:
        await self._queue.complete(fenced.tx, fenced.job)
        await _tell_sent(fenced)

    async def _sent_late(self, said: DeliverySent, delivery_id: UUID, run_id: str) -> None:
        """By who has lost it since. Who sends it just now has its words, and ends it; otherwise it
        has ended, also where it had ended otherwise."""
        async with self._database.transaction(said.organization_id) as tx:
            row = await _row(tx, said.organization_id, delivery_id, lock=True)
            if row is None:
                raise DeliveryNotFound
            if said.lease_token > row.lease_token:
                raise DeliveryLeaseLost
            if row.sent_at is not None:
                return
            fenced = await _proven(self._of(tx, row, said, run_id), said)
            if (await tx.execute(_ending(fenced))).first() is not None:
                await _tell_sent(fenced)

    async def _end(self, fenced: _Fenced, why: NotToBeSent) -> None:
        """For good. Who is not to get it any more is told of by nobody."""
        if isinstance(why, Withdrawn):
            await self._queue.cancel(fenced.tx, fenced.held.id)
            cause = {"error_code": why.code, "error_message": str(why)}
            await fenced.tx.execute(
                sa.update(_TABLE).where(_TABLE.c.id == fenced.held.id).values(cause)
            )
            _note(fenced, "delivery.withdrawn", {"error_code": Change(None, why.code)})
            return
        await self._queue.fail_within(fenced.tx, fenced.job, why.code, str(why), retry=False)
        await fenced.source.failed(fenced.tx, fenced.held, utc_now())
        _note(fenced, "delivery.failed", {"error_code": Change(None, why.code)})


async def _row(
    tx: AsyncSession, organization_id: OrganizationId, delivery_id: UUID, *, lock: bool = False
) -> Any:
    statement = sa.select(_TABLE).where(
        _TABLE.c.organization_id == organization_id, _TABLE.c.id == delivery_id
    )
    if lock:
        statement = statement.with_for_update()
    return (await tx.execute(statement)).one_or_none()


async def _proven(fenced: _Fenced, said: DeliverySent) -> _Fenced:
    """With what proves that it went out. What was said first stays."""
    at = min(said.sent_at, utc_now())  # clocks may differ
    proof = {
        "message_id": sa.func.coalesce(_TABLE.c.message_id, said.message_id),
        "sent_at": sa.func.coalesce(_TABLE.c.sent_at, at),
    }
    statement = sa.update(_TABLE).where(_TABLE.c.id == fenced.held.id).values(proof)
    row = (await fenced.tx.execute(statement.returning(*_TABLE.c))).one()
    return replace(fenced, row=row)


def _ending(fenced: _Fenced) -> sa.UpdateBase:
    """Ends what nobody sends just now. Not where the same has been queued again since: that one
    counts then, and this one keeps the proof."""
    mine, other = _TABLE.c, sa.alias(_TABLE)
    owner = OWNERS[fenced.source.kind][0]
    being_sent = sa.and_(
        mine.state == JobState.PROCESSING,
        mine.lease_token != fenced.job.lease_token,
        mine.lease_expires_at > sa.func.clock_timestamp(),
    )
    again = sa.exists().where(
        other.c.organization_id == fenced.held.organization_id,
        other.c.client_id == fenced.held.client_id,
        other.c[owner] == fenced.held.owner_id,
        other.c.id != fenced.held.id,
        other.c.state.in_((JobState.PENDING, JobState.PROCESSING, JobState.SUCCEEDED)),
    )
    now = sa.func.clock_timestamp()
    return (
        sa.update(_TABLE)
        .where(mine.id == fenced.held.id, ~being_sent, ~again)
        .values(
            state=JobState.SUCCEEDED,
            percent=100,
            finished_at=now,
            updated_at=now,
            **dict.fromkeys(("error_code", "error_message", "leased_by", "lease_expires_at")),
        )
        .returning(mine.id)
    )


async def _tell_sent(fenced: _Fenced) -> None:
    at, message_id = fenced.row.sent_at, fenced.row.message_id
    await fenced.source.sent(fenced.tx, fenced.held, at, message_id)
    _note(fenced, "delivery.sent", made({"message_id": message_id, "sent_at": at}))


async def _mail(fenced: _Fenced) -> MailToSend:
    """With who sends it and who answers for personal data, as they stand today."""
    tx, organization_id = fenced.tx, fenced.held.organization_id
    mail = await fenced.source.mail(tx, fenced.held)
    responsible = await responsible_of(tx, organization_id)
    name = await tx.scalar(
        sa.select(_ORGANIZATIONS.c.name).where(_ORGANIZATIONS.c.organization_id == organization_id)
    )
    sender = responsible.profile.legal_name if responsible.profile is not None else name or ""
    contact = responsible.contact
    signature = "\n".join(
        part
        for part in (
            sender,
            contact and f"Encarregado pelo tratamento de dados pessoais: {contact}",
        )
        if part
    )
    officer = responsible.officers[0].email if responsible.officers else None
    try:
        reply_to = usable_address(officer) if officer else None
    except NotToBeSent:
        reply_to = None  # their mistake is no reason to tell the subject nothing
    return MailToSend(
        to=mail.to,
        subject=mail.subject,
        text=mail.text if mail.signed else f"{mail.text.rstrip()}\n\n-- \n{signature}\n",
        sender_name=sender,
        reply_to=reply_to,
    )


def _note(fenced: _Fenced, action: str, changes: Mapping[str, Change]) -> None:
    held, kind = fenced.held, fenced.source.kind
    audit.record_by_system(
        fenced.tx,
        held.organization_id,
        action,
        held.id,
        changes=changes,
        reason=_REASON,
        run_id=held.run_id,
        about=held.client_id,
        related={"client_id": held.client_id, OWNERS[kind][0]: held.owner_id},
    )
