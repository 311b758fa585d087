"""Every store of core-api that may hold something of a person, in the order in which they are
erased. A test compares it with the tables there are."""

from typing import Final

from core_api.modules.attachments.erasing import ATTACHMENT_STORES
from core_api.modules.audit.erasing import AUDIT_STORES, KEY_STORES
from core_api.modules.clients.erasing import CLIENT_STORES
from core_api.modules.consents.erasing import CONSENT_STORES
from core_api.modules.decisions.erasing import DECISION_STORES
from core_api.modules.deliveries.erasing import DELIVERY_STORES
from core_api.modules.duplicates.erasing import DUPLICATE_STORES
from core_api.modules.erasure.erasing import ERASURE_STORES
from core_api.modules.erasure.traces import TRACE_STORES
from core_api.modules.imports.erasing import IMPORT_STORES
from core_api.modules.incidents.erasing import INCIDENT_STORES
from core_api.modules.presence.erasing import PRESENCE_STORES
from core_api.modules.privacy.erasing import PRIVACY_STORES
from core_api.modules.recipients.erasing import RECIPIENT_STORES
from core_api.modules.sla.erasing import SLA_STORES
from core_api.modules.subject_data.erasing import SUBJECT_DATA_STORES
from core_api.modules.tickets.erasing import MESSAGE_STORES, SEARCH_STORES, STATISTICS_STORES
from core_api.modules.triage.erasing import TRIAGE_STORES
from core_api.modules.views.erasing import VIEW_STORES
from core_api.subject_stores import Store

ERASURE_STORES_IN_ORDER: Final[tuple[Store, ...]] = (
    *DELIVERY_STORES,  # nothing is sent to them from here on
    # What names the person by a value is found by it while their tickets and files are there.
    *IMPORT_STORES,
    *VIEW_STORES,
    *TRACE_STORES,
    *PRESENCE_STORES,
    *CLIENT_STORES,  # nobody finds the client from here on
    *ATTACHMENT_STORES,
    *MESSAGE_STORES,
    *TRIAGE_STORES,  # after clients and tickets: nothing is proposed any more
    *SEARCH_STORES,
    *STATISTICS_STORES,
    *SLA_STORES,
    *DUPLICATE_STORES,
    *CONSENT_STORES,
    *DECISION_STORES,
    *RECIPIENT_STORES,
    *INCIDENT_STORES,
    *SUBJECT_DATA_STORES,
    *PRIVACY_STORES,
    *ERASURE_STORES,
    *AUDIT_STORES,
    *KEY_STORES,  # last: they open what the others are found by
)
"""Each name once."""
IN_REDIS: Final = frozenset({"dead_letters", "presence"})
"""What no backup of the database holds."""
