"""What worker-svc calls while it sends a mail. Never reachable from outside."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from chassis.security.authentication import InternalCaller
from chassis.web.dependencies import CurrentResources
from core_api.mail_sources import mail_sources
from core_api.modules.deliveries.schemas import (
    DeliveryBegun,
    DeliveryNotSent,
    DeliverySent,
    HeldDelivery,
)
from core_api.modules.deliveries.sending import MailQueue
from core_api.workplace import CurrentWorkplace
from shared_schemas.envelope import Success

router = APIRouter(prefix="/deliveries", tags=["deliveries"])


async def mail_queue(resources: CurrentResources, workplace: CurrentWorkplace) -> MailQueue:
    """The queue of mails, on this service's database."""
    return MailQueue(resources.database, mail_sources(workplace.settings))


Queue = Annotated[MailQueue, Depends(mail_queue)]


@router.post("/{delivery_id}/begin")
async def begin_delivery(
    delivery_id: UUID, held: HeldDelivery, caller: InternalCaller, queue: Queue
) -> Success[DeliveryBegun]:
    """The mail as it is to be sent now."""
    begun = await queue.begin(held, delivery_id, caller.request_id)
    return Success(data=begun, request_id=caller.request_id)


@router.post("/{delivery_id}/sent")
async def delivery_sent(
    delivery_id: UUID, said: DeliverySent, caller: InternalCaller, queue: Queue
) -> Success[None]:
    """A mail server took it over."""
    await queue.sent(said, delivery_id, caller.request_id)
    return Success(data=None, request_id=caller.request_id)


@router.post("/{delivery_id}/not-sent")
async def delivery_not_sent(
    delivery_id: UUID, said: DeliveryNotSent, caller: InternalCaller, queue: Queue
) -> Success[None]:
    """It did not go out."""
    await queue.not_sent(said, delivery_id, caller.request_id)
    return Success(data=None, request_id=caller.request_id)
