"""What of clients themselves refers to a client."""

from typing import Final

from core_api.client_rows import MovingRows
from core_api.modules.clients.models import Client, ClientNote, ClientRelation

CLIENT_ROWS: Final = (
    MovingRows(name="notes", model=ClientNote),
    MovingRows(name="people", model=ClientRelation, column="company_id", once_per="person_id"),
    MovingRows(name="companies", model=ClientRelation, column="person_id", once_per="company_id"),
    # Those that went into the other one earlier go along.
    MovingRows(name="merged_clients", model=Client, column="merged_into_id"),
)
