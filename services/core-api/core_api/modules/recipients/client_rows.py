"""What of notices to recipients refers to a client."""

from typing import Final

from core_api.client_rows import StayingRows
from core_api.modules.recipients.models import RecipientNotice

# Whose data it was about when it was to be told.
RECIPIENT_ROWS: Final = (StayingRows(name="recipient_notices", model=RecipientNotice),)
