"""What can go wrong with notices to recipients."""

from types import MappingProxyType
from typing import Final

from chassis.web.errors import Conflict, NotFound
from core_api.modules.recipients.models import NoticeState

STATE_NAMES: Final = MappingProxyType(
    {
        NoticeState.PENDING: "pendente",
        NoticeState.SENT: "enviado",
        NoticeState.DELIVERED: "entregue",
        NoticeState.IMPOSSIBLE: "dado como impossível",
    }
)


class RecipientNoticeNotFound(NotFound):
    """No such notice in the actor's organization."""

    code = "RECIPIENT_NOTICE_NOT_FOUND"
    message = "Comunicação ao destinatário não encontrada. Confira o identificador."


class RecipientNoticeSettled(Conflict):
    """It was delivered, or said to be impossible; that stands."""

    code = "RECIPIENT_NOTICE_SETTLED"
    message = "A comunicação já está {state} e não muda mais."

    def __init__(self, state: NoticeState) -> None:
        super().__init__(state=STATE_NAMES[state])
