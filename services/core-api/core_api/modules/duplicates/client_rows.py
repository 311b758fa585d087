"""What of duplicates refers to a client."""

from typing import Final

from core_api.client_rows import StayingRows
from core_api.modules.duplicates.models import ClientDistinction, ClientMerge

# History, and what somebody knew about exactly these two.
DUPLICATE_ROWS: Final = (
    StayingRows(name="merges", model=ClientMerge, column="survivor_id"),
    StayingRows(name="merged", model=ClientMerge, column="merged_id"),
    StayingRows(name="distinctions", model=ClientDistinction),
    StayingRows(name="distinct_from", model=ClientDistinction, column="other_id"),
)
