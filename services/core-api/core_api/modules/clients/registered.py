"""What registering a client answers."""

from typing import Self

from pydantic import Field

from core_api.modules.clients.models import Client
from core_api.modules.clients.schemas import ClientRead, Sight
from core_api.modules.duplicates.service import DuplicateRead


class ClientRegistered(ClientRead):
    """The new client, and whom it may already have been."""

    possible_duplicates: list[DuplicateRead] = Field(
        description="With the same document, e-mail, phone, or name and city; at most five. "
        "`GET /clients/{client_id}/duplicates` also looks for similar names"
    )

    @classmethod
    def with_duplicates(cls, client: Client, sight: Sight, found: list[DuplicateRead]) -> Self:
        """Both together."""
        return cls(**ClientRead.of(client, sight).model_dump(), possible_duplicates=found)
