"""EML: who wrote to whom about what, the body, and each attachment under its name."""

import email
import email.policy
from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from functools import partial
from typing import Any, Final

from knowledge.parsing.decoding import decode
from knowledge.parsing.extraction import Block, Extraction
from knowledge.parsing.html import extract_html
from knowledge.parsing.members import Member, Open, member_blocks, safe_name

SMALLEST_PICTURE: Final = 10_000
"""Bytes; smaller ones are logos of signatures."""
_LABELS: Final = (("From", "De"), ("To", "Para"), ("Cc", "Cópia"), ("Date", "Data"))
_MAX_HEADER: Final = 2_000
# What the standard library lets through of mangled headers, charsets and encodings.
_OF_DAMAGE: Final = (ValueError, LookupError, AttributeError, TypeError, AssertionError)


def extract_mail(raw: bytes, read: Open) -> Extraction:
    """The message's blocks; `read` opens attachments, nested messages too."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    subject = _header(message, "Subject")
    envelope = [f"{label}: {value}" for name, label in _LABELS if (value := _header(message, name))]
    return Extraction(
        mail_blocks(subject, envelope, _body(message), _attachments(message), read), subject or None
    )


def mail_blocks(
    subject: str,
    envelope: Sequence[str],
    body: Iterator[Block],
    attachments: Iterator[Member],
    read: Open,
) -> Iterator[Block]:
    """The subject as a heading, the envelope line by line, the body, the attachments."""
    if subject:
        yield Block(subject, level=1)
    for at, line in enumerate(envelope):
        yield Block(line, tight=at > 0)
    yield from body
    yield from member_blocks(attachments, read, whole=True)


def _header(message: EmailMessage, name: str) -> str:
    try:
        return " ".join(str(message.get(name, "")).split())[:_MAX_HEADER]
    except _OF_DAMAGE:
        return ""


def _body(message: EmailMessage) -> Iterator[Block]:
    """The plain version; of a message that has none, the other one."""
    try:
        part: Any = message.get_body(("plain", "html"))
    except _OF_DAMAGE:
        part = None
    if part is None:
        return
    charset = _charset(part)
    if part.get_content_type() == "text/html":
        yield from extract_html(_payload(part), charset=charset).blocks
    else:
        yield Block(decode(_payload(part), charset))


def _charset(part: Any) -> str | None:
    try:
        charset = part.get_content_charset()
    except _OF_DAMAGE:
        return None
    return charset if isinstance(charset, str) else None


def _payload(part: Any) -> bytes:
    """Decoded as far as it can be; a message within the message as it is."""
    try:
        if part.get_content_type() == "message/rfc822":
            return bytes(part.get_payload(0).as_bytes())
        payload = part.get_payload(decode=True)
    except _OF_DAMAGE:
        return b""
    return payload if isinstance(payload, bytes) else b""


def _attachments(message: EmailMessage) -> Iterator[Member]:
    try:
        parts: list[Any] = list(message.iter_attachments()) if message.is_multipart() else []
    except _OF_DAMAGE:
        return
    for part in parts:
        content = _payload(part)
        if part.get_content_maintype() != "image" or len(content) >= SMALLEST_PICTURE:
            yield Member(_name_of(part), partial(bytes, content))


def _name_of(part: Any) -> str:
    try:
        name = part.get_filename() or ""
        if not name and part.get_content_type() == "message/rfc822":
            name = str(part.get_payload(0).get("Subject", ""))
    except _OF_DAMAGE:
        name = ""
    return safe_name(str(name)) if name else "anexo"
