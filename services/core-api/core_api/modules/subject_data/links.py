"""Links by which a data subject fetches a file without an account: signed, expiring."""

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from core_api.modules.subject_data.exceptions import DownloadLinkInvalid
from core_api.signed_tokens import SignedTokens
from shared_schemas.ids import OrganizationId

_FORM: Final = struct.Struct(">16s16sQ")
_TOKENS: Final = SignedTokens(b"cogep subject data link v1\0", _FORM.size)
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
            self.organization_id.bytes,
            self.file_id.bytes,
            int(self.expires_at.timestamp()),
        )
        return _TOKENS.signed(said, key)


def opened_link(token: str, key: bytes, *, now: datetime) -> FileLink:
    """What it says, or DownloadLinkInvalid. Nothing of it is believed before its signature."""
    said = _TOKENS.opened(token, key)
    if said is None:
        raise DownloadLinkInvalid
    organization, file, expires = _FORM.unpack(said)
    link = FileLink(
        organization_id=OrganizationId(UUID(bytes=organization)),
        file_id=UUID(bytes=file),
        expires_at=datetime.fromtimestamp(expires, UTC),
    )
    if link.expires_at <= now:
        raise DownloadLinkInvalid
    return link
