"""Submitting with everything that was said about a document, however it has arrived."""

from sqlalchemy.ext.asyncio import AsyncSession

from ai_svc.modules.documents.changing import check_may_name_clients
from ai_svc.modules.documents.filing import require_basis
from ai_svc.modules.documents.schemas import FileFields
from knowledge import submission
from knowledge.quotas import Quota
from knowledge.submission import Source, Submitted, Upload
from shared_schemas.actor import Actor


async def submit_as_said(
    session: AsyncSession,
    actor: Actor,
    source: Source,
    fields: FileFields,
    upload: Upload,
    quota: Quota,
) -> Submitted:
    """Raises Forbidden, LegalBasisMissing, QuotaExceeded."""
    access = fields.access()
    check_may_name_clients(actor, access)
    await require_basis(session, actor.organization_id, access)
    return await submission.submit(
        session,
        actor,
        source,
        title=fields.title,
        chunking=fields.cutting,
        language=fields.language,
        tags=fields.tags,
        access=access,
        external_id=fields.external_id,
        upload=upload,
        allow_duplicate=fields.allow_duplicate,
        quota=quota,
    )
