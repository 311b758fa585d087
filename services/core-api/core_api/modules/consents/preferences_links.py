"""Links to a client's preferences: signed, expiring, and telling nothing about the client."""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from core_api.modules.consents.exceptions import PreferencesLinkInvalid
from core_api.signed_tokens import SignedTokens
from shared_schemas.ids import OrganizationId

_FORM: Final = struct.Struct(">16s16sQ")
_TOKENS: Final = SignedTokens(b"cogep preferences link v1\0", _FORM.size)
LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class LinkSaid:
    """What a link says once its signature holds. Whose it is, is in the database alone."""

    organization_id: OrganizationId
    link_id: UUID
    expires_at: datetime

    def signed(self, key: bytes) -> str:
        """For an URL."""
        said = _FORM.pack(
            self.organization_id.bytes,
            self.link_id.bytes,
            int(self.expires_at.timestamp()),
        )
        return _TOKENS.signed(said, key)


def opened_link(token: str, key: bytes, *, now: datetime) -> LinkSaid:
    """What it says, or PreferencesLinkInvalid. Nothing of it is believed before its signature."""
    said = _TOKENS.opened(token, key)
    if said is None:
        raise PreferencesLinkInvalid
    organization, row, expires = _FORM.unpack(said)
    link = LinkSaid(
        organization_id=OrganizationId(UUID(bytes=organization)),
        link_id=UUID(bytes=row),
        expires_at=datetime.fromtimestamp(expires, UTC),
    )
    if link.expires_at <= now:
        raise PreferencesLinkInvalid
    return link
