"""What of erasing refers to a client."""

from typing import Final

from core_api.client_rows import StayingRows
from core_api.modules.erasure.models import Erasure, LegalHold

# A hold holds the whole family, whoever of it it was placed on; an erasure is history.
ERASURE_ROWS: Final = (
    StayingRows(name="legal_holds", model=LegalHold),
    StayingRows(name="erasures", model=Erasure),
)
