"""Links that download one attachment: signed, short-lived, bound to who asked for them."""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from core_api.modules.attachments.exceptions import LinkInvalid
from shared_schemas.ids import OrganizationId, UserId

_PURPOSE: Final = b"cogep attachment link v1\0"
_FORM: Final = struct.Struct(">16s16s16sQ")
_SIGNATURE_BYTES: Final = hashlib.sha256().digest_size


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
        return base64.urlsafe_b64encode(said + _signature(key, said)).rstrip(b"=").decode()


def opened_link(token: str, key: bytes, *, now: datetime) -> DownloadLink:
    """What a link says, or LinkInvalid. Nothing of it is believed before its signature."""
    try:
        raw = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise LinkInvalid from None
    said, signature = raw[: _FORM.size], raw[_FORM.size :]
    if len(said) != _FORM.size or len(signature) != _SIGNATURE_BYTES:
        raise LinkInvalid
    if not hmac.compare_digest(signature, _signature(key, said)):
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


def _signature(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE + said, "sha256")
