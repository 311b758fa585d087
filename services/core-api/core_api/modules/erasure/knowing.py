"""What a person is known by, gathered before anything is erased, and kept sealed until all is."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.security.sealing import Place
from core_api.modules.anonymisation.service import known_by, known_values
from core_api.modules.audit.former_values import former_values
from core_api.modules.clients.identifiers import identifiers_of
from core_api.modules.erasure import sealed_texts
from core_api.modules.erasure.models import Erasure
from core_api.modules.tickets.erasing import words_of
from core_api.subject_stores import ERASED_NAME, Subject
from shared_schemas.ids import OrganizationId
from shared_schemas.privacy import KnownValues

_TELLING: Final = frozenset({"name", "email", "phone", "document", "external_id"})
_LISTS: Final = {"emails": "address", "phones": "number"}
_FIELD: Final = "erasures.known"


async def subject_of(
    tx: AsyncSession, organization_id: OrganizationId, client_ids: Sequence[UUID]
) -> Subject:
    """The subject with everything known about them: now, and before as the audit log has it."""
    values: set[str] = set()
    for fields in await identifiers_of(tx, organization_id, client_ids):
        values |= _telling(fields.items())
    values |= _telling(await former_values(tx, organization_id, client_ids))
    found = Subject(
        organization_id=organization_id,
        client_ids=tuple(client_ids),
        values=frozenset(values - {ERASED_NAME}),
    )
    return _with_words(found, await words_of(tx, found))


async def sealed_knowledge(tx: AsyncSession, erasure: Erasure) -> bytes:
    """For the erasure's row."""
    found = await subject_of(tx, erasure.organization_id, erasure.client_ids)
    known = await known_values(tx, erasure.organization_id, erasure.client_ids)
    text = json.dumps(
        {
            "values": sorted(found.values),
            "words": sorted(found.ticket_words),
            "known": known.model_dump(mode="json"),
        }
    )
    place = _place(erasure)
    return await sealed_texts.seal(tx, place, erasure.organization_id, erasure.client_id, text)


async def remembered(tx: AsyncSession, erasure: Erasure) -> Subject:
    """The subject as it was known when the erasure began; by ids alone once their key is gone."""
    known = await _opened(tx, erasure)
    return Subject(
        organization_id=erasure.organization_id,
        client_ids=tuple(erasure.client_ids),
        values=frozenset(known["values"]),
        ticket_words=frozenset(known["words"]),
    )


async def remembered_values(tx: AsyncSession, erasure: Erasure) -> KnownValues:
    """The same, whole values only and each by its kind, for who has to find them in texts."""
    known = await _opened(tx, erasure)
    if "known" not in known:  # it began before that was noted
        return known_by(known["values"])
    return KnownValues.model_validate(known["known"])


async def _opened(tx: AsyncSession, erasure: Erasure) -> dict[str, Any]:
    text = await sealed_texts.opened(
        tx, _place(erasure), erasure.organization_id, erasure.known_sealed
    )
    opened: dict[str, Any] = json.loads(text) if text else {"values": [], "words": []}
    return opened


def _with_words(subject: Subject, words: frozenset[str]) -> Subject:
    return Subject(
        organization_id=subject.organization_id,
        client_ids=subject.client_ids,
        values=subject.values,
        ticket_words=words,
    )


def _place(erasure: Erasure) -> Place:
    return Place(erasure.organization_id, erasure.id, _FIELD)


def _telling(fields: Iterable[tuple[str, Any]]) -> set[str]:
    """Names, contacts, numbers and codes. Not where somebody lives: others do, too."""
    values: set[str] = set()
    for name, value in fields:
        if name in _TELLING and isinstance(value, str):
            values.add(value)
        part = _LISTS.get(name)
        if part is not None and isinstance(value, list):
            values |= {entry[part] for entry in value if isinstance(entry.get(part), str)}
    return values
