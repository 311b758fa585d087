"""Changing what is said about a document, and whom it is for: at once, for the very next search."""

from typing import Any, Final

from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.documents.schemas import AccessFields, DocumentChange
from chassis.messaging import outbox
from chassis.web.errors import Forbidden
from knowledge.models import Document, Visibility
from knowledge.submission import Access, tidy_title
from shared_schemas.actor import Actor
from shared_schemas.events import DocumentChanged
from shared_schemas.permissions import Permission

_ACCESS: Final = frozenset(AccessFields.model_fields)


def check_may_name_clients(actor: Actor, access: Access) -> None:
    """Who may not read clients does not file documents about them. Raises Forbidden."""
    if access.visibility is Visibility.CLIENT and not actor.may(Permission.CLIENTS_READ):
        raise Forbidden


def change(session: AsyncSession, actor: Actor, document: Document, given: DocumentChange) -> None:
    """Applies all of it to the locked document, or nothing. Raises Forbidden, and
    RequestValidationError for an access list that does not fit together."""
    values = given.model_dump(exclude_unset=True, exclude=set(_ACCESS))
    if values.get("title") is not None:
        values["title"] = tidy_title(values["title"])
    wanted = {
        name: value for name, value in values.items() if value is not None or name == "external_id"
    }
    if _ACCESS & given.model_fields_set:
        access = _access(document, given)
        check_may_name_clients(actor, access)
        wanted |= access.columns()
    changed = {name for name, value in wanted.items() if getattr(document, name) != value}
    if not changed:
        return
    for name in changed:
        setattr(document, name, wanted[name])
    document.version += 1
    outbox.add(
        session,
        DocumentChanged.by(actor, document_id=document.id, changed=tuple(sorted(changed))),
    )


def _access(document: Document, given: DocumentChange) -> Access:
    changes = given.model_dump(exclude_unset=True, include=set(_ACCESS))
    visibility = changes.get("visibility") or document.visibility
    kept: dict[str, Any] = {}
    if visibility is document.visibility:  # else the former list means nothing any more
        kept = {name: getattr(document, name) for name in _ACCESS}
    merged = {**kept, **changes, "visibility": visibility}
    known = {name: value for name, value in merged.items() if value is not None}
    try:
        return AccessFields.model_validate(known).access()
    except ValidationError as error:
        errors = error.errors(include_url=False)
        raise RequestValidationError(
            [{**entry, "loc": ("body", *entry["loc"])} for entry in errors]
        ) from None
