"""What of consents refers to a client."""

from typing import Final

from core_api.client_rows import MovingRows, StayingRows
from core_api.modules.consents.ledger_models import PreferencesLink, ProcessingBlock
from core_api.modules.consents.models import Consent

# A receipt proves who decided what: it is never changed, and is read for the whole family; a link
# leads to it. A block goes along, so that who answers for the client is seen to be blocked.
CONSENT_ROWS: Final = (
    StayingRows(name="consents", model=Consent),
    StayingRows(name="preferences_links", model=PreferencesLink),
    MovingRows(name="processing_blocks", model=ProcessingBlock, once_per="purpose_id"),
)
