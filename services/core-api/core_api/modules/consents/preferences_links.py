"""Links to a client's preferences: signed, expiring, and telling nothing about the client."""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from core_api.modules.consents.exceptions import PreferencesLinkInvalid
from shared_schemas.ids import OrganizationId

_PURPOSE: Final = b"cogep preferences link v1\0"
_FORM: Final = struct.Struct(">16s16sQ")
_SIGNATURE_BYTES: Final = hashlib.sha256().digest_size
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
            self.organization_id.bytes, self.link_id.bytes, int(self.expires_at.timestamp())
        )
        return base64.urlsafe_b64encode(said + _signature(key, said)).rstrip(b"=").decode()


def opened_link(token: str, key: bytes, *, now: datetime) -> LinkSaid:
    """What it says, or PreferencesLinkInvalid. Nothing of it is believed before its signature."""
    try:
        raw = base64.b64decode(
            (token + "=" * (-len(token) % 4)).encode("ascii"), altchars=b"-_", validate=True
        )
    except (binascii.Error, ValueError):
        raise PreferencesLinkInvalid from None
    said, signature = raw[: _FORM.size], raw[_FORM.size :]
    if len(said) != _FORM.size or len(signature) != _SIGNATURE_BYTES:
        raise PreferencesLinkInvalid
    if not hmac.compare_digest(signature, _signature(key, said)):
        raise PreferencesLinkInvalid
    organization, link, expires = _FORM.unpack(said)
    found = LinkSaid(
        OrganizationId(UUID(bytes=organization)),
        UUID(bytes=link),
        datetime.fromtimestamp(expires, UTC),
    )
    if found.expires_at <= now:
        raise PreferencesLinkInvalid
    return found


def _signature(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE + said, "sha256")
