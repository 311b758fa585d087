"""What the ledger and the check of a legal basis look like on the wire."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from core_api.modules.consents.legal_basis import Ground
from core_api.modules.consents.models import LegalBasis
from core_api.modules.consents.verifying import Fault


class BrokenLink(BaseModel):
    """The first one that does not fit; everything after it proves nothing."""

    sequence: int = Field(
        description="Of the link; 0: a receipt that is in no link", examples=[1204]
    )
    fault: Fault
    anchor: str | None = Field(default=None, description="The anchor, where that is what is wrong")


class LedgerVerification(BaseModel):
    """What computing the whole ledger again has shown."""

    valid: bool
    links: int = Field(description="Links that hold", examples=[48210])
    head: str = Field(description="Hash of the last link that holds, hexadecimal")
    anchors: int = Field(description="Signed heads outside the database that agree", examples=[31])
    first_broken: BrokenLink | None
    verified_at: datetime


class LegalBasisRead(BaseModel):
    """Whether the client's data may be used for the purpose now."""

    purpose_code: str = Field(examples=["novidades-por-email"])
    allowed: bool
    ground: Ground
    legal_basis: LegalBasis
    consent_id: UUID | None = Field(description="The consent it rests on")
