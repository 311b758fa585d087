"""tus 1.0.0 (https://tus.io/protocols/resumable-upload): headers in and out."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated, Any, Final

from fastapi import Header
from pydantic import ValidationError
from starlette.types import Message, Receive, Scope, Send

from ai_svc.modules.documents.schemas import FileFields
from ai_svc.modules.uploads.exceptions import (
    CHECKSUM_MISMATCH_STATUS,
    ChecksumMismatch,
    ProtocolVersionRefused,
)
from chassis.web.error_handlers import failure
from chassis.web.errors import (
    DomainError,
    InvalidInput,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
    status_of,
)
from chassis.web.idempotency import IdempotentRoute
from chassis.web.middleware.boundary import has_started
from chassis.web.validation_messages import details_of

VERSION: Final = "1.0.0"
EXTENSIONS: Final = "creation,checksum,expiration,termination"
ALGORITHMS: Final = ("sha1", "sha256")
PART_TYPE: Final = "application/offset+octet-stream"

_LISTS: Final = frozenset({"tags", "allowed_roles", "allowed_team_ids"})
_FILE_NAME: Final = ("filename", "name")
_SAID_BY_CLIENTS: Final = frozenset({*_FILE_NAME, "filetype", "type", "relativePath", "sha256"})
"""What tus clients say of every file by themselves, and the digest of the whole."""
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_LONGEST_METADATA: Final = 8_000

TusResumable = Annotated[
    str | None, Header(description="Version of the protocol: `1.0.0`", examples=[VERSION])
]


def check_version(said: str | None) -> None:
    """Raises ProtocolVersionRefused."""
    if said != VERSION:
        raise ProtocolVersionRefused


def expires(instant: datetime) -> str:
    """As in `Upload-Expires` (RFC 9110 §5.6.7)."""
    return format_datetime(instant.astimezone(UTC), usegmt=True)


@dataclass(frozen=True, slots=True)
class Metadata:
    """What the sender says about the file."""

    file_name: str | None
    sha256: str | None
    fields: FileFields

    @classmethod
    def parse(cls, header: str | None) -> "Metadata":
        """From `Upload-Metadata`. Unknown keys are refused: a misspelt one would be silently
        without effect, and some say who may read the document."""
        pairs = _pairs(header or "")
        given: dict[str, Any] = {
            name: _list(value) if name in _LISTS else value
            for name, value in pairs.items()
            if name not in _SAID_BY_CLIENTS
        }
        try:
            fields = FileFields.model_validate(given)
        except ValidationError as error:
            findings = " ".join(
                f"{one.field}: {one.message}" if one.field else one.message
                for one in details_of(error.errors(include_url=False))
            )
            raise _invalid(f"Confira em Upload-Metadata: {findings}") from None
        sha256 = pairs.get("sha256", "").lower() or None
        if sha256 is not None and not _SHA256.fullmatch(sha256):
            raise _invalid("Em Upload-Metadata, sha256 deve ter 64 dígitos hexadecimais.")
        name = next((pairs[key] for key in _FILE_NAME if pairs.get(key)), None)
        return cls(name, sha256, fields)


@dataclass(slots=True)
class Checksum:
    """What the bytes of one part must add up to."""

    digest: Any
    expected: bytes

    @classmethod
    def parse(cls, header: str | None) -> "Checksum | None":
        """From `Upload-Checksum`, such as `sha256 base64`."""
        if header is None:
            return None
        algorithm, _, encoded = header.strip().partition(" ")
        if algorithm not in ALGORITHMS:
            raise _bad_header("upload-checksum", "Use os algoritmos sha1 ou sha256.")
        try:
            expected = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise _bad_header("upload-checksum", "A soma não está em Base64.") from None
        # tus asks for SHA-1; it is no signature here, it notices what the line has changed.
        return cls(hashlib.new(algorithm, usedforsecurity=False), expected)

    def verify(self) -> None:
        """Raises ChecksumMismatch."""
        if self.digest.digest() != self.expected:
            raise ChecksumMismatch


class TusRoute(IdempotentRoute):
    """Every answer names the version, errors too; a wrong checksum has tus' own status."""

    async def _handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_tus(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"tus-resumable", VERSION.encode())]
            await send(message)

        try:
            await super()._handle(scope, receive, send_tus)
        except (Unauthenticated, TooManyRequests, Unavailable):
            raise  # which have headers of their own
        except DomainError as error:
            if has_started(scope):
                raise
            status = status_of(error).value
            headers: Mapping[str, str] | None = None
            if isinstance(error, ChecksumMismatch):
                status = CHECKSUM_MISMATCH_STATUS
            elif isinstance(error, ProtocolVersionRefused):
                headers = {"tus-version": VERSION}
            answer = failure(scope, status, error.code, str(error), error.details, headers)
            await answer(scope, receive, send_tus)


def _pairs(header: str) -> dict[str, str]:
    if len(header) > _LONGEST_METADATA:
        raise _invalid("Upload-Metadata é grande demais.")
    pairs: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in header.split(","))):
        key, _, encoded = part.partition(" ")
        try:
            value = base64.b64decode(encoded.strip(), validate=True).decode()
        except (binascii.Error, ValueError):
            raise _invalid(f"Em Upload-Metadata, {key[:40]} não está em Base64 de UTF-8.") from None
        if key in pairs or "\0" in value:
            raise _invalid(f"Confira em Upload-Metadata: {key[:40]}.")
        pairs[key] = value
    return pairs


def _list(value: str) -> list[str]:
    return [item.strip() for item in value.split(",") if item.strip()]


def _invalid(message: str) -> InvalidInput:
    return _bad_header("upload-metadata", message)


def _bad_header(name: str, message: str) -> InvalidInput:
    return InvalidInput.on(f"header.{name}", message)
