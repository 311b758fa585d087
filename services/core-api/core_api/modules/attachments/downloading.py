"""Who holds a signed link, and what they are handed."""

from typing import Annotated, Final
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import StreamingResponse

from chassis.data.columns import utc_now
from chassis.data.object_storage import ObjectMissing
from chassis.security.authentication import Requirement
from chassis.web.errors import Forbidden
from chassis.web.middleware.request_id import request_id_of
from core_api.modules.attachments.content import served_as
from core_api.modules.attachments.exceptions import AttachmentNotFound, LinkInvalid
from core_api.modules.attachments.links import opened_link
from core_api.modules.attachments.models import Attachment, object_key
from core_api.modules.attachments.names import content_disposition
from core_api.modules.attachments.repository import Attachments
from core_api.modules.audit import service as audit
from core_api.modules.organizations.service import member_permissions
from core_api.modules.tickets.service import require_ticket
from core_api.workplace import Workplace
from shared_schemas.actor import Actor
from shared_schemas.permissions import Permission

_HEADERS: Final = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-site",
    "cache-control": "private, no-store",
}


class LinkHolder(Requirement):
    """A guard: the link in `?link=` takes the place of an access token, for one attachment.

    What its subject may do is asked of the database: a member who lost the permission since the
    link was made is refused.
    """

    by_token = False

    def __init__(self) -> None:
        super().__init__(frozenset({Permission.TICKETS_READ}))

    async def __call__(self, request: Request) -> Actor:
        """The member the link was made for, or LinkInvalid."""
        state = request.app.state
        workplace: Workplace = state.workplace
        key = workplace.settings.attachments.link_key.get_secret_value().encode()
        link = opened_link(request.query_params.get("link", ""), key, now=utc_now())
        if str(link.attachment_id) != request.path_params.get("attachment_id", "").lower():
            raise LinkInvalid
        async with state.resources.database.transaction(
            link.organization_id, read_only=True
        ) as session:
            known = await member_permissions(session, link.organization_id, link.user_id)
        if not self.permissions <= known:
            raise Forbidden
        return Actor(
            organization_id=link.organization_id,
            user_id=link.user_id,
            roles=frozenset(),
            request_id=request_id_of(request.scope),
            permissions=self.permissions,
        )


Holder = Annotated[Actor, Depends(LinkHolder())]


async def download(attachment_id: UUID, actor: Actor, request: Request) -> StreamingResponse:
    """The bytes as they come from the storage; the transaction has ended before."""
    state = request.app.state
    async with state.resources.database.transaction(actor.organization_id) as session:
        attachment = await Attachments(session, actor.organization_id).find(attachment_id)
        if attachment is None:
            raise AttachmentNotFound
        ticket = await require_ticket(session, actor.organization_id, attachment.ticket_id)
        await audit.record(
            session,
            actor,
            "attachment.downloaded",
            attachment.id,
            about=ticket.client_id,
            related={"ticket_id": attachment.ticket_id},
        )
    workplace: Workplace = state.workplace
    try:
        found = await workplace.storage.open(object_key(actor.organization_id, attachment_id))
    except ObjectMissing:
        raise AttachmentNotFound from None
    return StreamingResponse(
        found.parts, media_type=served_as(attachment.media_type), headers=_headers(attachment)
    )


def _headers(attachment: Attachment) -> dict[str, str]:
    return {
        **_HEADERS,
        "content-disposition": content_disposition(attachment.name),
        "content-length": str(attachment.size_bytes),
    }
