"""What of requests of data subjects refers to a client."""

from typing import Final

from core_api.client_rows import StayingRows
from core_api.modules.privacy.models import PrivacyMessage, PrivacyRequest, PrivacyRequestStep

# A request is about the person it was opened for, its texts open with that one's key, and who
# reads it after a merge asks for the whole family.
PRIVACY_ROWS: Final = (
    StayingRows(name="privacy_requests", model=PrivacyRequest),
    StayingRows(name="privacy_request_steps", model=PrivacyRequestStep),
    StayingRows(name="privacy_messages", model=PrivacyMessage),
)
