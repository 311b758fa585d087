"""Links that download one attachment: signed, short-lived, bound to who asked for them."""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from core_api.modules.attachments.exceptions import LinkInvalid
from core_api.signed_tokens import SignedTokens
from shared_schemas.ids import OrganizationId, UserId

_FORM: Final = struct.Struct(">16s16s16sQ")
_TOKENS: Final = SignedTokens(b"cogep attachment link v1\0", _FORM.size)


@dataclass(frozen=True, slots=True)
class DownloadLink:
    """What a link says once its signature holds."""

    organization_id: OrganizationId
    attachment_id: UUID
    user_id: UserId
    expires_at: datetime

    def signed(self, key: bytes) -> str:
        """For an URL."""
        said = _FORM.pack(
            self.organization_id.bytes,
            self.attachment_id.bytes,
            self.user_id.bytes,
            int(self.expires_at.timestamp()),
        )
        return _TOKENS.signed(said, key)


def opened_link(token: str, key: bytes, *, now: datetime) -> DownloadLink:
    """What a link says, or LinkInvalid. Nothing of it is believed before its signature."""
    said = _TOKENS.opened(token, key)
    if said is None:
        raise LinkInvalid
    organization, attachment, user, expires = _FORM.unpack(said)
    link = DownloadLink(
        organization_id=OrganizationId(UUID(bytes=organization)),
        attachment_id=UUID(bytes=attachment),
        user_id=UserId(UUID(bytes=user)),
        expires_at=datetime.fromtimestamp(expires, UTC),
    )
    if link.expires_at <= now:
        raise LinkInvalid
    return link
