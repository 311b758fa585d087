"""Handing a file over: to a member who executes privacy work, or to the subject by a signed link.

Every handing over is written to the audit log, and committed, before the first byte leaves.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import StreamingResponse

from chassis.data.columns import utc_now
from chassis.data.database import Database
from chassis.data.object_storage import ObjectMissing, OpenObject
from core_api.changes import made
from core_api.modules.audit import service as audit
from core_api.modules.privacy.service import request_of
from core_api.modules.subject_data.exceptions import DownloadLinkInvalid, FileNotFound
from core_api.modules.subject_data.links import FileLink
from core_api.modules.subject_data.models import FileFormat, SubjectDataFile, object_key
from core_api.modules.subject_data.repository import SubjectDataRows
from core_api.modules.subject_data.sealed_answers import open_under_client
from core_api.modules.subject_data.sealed_files import SealedFile, key_place
from core_api.workplace import Workplace
from shared_schemas.actor import Actor
from shared_schemas.ids import OrganizationId

MOST_BY_LINK: Final = 5
"""Downloads of one file by links: enough for a broken connection, not for a link gone astray."""
_BY_LINK: Final = "baixado pelo titular com um link"
_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-site",
    "referrer-policy": "no-referrer",
    "cache-control": "private, no-store",
}
_SERVED: Final = {
    FileFormat.PDF: ("application/pdf", "declaracao-de-dados-pessoais.pdf"),
    FileFormat.JSON: ("application/json", "declaracao-de-dados-pessoais.json"),
    FileFormat.ZIP: ("application/zip", "portabilidade-de-dados-pessoais.zip"),
}


@dataclass(frozen=True, slots=True)
class Handing:
    """A file that may be handed over, and how it is opened."""

    organization_id: OrganizationId
    file: SubjectDataFile
    key: bytes

    def response(self, found: OpenObject) -> StreamingResponse:
        """The plain bytes as they are opened. What was changed in the storage ends it midway."""
        media_type, name = _SERVED[self.file.format]
        headers = {
            **_HEADERS,
            "content-disposition": f'attachment; filename="{name}"',
            "content-length": str(self.file.size_bytes),
        }
        sealed = SealedFile(self.organization_id, self.file.id, self.key)
        return StreamingResponse(sealed.opened(found.parts), media_type=media_type, headers=headers)


async def hand_to_member(
    database: Database, workplace: Workplace, actor: Actor, request_id: UUID, file_id: UUID
) -> StreamingResponse:
    """FileNotFound."""
    tenant = actor.organization_id
    found = await _opened(workplace, tenant, file_id)
    async with database.transaction(tenant) as session:
        file = await SubjectDataRows(session, tenant).lock_living(file_id, request_id=request_id)
        if file is None or found is None:
            raise FileNotFound
        key = await _key(session, tenant, file)
        if key is None:
            raise FileNotFound
        request = await request_of(session, tenant, file.request_id)
        file.downloads += 1
        await audit.record(
            session,
            actor,
            "subject_data_file.downloaded",
            file.id,
            changes=made({"format": file.format}),
            about=request.client_id,
            related={"privacy_request_id": request.id},
        )
    return Handing(tenant, file, key).response(found)


async def hand_to_holder(
    database: Database, workplace: Workplace, link: FileLink, run_id: str
) -> StreamingResponse:
    """DownloadLinkInvalid, whatever is wrong."""
    tenant = link.organization_id
    found = await _opened(workplace, tenant, link.file_id)
    async with database.transaction(tenant) as session:
        file = await SubjectDataRows(session, tenant).lock_living(link.file_id)
        if file is None or found is None or file.link_downloads >= MOST_BY_LINK:
            raise DownloadLinkInvalid
        key = await _key(session, tenant, file)
        if key is None:
            raise DownloadLinkInvalid
        request = await request_of(session, tenant, file.request_id)
        file.downloads += 1
        file.link_downloads += 1
        audit.record_by_system(
            session,
            tenant,
            "subject_data_file.downloaded",
            file.id,
            changes=made({"format": file.format}),
            reason=_BY_LINK,
            run_id=run_id,
            about=request.client_id,
            related={"privacy_request_id": request.id},
        )
    return Handing(tenant, file, key).response(found)


async def issue_link(
    session: AsyncSession,
    actor: Actor,
    request_id: UUID,
    file_id: UUID,
    latest: datetime,
) -> FileLink:
    """Good until `latest`, and never longer than its file. FileNotFound."""
    tenant = actor.organization_id
    file = await SubjectDataRows(session, tenant).find_living(file_id, request_id=request_id)
    if file is None:
        raise FileNotFound
    request = await request_of(session, tenant, file.request_id)
    expires_at = min(latest, file.expires_at).replace(microsecond=0)
    await audit.record(
        session,
        actor,
        "subject_data_file.link_issued",
        file.id,
        changes=made({"format": file.format, "expires_at": expires_at}),
        about=request.client_id,
        related={"privacy_request_id": request.id},
    )
    return FileLink(tenant, file.id, expires_at)


async def _opened(
    workplace: Workplace, organization_id: OrganizationId, file_id: UUID
) -> OpenObject | None:
    """Before the transaction: the storage may be slow."""
    try:
        return await workplace.storage.open(object_key(organization_id, file_id))
    except ObjectMissing:
        return None


async def _key(
    session: AsyncSession, organization_id: OrganizationId, file: SubjectDataFile
) -> bytes | None:
    bound = key_place(organization_id, file.id)
    return await open_under_client(session, organization_id, file.key_sealed, bound)


def latest_of(workplace: Workplace) -> datetime:
    """Until when a link made now is good."""
    return utc_now() + workplace.settings.subject_data.link_lasts
