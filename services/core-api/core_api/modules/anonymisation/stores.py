"""Free text of tickets: what anonymising does in the place of erasing, store by store.

Words stay, identifiers go. Everything else a person is known by goes as it does when somebody is
erased, by the same stores (`erasure_stores`).
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.security.plain_text import plain
from core_api.modules.anonymisation.knowing import known_of, of_values
from core_api.modules.anonymisation.known import Known
from core_api.modules.anonymisation.scrubbing import Scrubber
from core_api.modules.attachments.erasing import AttachedFiles
from core_api.modules.tickets.anonymising import (
    MESSAGES,
    REVISIONS,
    TICKETS,
    Texts,
    find_anew,
    found_by_more,
)
from core_api.subject_stores import ERASED_NAME, Store, Subject, Tally, Workshop
from shared_schemas.privacy import StoreAction

_FIRST: Final = UUID(int=0)
_Whose = tuple[UUID, tuple[UUID, ...]]


@dataclass(frozen=True, kw_only=True)
class ScrubbedTexts:
    """Texts of one table, page by page. Scrubbing twice does no more than once: who begins again
    after a crash only reads what is done."""

    texts: Texts
    action: StoreAction = StoreAction.ANONYMISE
    ground: None = None
    _reached: dict[_Whose, UUID] = field(default_factory=dict, compare=False, repr=False)
    """How far this process is with whom: only saves reading again what is done."""

    @property
    def name(self) -> str:
        """As the store of the same texts is named where they are erased."""
        return self.texts.name

    @property
    def label(self) -> str:
        """As people read it."""
        return self.texts.label

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """Rows that still say who it was."""
        found, after = 0, _FIRST
        while True:
            async with workshop.database.transaction(subject.organization_id, read_only=True) as tx:
                scrubber = Scrubber(await _known(tx, subject))
                page = await self.texts.page(tx, subject, after, lock=False)
                found += len(await self._changed(page, scrubber))
                tx.expunge_all()  # looked at, not changed
            if not page:
                return found
            after = page[-1].id

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """Pages until one holds something; one transaction each."""
        whose = subject.organization_id, subject.client_ids
        while True:
            async with workshop.database.transaction(subject.organization_id) as tx:
                scrubber = Scrubber(await _known(tx, subject))
                page = await self.texts.page(
                    tx, subject, self._reached.get(whose, _FIRST), lock=True
                )
                changed = await self._changed(page, scrubber)
                if changed:
                    await self.texts.written(tx, changed)
                    await tally(tx, len(changed))
            if not page:
                self._reached.pop(whose, None)
                return 0
            self._reached[whose] = page[-1].id
            if changed:
                return len(changed)

    async def _changed(self, page: Sequence[Any], scrubber: Scrubber) -> list[Any]:
        """A millisecond for each: between any two, requests of the same process have their turn."""
        changed = []
        for row in page:
            if self.texts.scrubbed(row, scrubber):
                changed.append(row)
            await asyncio.sleep(0)
        return changed

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Looks at all of them again: nothing is left to take out."""
        self._reached.pop((subject.organization_id, subject.client_ids), None)
        return await self.count(workshop, subject)


@dataclass(frozen=True, kw_only=True)
class FacetsInStep:
    """Tags and values to filter tickets by: a trigger keeps them as the tickets have them."""

    name: str = "ticket_facets"
    label: str = "Etiquetas e valores dos chamados, para filtrar"
    action: StoreAction = StoreAction.ANONYMISE
    ground: None = None

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """None of its own."""
        del workshop, subject
        return 0

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """Done with the tickets."""
        del workshop, subject, tally
        return 0

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Nothing of its own to be gone."""
        del workshop, subject
        return 0


@dataclass(frozen=True, kw_only=True)
class SearchInStep:
    """What tickets are found by: what they say now, once the client's name is gone."""

    name: str = "ticket_search"
    label: str = "Índice de busca dos chamados"
    action: StoreAction = StoreAction.ANONYMISE
    ground: None = None

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """Rows that hold anything else."""
        return await self._walk(workshop, subject, None)

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """All of them, a page in each transaction; those that are right are left alone."""
        return await self._walk(workshop, subject, tally)

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Counts again."""
        return await self.count(workshop, subject)

    async def _walk(self, workshop: Workshop, subject: Subject, tally: Tally | None) -> int:
        found, after = 0, _FIRST
        while True:
            async with workshop.database.transaction(subject.organization_id) as tx:
                page, stale = await found_by_more(tx, subject, after)
                if stale and tally is not None:
                    await find_anew(tx, stale)
                    await tally(tx, len(stale))
            if not page:
                return found
            found += len(stale)
            after = page[-1].id


TEXT_STORES: Final[tuple[Store, ...]] = (
    ScrubbedTexts(texts=REVISIONS),
    ScrubbedTexts(texts=MESSAGES),
    ScrubbedTexts(texts=TICKETS),
)
OTHERWISE: Final[Mapping[str, Store]] = MappingProxyType(
    {
        store.name: store
        for store in (FacetsInStep(), SearchInStep(), AttachedFiles(with_evidence=True))
    }
)
_TEXTS: Final = frozenset(store.name for store in TEXT_STORES)


def anonymising(stores: Sequence[Store]) -> tuple[Store, ...]:
    """The stores of erasing with what is scrubbed in the place of what is blanked. Texts come
    first: the client's own row says best who it was."""
    rest = (store for store in stores if store.name not in _TEXTS)
    return (*TEXT_STORES, *(OTHERWISE.get(store.name, store) for store in rest))


async def _known(tx: AsyncSession, subject: Subject) -> Known:
    """By field as long as the client's row and log say it; else as they were noted before."""
    known = await known_of(tx, subject.organization_id, subject.client_ids)
    known |= of_values(value for value in subject.values if plain(value) not in known.written)
    return replace(known, names=known.names - {ERASED_NAME})
