"""Everything that refers to a client. A test compares it with the foreign keys there are."""

from typing import Final

from core_api.client_rows import StayingRows
from core_api.modules.audit.client_rows import AUDIT_ROWS
from core_api.modules.clients.client_rows import CLIENT_ROWS
from core_api.modules.consents.client_rows import CONSENT_ROWS
from core_api.modules.decisions.client_rows import DECISION_ROWS
from core_api.modules.deliveries.client_rows import DELIVERY_ROWS
from core_api.modules.duplicates.client_rows import DUPLICATE_ROWS
from core_api.modules.erasure.client_rows import ERASURE_ROWS
from core_api.modules.incidents.client_rows import INCIDENT_ROWS
from core_api.modules.privacy.client_rows import PRIVACY_ROWS
from core_api.modules.recipients.client_rows import RECIPIENT_ROWS
from core_api.modules.tickets.client_rows import TICKET_ROWS

CLIENT_RELATIONS: Final[tuple[StayingRows, ...]] = (
    *TICKET_ROWS,
    *CLIENT_ROWS,
    *CONSENT_ROWS,
    *PRIVACY_ROWS,
    *RECIPIENT_ROWS,
    *INCIDENT_ROWS,
    *DECISION_ROWS,
    *DELIVERY_ROWS,
    *AUDIT_ROWS,
    *DUPLICATE_ROWS,
    *ERASURE_ROWS,
)
"""By the names of previews and histories."""
