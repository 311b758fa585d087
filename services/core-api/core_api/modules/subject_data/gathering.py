"""Collecting what is kept about a person: from our own tables, and from the other services."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final
from uuid import UUID

import sqlalchemy as sa
import structlog
from pydantic import TypeAdapter, ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.http.service_client import ServiceClient
from chassis.web.errors import Unavailable
from core_api.folding import fold
from core_api.modules.consents.told_purposes import (
    ROLE_NAMES,
    ToldPurpose,
    told_purposes,
)
from core_api.modules.officers.service import officer_line, responsible_of
from core_api.modules.subject_data.documents import (
    Controller,
    PurposeTold,
    RecipientTold,
    SectionTold,
    TransferTold,
)
from core_api.modules.subject_data.registry import SECTIONS
from core_api.modules.transfers.service import transfers_in_force
from core_api.privacy_wording import SAFEGUARDS
from core_api.subject_sections import Subject
from core_api.tables import SCHEMA
from shared_schemas.envelope import Success
from shared_schemas.ids import OrganizationId
from shared_schemas.privacy import DataSection, SubjectData, SubjectDataQuery

_log = structlog.get_logger(__name__)

OWN_NAME: Final = "core-api"
PATH: Final = "/internal/v1/privacy/subject-data"
_CRITERIA: Final = "Usado só para as finalidades indicadas, e apagado ou anonimizado depois delas."
_PAGE_RECORDS: Final = 500
_MOST_PAGES: Final = 2_000
_SECONDS: Final = 30.0
_READ: Final = TypeAdapter(Success[SubjectData])
_UUID: Final = sa.Uuid()
# Columns alone: these are the business of their own contexts.
_ORGANIZATIONS: Final = sa.table(
    "organizations",
    sa.column("organization_id", _UUID),
    sa.column("name", sa.Text()),
    schema=SCHEMA,
)
_CLIENTS: Final = sa.table(
    "clients",
    *(sa.column(name, _UUID) for name in ("organization_id", "id", "merged_into_id")),
    schema=SCHEMA,
)


class NotReadable(Unavailable):
    """A service answered what its contract does not allow."""


@dataclass(frozen=True, slots=True)
class Own:
    """What core-api itself keeps, read in one state of the database."""

    controller: Controller
    purposes: Sequence[ToldPurpose]
    transfers: Mapping[str, Sequence[TransferTold]]
    """By purpose, of the register."""
    sections: Sequence[DataSection]


async def family_with_deleted(
    session: AsyncSession, organization_id: OrganizationId, client_id: UUID
) -> list[UUID]:
    """The client and all merged into it; also one that is deleted and not erased yet, for what is
    kept is owed to the person."""
    mine = _CLIENTS.c.organization_id == organization_id
    root = (
        sa.select(sa.func.coalesce(_CLIENTS.c.merged_into_id, _CLIENTS.c.id))
        .where(mine, _CLIENTS.c.id == client_id)
        .scalar_subquery()
    )
    statement = sa.union(
        sa.select(_CLIENTS.c.id).where(mine, _CLIENTS.c.id == root),
        sa.select(_CLIENTS.c.id).where(mine, _CLIENTS.c.merged_into_id == root),
    )
    return list((await session.scalars(statement)).all())


async def own_data(session: AsyncSession, subject: Subject) -> Own:
    """Everything of core-api's, in a fixed number of statements."""
    tenant = subject.organization_id
    purposes = await told_purposes(session, tenant, subject.family)
    return Own(
        controller=await controller_of(session, tenant),
        purposes=purposes,
        transfers=await transfers_to(session, tenant, purposes),
        sections=[await source.load(session, subject) for source in SECTIONS],
    )


async def own_counts(session: AsyncSession, subject: Subject) -> dict[str, int]:
    """How many records each of core-api's sections has, by their labels; only those with any."""
    counts = {source.label: await source.count(session, subject) for source in SECTIONS}
    return {label: count for label, count in counts.items() if count}


async def controller_of(session: AsyncSession, organization_id: OrganizationId) -> Controller:
    """Who decides about the data, and whom to turn to today."""
    responsible = await responsible_of(session, organization_id)
    profile = responsible.profile
    name = sa.select(_ORGANIZATIONS.c.name).where(
        _ORGANIZATIONS.c.organization_id == organization_id
    )
    return Controller(
        name=await session.scalar(name) or "" if profile is None else profile.legal_name,
        tax_id=None if profile is None else profile.tax_id,
        contact=None if profile is None else profile.subject_channel,
        officers=[officer_line(officer) for officer in responsible.officers],
    )


async def transfers_to(
    session: AsyncSession, organization_id: OrganizationId, purposes: Sequence[ToldPurpose]
) -> dict[str, list[TransferTold]]:
    """By purpose what the register of transfers allows today; an entry that names no purpose is of
    all of them."""
    told: dict[str, list[TransferTold]] = {purpose.code: [] for purpose in purposes}
    for transfer in await transfers_in_force(session, organization_id):
        for code in transfer.purpose_codes or told:
            if code in told:
                told[code].append(
                    TransferTold(
                        recipient=transfer.importer_name,
                        country=transfer.country,
                        safeguard=SAFEGUARDS[transfer.mechanism.value],
                    )
                )
    return told


async def others_data(
    client: ServiceClient, subject: Subject, request_id: str
) -> list[DataSection]:
    """The sections of another service, pages joined. Not inside a transaction. Unavailable when it
    does not answer, or not as agreed."""
    joined: dict[str, DataSection] = {}
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        page = await _page(client, subject, cursor, request_id)
        for section in page.sections:
            before = joined.get(section.name)
            joined[section.name] = section if before is None else _together(before, section)
        if page.next_cursor is None:
            return list(joined.values())
        if page.next_cursor == cursor:
            break
        cursor = page.next_cursor
    _log.error("subject_data_never_ends", request_id=request_id)
    raise NotReadable


def told_section(
    service: str, section: DataSection, purposes: Sequence[ToldPurpose]
) -> SectionTold:
    """As the document has it, with the purposes that use such data."""
    return SectionTold(
        service=service,
        name=section.name,
        label=section.label,
        origin=section.origin,
        criteria=section.criteria or _CRITERIA,
        purpose_codes=_purposes_of(service, section, purposes),
        fields=section.field_labels,
        records=section.records,
    )


def told_purpose(purpose: ToldPurpose, registered: Sequence[TransferTold]) -> PurposeTold:
    """As the document has it; `registered`: what the register of transfers says of it."""
    return PurposeTold(
        code=purpose.code,
        name=purpose.name,
        description=purpose.description,
        legal_basis=purpose.basis,
        data_categories=list(purpose.data_categories),
        retention=purpose.retention,
        recipients=[
            RecipientTold(
                name=each["name"],
                role=ROLE_NAMES.get(each["role"], each["role"]),
                what_for=each["what_for"],
            )
            for each in purpose.recipients
        ],
        transfers=_each_once(
            [
                *(
                    TransferTold(
                        recipient=each["recipient"],
                        country=each["country"],
                        safeguard=SAFEGUARDS.get(each["safeguard"], each["safeguard"]),
                    )
                    for each in purpose.transfers
                ),
                *registered,
            ]
        ),
        assistant_may_use=purpose.assistant_may_use,
        uses_your_data=purpose.uses_data,
        your_decision=purpose.decision,
    )


def _each_once(transfers: Sequence[TransferTold]) -> list[TransferTold]:
    """A purpose may say itself what the register says, too."""
    known = {(each.recipient, each.country): each for each in reversed(transfers)}
    return list(reversed(known.values()))


async def _page(
    client: ServiceClient, subject: Subject, cursor: str | None, request_id: str
) -> SubjectData:
    query = SubjectDataQuery(
        organization_id=subject.organization_id,
        client_ids=list(subject.family),
        limit=_PAGE_RECORDS,
        cursor=cursor,
    )
    answer = await client.request(
        "POST",
        PATH,
        request_id=request_id,
        json=query.model_dump(mode="json"),
        timeout_seconds=_SECONDS,
    )
    if answer.status_code != 200:
        _log.warning("subject_data_refused", status=answer.status_code, request_id=request_id)
        raise NotReadable
    try:
        return _READ.validate_json(answer.content).data
    except ValidationError as error:  # its text would quote somebody's data
        _log.warning("subject_data_not_readable", faults=error.error_count(), request_id=request_id)
        raise NotReadable from None


def _together(before: DataSection, after: DataSection) -> DataSection:
    return before.model_copy(
        update={
            "field_labels": {**before.field_labels, **after.field_labels},
            "purpose_codes": list(dict.fromkeys([*before.purpose_codes, *after.purpose_codes])),
            "records": [*before.records, *after.records],
        }
    )


_CATEGORIES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {source.name: source.categories for source in SECTIONS}
)


def _purposes_of(service: str, section: DataSection, purposes: Sequence[ToldPurpose]) -> list[str]:
    """Those the service names; of our own sections those whose categories of data it is, and those
    that name none, for they may use any."""
    if section.purpose_codes or service != OWN_NAME:
        return list(section.purpose_codes)
    mine = _CATEGORIES[section.name]
    return [
        purpose.code
        for purpose in purposes
        if purpose.uses_data
        and (not purpose.data_categories or mine & set(map(fold, purpose.data_categories)))
    ]
