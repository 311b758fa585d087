"""What the routes of documents share: who calls, the client they name, what they may see."""

from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import Depends, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.documents.exceptions import (
    DocumentDeleted,
    DocumentNotFound,
    LegalBasisMissing,
)
from ai_svc.modules.documents.reads import DocumentRead
from ai_svc.modules.documents.repository import Documents
from chassis.security.authentication import require
from chassis.web.documentation import raises
from chassis.web.etag import set_etag
from knowledge.access import reader_of
from shared_schemas.actor import Actor
from shared_schemas.errors import Failure
from shared_schemas.permissions import Permission

Reader = Annotated[Actor, Depends(require(Permission.DOCUMENTS_READ))]
Writer = Annotated[Actor, Depends(require(Permission.DOCUMENTS_WRITE))]
Deleter = Annotated[Actor, Depends(require(Permission.DOCUMENTS_DELETE))]

NamedClient = Annotated[
    UUID | None,
    Query(description="Whose documents are meant, too (needs clients:read). Unnamed, none are"),
]
MAX_VERSION: Final = 2**31 - 1

ABSENT: Final = (DocumentNotFound, DocumentDeleted)
"""What any route of one document may answer."""
NO_BASIS: Final = LegalBasisMissing(purpose_code="analise-de-credito")
"""What any route that files something about a client may answer."""
BODY_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    413: {"model": Failure, "description": "The file or text is larger than accepted"},
    415: {"model": Failure, "description": "Neither form nor JSON, or a file of another format"},
}


async def documents_for(tx: AsyncSession, actor: Actor, client_id: UUID | None) -> Documents:
    """What the actor may see of the organization's documents."""
    return Documents(tx, await reader_of(tx, actor), client_id)


async def read_document(
    documents: Documents, document_id: UUID, response: Response
) -> DocumentRead:
    """As it is, with its `ETag`."""
    found = await documents.get(document_id)
    jobs = await documents.latest_jobs([document_id])
    set_etag(response, found[0].version)
    return DocumentRead.of(found, jobs.get(document_id))


def absent(*more: Any) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route of one document."""
    return raises(*ABSENT, *more)
