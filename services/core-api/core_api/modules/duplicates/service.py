"""What other contexts may ask about duplicates."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from core_api.modules.clients.models import Client
from core_api.modules.clients.schemas import Sight
from core_api.modules.duplicates.schemas import DuplicateRead
from core_api.modules.duplicates.suggestions import Suggestions
from core_api.workplace import vault_of
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

__all__ = ["DuplicateRead", "possible_duplicates"]

_AT_ONCE: Final = 5


async def possible_duplicates(
    tx: AsyncSession, actor: Actor, client: Client
) -> list[DuplicateRead]:
    """Whom a client that was registered just now already was, the likeliest first.

    Nobody without `clients:contact`: they could find out whose an e-mail is by registering it.
    """
    if not actor.may(Permission.CLIENTS_CONTACT):
        return []
    found = await Suggestions(tx, actor.organization_id).of_new(client, _AT_ONCE)
    sight = Sight.of(actor, vault_of(tx))
    return [DuplicateRead.of(pair, sight) for pair in found]
