"""Facts about what data may be used for: purposes, blocks (LGPD Art. 7, 18 IV). Owner: core-api."""

from typing import ClassVar, Literal
from uuid import UUID

from shared_schemas.events.base import BaseEvent, Payload


class BlockPayload(Payload):
    """Whose data is not used, and for what. `block_id` is one block: another one is another id."""

    block_id: UUID
    client_id: UUID
    purpose_code: str | None = None  # none: for no purpose at all


class PurposePayload(Payload):
    """What the registry says of a purpose from now on. The highest `version` is the latest."""

    purpose_id: UUID
    purpose_code: str
    legal_basis: Literal[
        "consent",
        "legal_obligation",
        "public_policy",
        "research",
        "contract",
        "exercise_of_rights_in_proceedings",
        "protection_of_life",
        "health_protection",
        "legitimate_interest",
        "credit_protection",
    ]
    assistant_may_use: bool
    archived: bool
    material_version: int  # consents on an earlier notice are to be renewed
    version: int


class ProcessingBlocked(BaseEvent):
    """A client's data is kept, and used no longer."""

    TYPE: ClassVar[str] = "processing.blocked"
    SOURCE: ClassVar[str] = "core-api"

    payload: BlockPayload


class ProcessingUnblocked(BaseEvent):
    """A block is over. Others may stand."""

    TYPE: ClassVar[str] = "processing.unblocked"
    SOURCE: ClassVar[str] = "core-api"

    payload: BlockPayload


class PurposeChanged(BaseEvent):
    """A purpose was registered, changed, archived or restored, or has another notice."""

    TYPE: ClassVar[str] = "purpose.changed"
    SOURCE: ClassVar[str] = "core-api"

    payload: PurposePayload
