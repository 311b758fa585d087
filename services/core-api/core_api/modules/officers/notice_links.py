"""Addresses of public notices: signed, so that nobody finds organizations by trying ids."""

import base64
import binascii
import hashlib
import hmac
from typing import Final
from uuid import UUID

from core_api.modules.officers.exceptions import NoticeLinkInvalid
from shared_schemas.ids import OrganizationId

_PURPOSE: Final = b"cogep privacy notice v1\0"
_ID_BYTES: Final = 16
_SIGNATURE_BYTES: Final = 16
LONGEST: Final = 64


def notice_token(organization_id: OrganizationId, key: bytes) -> str:
    """For the address; always the same under one key."""
    said = organization_id.bytes
    return base64.urlsafe_b64encode(said + _signature(key, said)).rstrip(b"=").decode()


def organization_of(token: str, key: bytes) -> OrganizationId:
    """Whose notice it is, or NoticeLinkInvalid."""
    try:
        raw = base64.b64decode(
            (token + "=" * (-len(token) % 4)).encode("ascii"), altchars=b"-_", validate=True
        )
    except (binascii.Error, ValueError):
        raise NoticeLinkInvalid from None
    said, signature = raw[:_ID_BYTES], raw[_ID_BYTES:]
    if len(raw) != _ID_BYTES + _SIGNATURE_BYTES:
        raise NoticeLinkInvalid
    if not hmac.compare_digest(signature, _signature(key, said)):
        raise NoticeLinkInvalid
    return OrganizationId(UUID(bytes=said))


def _signature(key: bytes, said: bytes) -> bytes:
    return hmac.digest(key, _PURPOSE + said, hashlib.sha256)[:_SIGNATURE_BYTES]
