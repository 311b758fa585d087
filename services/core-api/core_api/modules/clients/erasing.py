"""What clients hold of a person, and how it goes. A client's row stays, blank: tickets and receipts
refer to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSQUERY
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.data.columns import utc_now
from chassis.messaging import outbox
from core_api.folding import fold
from core_api.modules.clients.exceptions import ClientNotFound
from core_api.modules.clients.models import Client, ClientFacet, ClientNote, ClientRelation
from core_api.modules.clients.search import index as search_index
from core_api.modules.clients.search.index import ClientWord
from core_api.modules.clients.search.terms import Terms, name_words
from core_api.subject_stores import (
    ERASED_NAME,
    RowStore,
    Store,
    Subject,
    Tally,
    Workshop,
    count_rows,
    of_clients,
)
from shared_schemas.events import ClientUpdated
from shared_schemas.ids import OrganizationId, new_id
from shared_schemas.privacy import StoreAction

_TABLE: Final = cast("sa.Table", Client.__table__)
_FACETS: Final = cast("sa.Table", ClientFacet.__table__)
_NOTES: Final = cast("sa.Table", ClientNote.__table__)
_RELATIONS: Final = cast("sa.Table", ClientRelation.__table__)
_WORDS: Final = cast("sa.Table", ClientWord.__table__)
_BLANK: Final[dict[str, Any]] = {
    "name": ERASED_NAME,
    "email": None,
    "phone": None,
    "document_sealed": None,
    "document_index": None,
    "external_id": None,
}
_EMPTY: Final = ("emails", "phones", "addresses")
_NO_ENTRIES: Final = sa.cast(sa.literal([], JSONB()), JSONB())
_NO_VALUES: Final = sa.cast(sa.literal({}, JSONB()), JSONB())
_NO_TAGS: Final = sa.cast(sa.literal([], ARRAY(sa.Text())), ARRAY(sa.Text()))


def _names_somebody(subject: Subject) -> sa.ColumnElement[bool]:
    return sa.and_(
        _TABLE.c.id.in_(subject.client_ids),
        sa.or_(
            _TABLE.c.name != ERASED_NAME,
            *(_TABLE.c[name].is_not(None) for name in _BLANK if name != "name"),
            _TABLE.c.document.is_not(None),
            *(_TABLE.c[name] != _NO_ENTRIES for name in _EMPTY),
            _TABLE.c.tags != _NO_TAGS,
            _TABLE.c.custom_fields != _NO_VALUES,
            _TABLE.c.deleted_at.is_(None),
        ),
    )


@dataclass(frozen=True, kw_only=True)
class ClientRows:
    """Name, contacts, document, codes, tags and values; nobody finds the client from then on."""

    name: str = "clients"
    label: str = "Cadastro: nome, contatos, documento, códigos, etiquetas e campos"
    action: StoreAction = StoreAction.ANONYMISE
    ground: None = None

    async def count(self, workshop: Workshop, subject: Subject) -> int:
        """Clients that still name somebody, or are still found."""
        return await count_rows(workshop, subject, _TABLE, _names_somebody)

    async def erase_batch(self, workshop: Workshop, subject: Subject, tally: Tally) -> int:
        """All of a family at once: they are a few."""
        some = (
            sa.select(Client)
            .where(Client.organization_id == subject.organization_id, _names_somebody(subject))
            .order_by(Client.id)
            .with_for_update()
        )
        async with workshop.database.transaction(subject.organization_id) as tx:
            clients = (await tx.scalars(some)).all()
            if clients:
                await self._erase(tx, subject, clients)
                await tally(tx, len(clients))
        return len(clients)

    async def prove(self, workshop: Workshop, subject: Subject) -> int:
        """Counts again."""
        return await self.count(workshop, subject)

    async def _erase(self, tx: AsyncSession, subject: Subject, clients: Sequence[Client]) -> None:
        old_names = [client.name for client in clients]
        for client in clients:
            for name, value in _BLANK.items():
                setattr(client, name, value)
            client.emails, client.phones, client.addresses = [], [], []
            client.tags, client.custom_fields = [], {}
            client.document_plain = None
            client.deleted_at = client.deleted_at or utc_now()
            # Who follows the client's name or waits for its end hears of both.
            changed = ClientUpdated.caused(
                organization_id=subject.organization_id,
                correlation_id=str(new_id()),
                client_id=client.id,
                changed=("deleted_at", "name"),
            )
            outbox.add(tx, changed)
        await search_index.refresh(tx, subject.organization_id, clients, old_names=old_names)


def _words_of(subject: Subject) -> list[str]:
    return sorted({word for value in subject.values for word in name_words(fold(value))})


def _unused_words(subject: Subject) -> sa.ColumnElement[bool]:
    """Words of the subject that are in nobody's name."""
    term = sa.func.quote_literal(
        sa.literal(Terms(subject.organization_id).own + "n") + _WORDS.c.word
    )
    holders = sa.func.crm.client_candidates(sa.cast(term, TSQUERY), 1)
    return sa.and_(
        _WORDS.c.word == sa.any_(sa.cast(_words_of(subject), ARRAY(sa.Text()))),
        ~sa.select(holders).correlate(_WORDS).exists(),
    )


async def whole_family(
    tx: AsyncSession, organization_id: OrganizationId, client_id: UUID
) -> list[UUID]:
    """Who answers for a client first, then all that were merged into that one: also when they were
    deleted, for their data is there. ClientNotFound."""
    mine = _TABLE.c.organization_id == organization_id
    root = await tx.scalar(
        sa.select(sa.func.coalesce(_TABLE.c.merged_into_id, _TABLE.c.id)).where(
            mine, _TABLE.c.id == client_id
        )
    )
    if root is None:
        raise ClientNotFound
    merged = sa.select(_TABLE.c.id).where(mine, _TABLE.c.merged_into_id == root)
    return [root, *await tx.scalars(merged.order_by(_TABLE.c.id))]


async def existing_among(
    tx: AsyncSession, organization_id: OrganizationId, client_ids: Sequence[UUID]
) -> Sequence[UUID]:
    """Those of the clients that there are, in whatever state."""
    mine = _TABLE.c.organization_id == organization_id
    found = sa.select(_TABLE.c.id).where(mine, _TABLE.c.id.in_(client_ids))
    return (await tx.scalars(found.order_by(_TABLE.c.id))).all()


CLIENT_STORES: Final[tuple[Store, ...]] = (
    ClientRows(),
    RowStore(
        name="client_facets",
        label="Etiquetas e valores do cadastro, para filtrar",
        table=_FACETS,
        where=of_clients(_FACETS.c.client_id),
        order=("name", "value", "created_at", "client_id"),
    ),
    RowStore(
        name="client_notes",
        label="Anotações sobre o titular",
        table=_NOTES,
        where=of_clients(_NOTES.c.client_id),
    ),
    RowStore(
        name="client_relations",
        label="Vínculos entre pessoa e empresa",
        table=_RELATIONS,
        where=lambda subject: sa.or_(
            _RELATIONS.c.person_id.in_(subject.client_ids),
            _RELATIONS.c.company_id.in_(subject.client_ids),
        ),
    ),
    RowStore(
        name="client_words",
        label="Palavras do nome na busca de clientes",
        table=_WORDS,
        where=_unused_words,
        order=("word",),
    ),
)
"""In this order: the words go when no client's name has them any more."""
