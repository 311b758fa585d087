"""Links by which a data subject fetches a file without an account: signed, expiring."""

import base64
import binascii
import hashlib
import hmac
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from core_api.modules.subject_data.exceptions import DownloadLinkInvalid
from shared_schemas.ids import OrganizationId

_PURPOSE: Final = b"cogep subject data link v1\0"
_FORM: Final = struct.Struct(">16s16sQ")
_SIGNATURE_BYTES: Final = hashlib.sha256().digest_size
LONGEST: Final = 200


@dataclass(frozen=True, slots=True)
class FileLink:
    """What a link says once its signature holds. Whose the file is, is in the database alone."""

    organization_id: OrganizationId
    file_id: UUID
    expires_at: datetime

    def signed(self, key: bytes) -> str:
        """For an URL."""
        said = _FORM.pack(
            self.organization_id.bytes, self.file_id.bytes, int(self.expires_at.timestamp())
        )
        return base64.urlsafe_b64encode(said + _signature(key, said)).rstrip(b"=").decode()


def opened_link(token: str, key: bytes, *, now: datetime) -> FileLink:
    """What it says, or DownloadLinkInvalid. Nothing of it is believed before its signature."""
    try:
        raw = base64.b64decode(
            (token + "=" * (-len(token) % 4)).encode("ascii"), altchars=b"-_", validate=True
        )
    except (binascii.Error, ValueError):
        raise DownloadLinkInvalid from None
    said, signature = raw[: _FORM.size], raw[_FORM.size :]
    if len(said) != _FORM.size or len(signature) != _SIGNATURE_BYTES:
        raise DownloadLinkInvalid
    if not hmac.compare_digest(signature, _signature(key, said)):
        raise DownloadLinkInvalid
    organization, file, expires = _FORM.unpack(said)
    found = FileLink(
        OrganizationId(UUID(bytes=organization)),
        UUID(bytes=file),
        datetime.fromtimestamp(expires, UTC),
    )
    if found.expires_at <= now:
        raise DownloadLinkInvalid
    return found


def _signature(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE + said, "sha256")
