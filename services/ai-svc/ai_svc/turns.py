"""What was said in a conversation: shared by who keeps it, who remembers it and who reads it."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation, oldest first in a sequence.

    It still holds the data of whom it was made from: `client_ids` and `document_ids` say whose.
    """

    role: Literal["user", "assistant"]
    content: str
    client_ids: tuple[UUID, ...] = ()
    document_ids: tuple[UUID, ...] = ()
