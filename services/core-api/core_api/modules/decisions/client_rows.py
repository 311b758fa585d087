"""What of reviews refers to a client."""

from typing import Final

from core_api.client_rows import StayingRows
from core_api.modules.decisions.models import DecisionReview

# Who asked, or for whom it was asked, on that day.
DECISION_ROWS: Final = (StayingRows(name="decision_reviews", model=DecisionReview),)
