"""What of tickets refers to a client."""

from typing import Final

from core_api.client_rows import MovingRows
from core_api.modules.tickets.models import Ticket

TICKET_ROWS: Final = (MovingRows(name="tickets", model=Ticket, locked_first=True),)
