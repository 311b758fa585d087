"""The words a message is found by: stems, each after a digest of its organization."""

import hashlib
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, TSQUERY, TSVECTOR

from knowledge.lexical.analyzer import analyze_word, detect_language, words
from shared_schemas.ids import OrganizationId


def _vector(found: Any) -> sa.ColumnElement[Any]:
    return sa.func.array_to_tsvector(sa.cast(found, ARRAY(sa.Text())), type_=TSVECTOR())


TERMS: Final = _vector(sa.bindparam("found", type_=ARRAY(sa.Text())))
"""For the column `terms`, in a statement that is built once; its parameter is `found_by`."""


def terms_of(organization_id: OrganizationId, text: str) -> sa.ColumnElement[Any]:
    """The same, for one text."""
    return _vector(sorted(_tagged(organization_id, text)))


def found_by(organization_id: OrganizationId, text: str | None) -> list[str] | None:
    """The words of a text; a message without one is not found."""
    return sorted(_tagged(organization_id, text)) if text else None


def query_of(organization_id: OrganizationId, text: str) -> sa.ColumnElement[Any] | None:
    """Messages that have all the words; None when the text says nothing."""
    wanted = sorted(_tagged(organization_id, text))
    # Letters and digits only, by `words`: nothing to escape.
    return sa.cast(" & ".join(f"'{term}'" for term in wanted), TSQUERY()) if wanted else None


def _tagged(organization_id: OrganizationId, text: str) -> set[str]:
    own = hashlib.md5(organization_id.bytes, usedforsecurity=False).hexdigest()[:8]
    language = detect_language(text)
    stems = (analyze_word(word, language).stem for word in words(text))
    return {own + stem for stem in stems if stem}
