"""Finding clients by part of a name, e-mail, phone or external id, or by a whole CPF or CNPJ."""

from typing import Any, Final

import sqlalchemy as sa

from core_api.folding import fold
from core_api.modules.clients.contacts import phone_digits
from core_api.modules.clients.models import Client
from core_api.modules.clients.repository import READ_COLUMNS

_WORDS: Final = 8
_PHONE_PART: Final = 4


def matching(text: str, limit: int, document_index: bytes | None = None) -> sa.Select[Any]:
    """The best clients first: exact, then names that begin so, then words that do, then the rest.

    A CPF or CNPJ is only found as a whole, by its blind index.
    """
    folded = " ".join(fold(text).split())
    exact = [Client.email == text.strip().lower(), Client.external_id == text.strip()]
    if document_index is not None:
        exact.append(Client.document_index == document_index)
    everywhere = sa.and_(*(_has(word) for word in folded.split()[:_WORDS]))
    found = [*exact, everywhere]
    digits = phone_digits(text)
    if digits is not None and len(digits) >= _PHONE_PART:
        found.append(Client.phone.contains(digits, autoescape=True))
    rank = sa.case(
        (sa.or_(*exact, Client.name_folded == folded), 0),
        (Client.name_folded.startswith(folded, autoescape=True), 1),
        (Client.name_folded.contains(f" {folded}", autoescape=True), 2),
        else_=3,
    )
    statement = sa.select(*READ_COLUMNS).where(sa.or_(*found))
    return statement.order_by(rank, Client.name_folded, Client.id).limit(limit)


def _has(word: str) -> sa.ColumnElement[bool]:
    return sa.or_(
        Client.name_folded.contains(word, autoescape=True),
        Client.email.contains(word, autoescape=True),
        sa.func.lower(Client.external_id).contains(word, autoescape=True),
    )
