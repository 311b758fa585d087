"""What of a client's data may leave for a provider: asked before each call to one.

It takes two things: a purpose in force for the client, and, where the provider is in another
country, an entry of the register of transfers that allows it for this purpose (LGPD Art. 33).
Documents that are about no client are not asked about: whose they are is not known here.
"""

from collections.abc import Collection
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession

from knowledge.access import Condition, of_nobody_or_in_force, purposes_in_force
from knowledge.access_tables import Transfer
from knowledge.models import Document, Visibility
from knowledge.recipients import Recipient
from shared_schemas.ids import OrganizationId

KEPT_HERE: Final = "local-kept-here"
"""The model of vectors made here because the passage may not be sent to the embedder. They serve
no ranking, so searches that may meet such passages do without vectors: see `reembedding`."""

_TODAY: Final = sa.cast(sa.func.timezone("America/Sao_Paulo", sa.func.now()), sa.Date)


def may_leave(recipient: Recipient) -> Condition:
    """Which rows of `documents` may be sent, whoever asks."""
    registered = _registered(recipient, Document.organization_id, Document.purpose_code)
    # In this order: the register is a look into an index, the basis one of each client.
    return sa.and_(
        sa.or_(Document.visibility != Visibility.CLIENT, registered), of_nobody_or_in_force()
    )


async def may_be_sent(
    session: AsyncSession,
    organization_id: OrganizationId,
    client_id: UUID | None,
    document_ids: Collection[UUID],
    recipient: Recipient,
) -> bool:
    """Whether a question may leave that names the client or none, and all that was found for it."""
    if client_id is not None and not await _question_may_leave(
        session, organization_id, client_id, recipient
    ):
        return False
    return await documents_may_leave(session, organization_id, document_ids, recipient)


async def _question_may_leave(
    session: AsyncSession, organization_id: OrganizationId, client_id: UUID, recipient: Recipient
) -> bool:
    """It is about the client: some purpose must bear it."""
    tenant = sa.literal(organization_id, sa.Uuid())
    named = sa.literal(client_id, sa.Uuid())
    codes = sa.func.unnest(purposes_in_force(tenant, named), type_=sa.Text())
    in_force = sa.select(codes.label("code")).subquery("in_force")
    bearing = sa.select(in_force.c.code).where(_registered(recipient, tenant, in_force.c.code))
    return bool(await session.scalar(sa.select(bearing.exists())))


async def documents_may_leave(
    session: AsyncSession,
    organization_id: OrganizationId,
    document_ids: Collection[UUID],
    recipient: Recipient,
) -> bool:
    """Whether all of them may, each named once: one that is gone by now may not."""
    wanted = list(document_ids)
    allowed = sa.select(sa.func.count()).where(
        Document.organization_id == organization_id,
        Document.id == sa.any_(sa.cast(wanted, ARRAY(sa.Uuid()))),
        may_leave(recipient),
    )
    return await session.scalar(allowed) == len(wanted)


def _registered(recipient: Recipient, organization_id: Any, purpose_code: Any) -> Condition:
    """Whether the register lets data of a purpose go to the recipient."""
    if not recipient.is_abroad:
        return sa.true()
    return (
        sa.select(sa.literal(1))
        .where(
            Transfer.organization_id == organization_id,
            Transfer.provider == recipient.code,
            Transfer.country == recipient.country,
            Transfer.allowed,
            sa.or_(Transfer.valid_until.is_(None), Transfer.valid_until >= _TODAY),
            purpose_code == sa.any_(Transfer.purpose_codes),
        )
        .exists()
    )
