"""What is kept of an item whose document was erased: a digest that knows its address again.

The key is the source's own and goes with it. Who has both can try addresses, and learns nothing
else; whoever looks at the source again does not take the page in a second time.
"""

import hashlib
import re
import secrets
from typing import Any, Final, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge.sources.models import ItemState, SourceItem, WatchedSource
from shared_schemas.ids import OrganizationId

_DIGEST: Final = re.compile(r"erased:[0-9a-f]{64}\Z")
_KEY_BYTES: Final = 32
_BLANKED: Final = (
    "etag",
    "last_modified",
    "listed_as",
    "content_sha256",
    "document_id",
    "error_code",
    "error_message",
)
_ITEMS: Final = cast("sa.Table", SourceItem.__table__)
_SOURCES: Final = cast("sa.Table", WatchedSource.__table__)
_items, _sources = _ITEMS.c, _SOURCES.c


def erased_address(key: bytes, address: str) -> str:
    """As `ai.erased_address` says it."""
    inner = hashlib.sha256(key + address.encode()).digest()
    return f"erased:{hashlib.sha256(key + inner).hexdigest()}"


def is_digest(address: str) -> bool:
    """Whether it is one, and no address."""
    return _DIGEST.match(address) is not None


async def erase_items(
    session: AsyncSession, organization_id: OrganizationId, document_id: UUID
) -> int:
    """Items of a document that is locked and about to be erased say no more where it came from;
    returns how many."""
    mine = (_items.organization_id == organization_id, _items.document_id == document_id)
    found = await session.scalars(sa.select(_items.source_id).where(*mine).distinct())
    erased = 0
    for source_id in sorted(found):
        await _lock(session, organization_id, source_id)
        key = await _key(session, organization_id, source_id)
        erased += await _blank(session, *mine, _items.source_id == source_id, key=key)
    return erased


async def _lock(session: AsyncSession, organization_id: OrganizationId, source_id: UUID) -> None:
    """No run writes down an item meanwhile: see `ai.guard_erased_item`."""
    name = sa.func.ai.client_lock(
        sa.literal(organization_id, sa.Uuid()), sa.literal(source_id, sa.Uuid())
    )
    await session.execute(sa.select(sa.func.pg_advisory_xact_lock(name)))


async def _key(session: AsyncSession, organization_id: OrganizationId, source_id: UUID) -> bytes:
    new = sa.literal(secrets.token_bytes(_KEY_BYTES), sa.LargeBinary())
    key: bytes = (
        await session.execute(
            sa.update(_SOURCES)
            .where(_sources.organization_id == organization_id, _sources.id == source_id)
            .values(erased_key=sa.func.coalesce(_sources.erased_key, new))
            .returning(_sources.erased_key)
        )
    ).scalar_one()
    return key


async def _blank(session: AsyncSession, *which: sa.ColumnElement[bool], key: bytes) -> int:
    address: Any = sa.func.ai.erased_address(sa.literal(key, sa.LargeBinary()), _items.address)
    blanked = await session.execute(
        sa.update(_ITEMS)
        .where(*which)
        .values(address=address, state=ItemState.EXCLUDED, **dict.fromkeys(_BLANKED))
        .returning(_items.id)
    )
    return len(blanked.all())
