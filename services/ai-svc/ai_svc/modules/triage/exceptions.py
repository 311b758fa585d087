"""Why a ticket is not triaged yet."""

from typing import ClassVar


class NotTriagedYet(Exception):
    """Another attempt may do it."""

    code: ClassVar[str] = "TRIAGE_FAILED"
    message: ClassVar[str] = "A triagem não terminou. Será tentada de novo."


class TicketUnread(NotTriagedYet):
    """core-api does not answer, or not what was asked."""

    code = "TICKET_UNREAD"
    message = "O serviço de atendimento não respondeu. A triagem será tentada de novo."
