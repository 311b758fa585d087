"""The commands on tickets, and what other contexts may ask of them."""

from core_api.modules.tickets.changing import Changing
from core_api.modules.tickets.messaging import Messaging
from core_api.modules.tickets.moving import Moving

__all__ = ["TicketService"]


class TicketService(Changing, Moving, Messaging):
    """Every use case on tickets, in the transaction of one request."""
