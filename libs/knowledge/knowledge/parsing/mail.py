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
_SIGNATURES: Final = frozenset({
    "application/pkcs7-signature", "application/x-pkcs7-signature", "application/pgp-signature",
})  # fmt: skip
_LABELS: Final = (("From", "De"), ("To", "Para"), ("Cc", "Cópia"), ("Date", "Data"))
_MAX_HEADER: Final = 2_000
# What the standard library lets through of mangled headers, charsets and encodings.
_OF_DAMAGE: Final = (ValueError, LookupError, AttributeError, TypeError, AssertionError)


def extract_mail(raw: bytes, read: Open) -> Extraction:
    """The message's blocks; `read` opens attachments, nested messages too."""
    message = email.message_from_bytes(raw, policy=email.policy.default)
    subject = _header(message, "Subject")
    envelope = [f"{label}: {value}" for name, label in _LABELS if (value := _header(message, name))]
    body = _said(message)
    attachments = _attachments(message, body)
    return Extraction(
        mail_blocks(subject, envelope, _body(body), attachments, read), subject or None
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


def _said(message: EmailMessage) -> Any | None:
    """The part that is the body: the plain version; of a message that has none, the other one."""
    try:
        return message.get_body(("plain", "html"))
    except _OF_DAMAGE:
        return None


def _body(part: Any | None) -> Iterator[Block]:
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


def _attachments(message: EmailMessage, body: Any | None) -> Iterator[Member]:
    """Whatever else it carries, also within what is signed, forwarded or set around the body."""
    for part in _parts(message) if message.is_multipart() else ():
        if part is body or part.get_content_type() in _SIGNATURES:
            continue
        content = _payload(part)
        if part.get_content_maintype() != "image" or len(content) >= SMALLEST_PICTURE:
            yield Member(_name_of(part), partial(bytes, content))


def _parts(message: EmailMessage) -> Iterator[Any]:
    """In their order, but other versions of the same text. Without recursion."""
    waiting: list[tuple[Any, bool]] = [(message, False)]
    while waiting:
        part, is_version = waiting.pop()
        if part.get_content_maintype() == "multipart":
            versions = part.get_content_subtype() == "alternative"
            inner = [each for each in _inner(part) if isinstance(each, EmailMessage)]
            waiting += [(each, versions or is_version) for each in reversed(inner)]
        elif not (is_version and part.get_content_maintype() == "text"):
            yield part


def _inner(part: Any) -> list[Any]:
    try:
        return list(part.iter_parts())
    except _OF_DAMAGE:
        return []


def _name_of(part: Any) -> str:
    try:
        name = part.get_filename() or ""
        if not name and part.get_content_type() == "message/rfc822":
            name = str(part.get_payload(0).get("Subject", ""))
    except _OF_DAMAGE:
        name = ""
    return safe_name(str(name)) if name else "anexo"
