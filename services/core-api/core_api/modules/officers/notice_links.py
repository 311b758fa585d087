"""Addresses of public notices: signed, so that nobody finds organizations by trying ids."""

from typing import Final
from uuid import UUID

from core_api.modules.officers.exceptions import NoticeLinkInvalid
from core_api.signed_tokens import SignedTokens
from shared_schemas.ids import OrganizationId

_TOKENS: Final = SignedTokens(b"cogep privacy notice v1\0", size=16, signature_bytes=16)
LONGEST: Final = 64


def notice_token(organization_id: OrganizationId, key: bytes) -> str:
    """For the address; always the same under one key."""
    return _TOKENS.signed(organization_id.bytes, key)


def organization_of(token: str, key: bytes) -> OrganizationId:
    """Whose notice it is, or NoticeLinkInvalid."""
    said = _TOKENS.opened(token, key)
    if said is None:
        raise NoticeLinkInvalid
    return OrganizationId(UUID(bytes=said))
