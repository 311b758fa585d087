"""Keeping what clients are found by.

The index of terms is an index on an expression of the clients' own columns: PostgreSQL keeps it in
the transaction of every change, and deleted or merged clients are not in it. Kept here is the list
of words that names are made of, which tells what a misspelt word was meant to be.
"""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY, insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from chassis.data.columns import Tenant
from core_api.folding import fold
from core_api.modules.clients.models import Client
from core_api.modules.clients.search.terms import Terms, name_words
from core_api.tables import Base
from shared_schemas.ids import OrganizationId


class ClientWord(Base):
    """A word that is in the name of a client of the organization."""

    __tablename__ = "client_words"
    __table_args__ = (
        sa.Index(
            "ix_client_words_variants",
            sa.text("crm.word_variants(organization_id, word)"),
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},
        ),
    )

    organization_id: Mapped[Tenant] = mapped_column(primary_key=True)
    word: Mapped[str] = mapped_column(sa.Text(collation="C"), primary_key=True)


async def refresh(
    session: AsyncSession,
    organization_id: OrganizationId,
    clients: Sequence[Client],
    *,
    old_names: Iterable[str] = (),
) -> None:
    """After clients were registered, renamed (`old_names`), deleted, merged or separated again.

    In the transaction of the change. If another one at the same moment takes in the last word that
    this one lets go, the word may be missing until `rebuild`: its clients are still found by it,
    only not by a misspelt one.
    """
    await session.flush()
    living, gone = set[str](), {word for name in old_names for word in _words(name)}
    for client in clients:
        is_alive = client.deleted_at is None and client.merged_into_id is None
        (living if is_alive else gone).update(_words(client.name))
    if living:
        # In one order, so that two transactions with the same new words do not wait in a circle.
        words = sa.func.unnest(sa.cast(sorted(living), ARRAY(sa.Text())))
        rows = sa.select(sa.literal(organization_id, sa.Uuid()), words)
        statement = insert(ClientWord).from_select(["organization_id", "word"], rows)
        await session.execute(statement.on_conflict_do_nothing())
    if gone - living:
        await session.execute(_unused(organization_id, sorted(gone - living)))


def _unused(organization_id: OrganizationId, words: list[str]) -> sa.Delete:
    """Takes away those of the words that are in nobody's name any more."""
    term = sa.func.quote_literal(sa.literal(Terms(organization_id).own + "n") + ClientWord.word)
    holders = sa.func.crm.client_candidates(sa.cast(term, TSQUERY), 1)
    return sa.delete(ClientWord).where(
        ClientWord.organization_id == organization_id,
        ClientWord.word == sa.any_(sa.cast(words, ARRAY(sa.Text()))),
        ~sa.select(holders).correlate(ClientWord).exists(),
    )


def _words(name: str) -> list[str]:
    return name_words(fold(name))
