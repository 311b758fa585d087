"""What of deliveries refers to a client."""

from typing import Final

from core_api.client_rows import StayingRows
from core_api.modules.deliveries.models import Delivery

# It is about what was written for that client; the address is asked of who answers for it.
DELIVERY_ROWS: Final = (StayingRows(name="deliveries", model=Delivery),)
