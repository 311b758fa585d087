"""What of consents refers to a client."""

from typing import Final

from core_api.client_rows import StayingRows
from core_api.modules.consents.ledger_models import PreferencesLink, ProcessingBlock
from core_api.modules.consents.models import Consent

# A receipt proves who decided what: it is never changed, and is read for the whole family. A block
# holds for the family as well; a link leads to it.
CONSENT_ROWS: Final = (
    StayingRows(name="consents", model=Consent),
    StayingRows(name="preferences_links", model=PreferencesLink),
    StayingRows(name="processing_blocks", model=ProcessingBlock),
)
