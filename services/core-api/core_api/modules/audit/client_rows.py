"""What of the audit log refers to a client."""

from typing import Final

from core_api.client_rows import StayingRows
from core_api.modules.audit.models import SubjectKey

# What was sealed for the one opens with its own key, also after the two are one.
AUDIT_ROWS: Final = (StayingRows(name="subject_keys", model=SubjectKey),)
