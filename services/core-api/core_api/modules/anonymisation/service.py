"""What a person is or was known by, as another service that holds texts is told it."""

import re
from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.security.plain_text import plain
from core_api.modules.anonymisation.knowing import known_of, of_field, of_values
from core_api.modules.anonymisation.known import Known
from core_api.modules.anonymisation.recognisers import national_digits
from core_api.modules.audit.former_values import former_values
from core_api.modules.clients.identifiers import identifiers_of
from core_api.subject_stores import ERASED_NAME
from shared_schemas.ids import OrganizationId
from shared_schemas.privacy import KnownPhone, KnownValues


async def known_values(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Collection[UUID]
) -> KnownValues:
    """Of a client and those merged into it, now and before."""
    return _told(await known_of(session, organization_id, client_ids))


async def outdated_values(
    session: AsyncSession, organization_id: OrganizationId, client_ids: Collection[UUID]
) -> KnownValues:
    """What was said of them before and is not said of any of them now."""
    now, before = Known(), Known()
    for fields in await identifiers_of(session, organization_id, client_ids):
        for field, value in fields.items():
            now |= of_field(field, value)
    for field, value in await former_values(session, organization_id, client_ids):
        before |= of_field(field, value)
    written = now.written
    return _told(
        Known(
            **{
                name: frozenset(
                    each
                    for each in getattr(before, name)
                    # "Maria Silva" is not wrong of who is Maria Silva Souza now.
                    if not any(plain(each) in current for current in written)
                )
                for name in ("names", "documents", "emails", "phones", "ceps")
            }
        )
    )


def known_by(values: Iterable[str]) -> KnownValues:
    """Of values whose field is not known: what is nothing else may be a name."""
    known = of_values(values)
    return _told(known | Known(names=known.places))


def _told(known: Known) -> KnownValues:
    return KnownValues(
        names=sorted(known.names - {ERASED_NAME}),
        documents=sorted(known.documents),
        emails=sorted(known.emails),
        phones=[_phone(number) for number in sorted(known.phones)],
        ceps=sorted(known.ceps),
    )


def _phone(number: str) -> KnownPhone:
    country, national = national_digits(number) or ("", re.sub(r"\D", "", number))
    return KnownPhone(country=country, national=national)
