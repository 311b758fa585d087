"""Who is to be told what: a notice for each recipient the client's data was shared with.

It follows from events, so that whatever corrects, deletes, anonymises or blocks need not know; it
may be told any number of times and writes each notice once.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from core_api.business_days import business_days_after
from core_api.modules.audit import service as audit
from core_api.modules.consents.reading import LegalBasis, all_purposes, consented_purposes
from core_api.modules.deadlines.service import DeadlineKind, Deadlines, DeadlineSubject
from core_api.modules.deliveries.service import DeliveryKind, enqueue_all
from core_api.modules.privacy.service import RequestNotFound, RequestType, request_of
from core_api.modules.recipients.addresses import known_addresses, nowhere
from core_api.modules.recipients.models import Act, NoticeState
from core_api.modules.recipients.repository import RecipientNotices
from core_api.modules.transfers.service import registered_transfers
from shared_schemas.events import (
    PrivacyDataAnonymized,
    PrivacyDataCorrected,
    PrivacyErasureRequested,
    ProcessingBlocked,
    ProcessingUnblocked,
)
from shared_schemas.events.base import BaseEvent
from shared_schemas.ids import OrganizationId, new_id

_log = structlog.get_logger(__name__)

WITHIN: Final = 1
"""Business days. "At once" says the law (Art. 18 § 6); overdue after the next one."""


@dataclass(kw_only=True)
class _Recipient:
    """Whom, as what, and for which purposes."""

    name: str
    role: str
    country: str | None = None
    purpose_codes: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class _Telling:
    """What is to be told of whose data."""

    act: Act
    cause_id: UUID
    client_id: UUID
    client_ids: Sequence[UUID]
    fields: Sequence[str] = ()
    purpose_code: str | None = None


async def follow_block(tx: AsyncSession, event: ProcessingBlocked) -> None:
    """Recipients are to block as well."""
    said = event.payload
    await _tell(
        tx, event, _of_block(Act.BLOCKING, said.block_id, said.client_id, said.purpose_code)
    )


async def follow_unblock(tx: AsyncSession, event: ProcessingUnblocked) -> None:
    """Recipients may use the data again."""
    said = event.payload
    telling = _of_block(Act.UNBLOCKING, said.block_id, said.client_id, said.purpose_code)
    await _tell(tx, event, telling)


async def follow_erasure(tx: AsyncSession, event: PrivacyErasureRequested) -> None:
    """Recipients are told when it begins: afterwards nobody could say whom it is about. A replay
    after a restore was told already."""
    said = event.payload
    if said.mode != "erasure":
        return
    telling = _Telling(
        act=await _destroying(tx, event.organization_id, said.privacy_request_id),
        cause_id=said.privacy_request_id,
        client_id=said.client_id,
        client_ids=said.subjects,
    )
    await _tell(tx, event, telling)


async def _destroying(
    tx: AsyncSession, organization_id: OrganizationId, privacy_request_id: UUID
) -> Act:
    """Who is anonymised is erased elsewhere, too: recipients are told what was asked for."""
    try:
        request = await request_of(tx, organization_id, privacy_request_id)
    except RequestNotFound:
        return Act.DELETION
    anonymised = request.type is RequestType.ANONYMIZATION
    return Act.ANONYMISATION if anonymised else Act.DELETION


async def follow_correction(tx: AsyncSession, event: PrivacyDataCorrected) -> None:
    """Recipients are to correct as well."""
    said = event.payload
    telling = _Telling(
        act=Act.CORRECTION,
        # One without a request is a cause of its own.
        cause_id=said.privacy_request_id or event.event_id,
        client_id=said.client_id,
        client_ids=[said.client_id],
        fields=said.changed,
    )
    await _tell(tx, event, telling)


async def follow_anonymisation(tx: AsyncSession, event: PrivacyDataAnonymized) -> None:
    """Recipients are to anonymise as well; most have been told when it began."""
    said = event.payload
    telling = _Telling(
        act=Act.ANONYMISATION,
        cause_id=said.privacy_request_id or event.event_id,
        client_id=said.client_id,
        client_ids=[said.client_id, *said.client_ids],
    )
    await _tell(tx, event, telling)


def _of_block(act: Act, block_id: UUID, client_id: UUID, purpose_code: str | None) -> _Telling:
    return _Telling(
        act=act,
        cause_id=block_id,
        client_id=client_id,
        client_ids=[client_id],
        purpose_code=purpose_code,
    )


async def _tell(tx: AsyncSession, event: BaseEvent, telling: _Telling) -> None:
    """A notice for each recipient, due at once."""
    organization_id = event.organization_id
    recipients = await _recipients(tx, organization_id, telling)
    if not recipients:
        return
    now = utc_now()
    due_at = business_days_after(now, WITHIN)
    rows = [
        {
            "id": new_id(),
            "organization_id": organization_id,
            "client_id": telling.client_id,
            "act": telling.act,
            "cause_id": telling.cause_id,
            "fields": list(telling.fields),
            "recipient": each.name,
            "recipient_role": each.role,
            "country": each.country,
            "purpose_codes": each.purpose_codes,
            "state": NoticeState.PENDING,
            "due_at": due_at,
            "created_at": now,
            "updated_at": now,
        }
        for each in recipients
    ]
    added = await RecipientNotices(tx, organization_id).add(rows)
    deadlines = Deadlines(tx, organization_id)
    await _have_sent(tx, organization_id, telling.client_id, added)
    for notice_id in added:
        await deadlines.set(
            DeadlineSubject.RECIPIENT_NOTICE,
            notice_id,
            DeadlineKind.DELIVERY,
            started_at=now,
            due_at=due_at,
        )
        audit.record_by_system(
            tx,
            organization_id,
            "recipient_notice.raised",
            notice_id,
            reason="dados compartilhados foram alterados, excluídos ou bloqueados",
            run_id=event.correlation_id,
            about=telling.client_id,
            related={"cause_id": telling.cause_id},
        )
    _log.info("recipients_to_tell", act=telling.act.value, notices=len(added))


async def _have_sent(
    tx: AsyncSession, organization_id: OrganizationId, client_id: UUID, added: Mapping[UUID, str]
) -> None:
    """By e-mail where an address is known; of the others it is seen at once that none is."""
    known = await known_addresses(tx, organization_id) if added else {}
    kind = DeliveryKind.RECIPIENT_NOTICE
    reached = {notice_id for notice_id, name in added.items() if name.casefold() in known}
    for notice_ids, why_not in ((reached, None), (added.keys() - reached, nowhere())):
        wanted = [(notice_id, client_id) for notice_id in notice_ids]
        await enqueue_all(tx, organization_id, kind, wanted, why_not=why_not)


async def _recipients(
    tx: AsyncSession, organization_id: OrganizationId, telling: _Telling
) -> list[_Recipient]:
    """With whom the data was shared: of purposes on consent only where it was ever given."""
    given = await consented_purposes(tx, organization_id, telling.client_ids)
    purposes = [
        purpose
        for purpose in await all_purposes(tx, organization_id, archived=True)
        if (purpose.legal_basis is not LegalBasis.CONSENT or purpose.id in given)
        and telling.purpose_code in (None, purpose.code)
    ]
    codes = {purpose.code for purpose in purposes}
    found: dict[str, _Recipient] = {}
    for purpose in purposes:
        _collect(found, purpose.code, _named(purpose))
    for transfer in await registered_transfers(tx, organization_id):
        abroad = _Recipient(name=transfer.importer_name, role="importer", country=transfer.country)
        for code in sorted(codes.intersection(transfer.purpose_codes)):
            _collect(found, code, [abroad])
    return list(found.values())


def _named(purpose: Any) -> Iterable[_Recipient]:
    """Those the purpose names itself."""
    for each in purpose.recipients:
        yield _Recipient(name=each["name"], role=each["role"])
    for each in purpose.transfers:
        yield _Recipient(name=each["recipient"], role="importer", country=each["country"])


def _collect(found: dict[str, _Recipient], code: str, named: Iterable[_Recipient]) -> None:
    """Each recipient once, however many purposes name them."""
    for each in named:
        known = found.setdefault(each.name.casefold(), each)
        if code not in known.purpose_codes:
            known.purpose_codes.append(code)
