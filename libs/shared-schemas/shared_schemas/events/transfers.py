"""Facts about the register of international transfers (LGPD Art. 33). Owner: core-api."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from shared_schemas.events.base import BaseEvent, Payload

TransferMechanism = Literal[
    "adequacy",
    "standard_clauses",
    "specific_clauses",
    "corporate_rules",
    "certification",
    "legal_cooperation",
    "protection_of_life",
    "anpd_authorisation",
    "international_commitment",
    "public_policy",
    "consent",
    "legal_duty",
    "contract",
    "exercise_of_rights",
]
"""What allows a transfer: Art. 33 I to IX, those of item II as Res. CD/ANPD 19/2024 has them."""


class TransferPayload(Payload):
    """What may go to which provider in which country, from now on.

    Per `transfer_id` the highest `version` counts. A provider may be in several entries: a call is
    allowed when one of them is `allowed`, names its purpose, and has not run out.
    """

    transfer_id: UUID
    provider: str  # a code for programs, such as openai; never a name somebody wrote
    country: str  # ISO 3166-1, two letters
    mechanism: TransferMechanism
    purpose_codes: tuple[str, ...] = ()  # for these and no others
    allowed: bool
    valid_until: date | None = None  # the last day, in Brasília; null: until it is changed
    version: int


class TransferChanged(BaseEvent):
    """An entry of the register was made, changed, suspended, resumed or ended."""

    TYPE: ClassVar[str] = "transfer.changed"
    SOURCE: ClassVar[str] = "core-api"

    payload: TransferPayload
