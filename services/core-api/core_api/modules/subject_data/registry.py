"""Every section there is, and every table about clients that is in none, with the reason.

A test walks the tables: one that refers to a client, however far away, is in one of the two.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core_api.modules.attachments.subject_sections import ATTACHMENT_SECTIONS
from core_api.modules.audit.subject_sections import AUDIT_SECTIONS
from core_api.modules.clients.subject_sections import CLIENT_SECTIONS
from core_api.modules.consents.subject_sections import CONSENT_SECTIONS
from core_api.modules.decisions.subject_sections import DECISION_SECTIONS
from core_api.modules.duplicates.subject_sections import DUPLICATE_SECTIONS
from core_api.modules.incidents.subject_sections import INCIDENT_SECTIONS
from core_api.modules.privacy.subject_sections import PRIVACY_SECTIONS
from core_api.modules.recipients.subject_sections import RECIPIENT_SECTIONS
from core_api.modules.tickets.subject_sections import TICKET_SECTIONS
from core_api.modules.triage.subject_sections import TRIAGE_SECTIONS
from core_api.subject_sections import SectionSource

SECTIONS: Final[tuple[SectionSource, ...]] = (
    *CLIENT_SECTIONS,
    *TICKET_SECTIONS,
    *ATTACHMENT_SECTIONS,
    *CONSENT_SECTIONS,
    *DECISION_SECTIONS,
    *TRIAGE_SECTIONS,
    *RECIPIENT_SECTIONS,
    *INCIDENT_SECTIONS,
    *PRIVACY_SECTIONS,
    *DUPLICATE_SECTIONS,
    *AUDIT_SECTIONS,
)
"""In the order of the printed declaration."""

_INDEX: Final = "an index of what another section tells"
_WORK: Final = "how the desk worked on a ticket: about members, not about the client"
_PROCEDURE: Final = "how a request was carried out: ids, times and counts; the request is told"

LEFT_OUT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "client_facets": _INDEX,
        "ticket_facets": _INDEX,
        "ticket_search": _INDEX,
        "subject_keys": "the key the person's other data is sealed under: it says nothing",
        "client_distinctions": "that two clients are two: it would tell of the other one",
        "preferences_links": "validity of links only; what was decided by them is told",
        "privacy_request_steps": _PROCEDURE,
        "subject_data_answers": "these very answers",
        "subject_data_files": "these very files",
        "erasures": _PROCEDURE,
        "erasure_parts": _PROCEDURE,
        "erasure_steps": _PROCEDURE,
        "deliveries": "how what is told went out: ids and times; messages and notices are told",
        "legal_holds": "its reason tells of proceedings; the ground is told when an erasure waits",
        "sla_entries": _WORK,
        "sla_timers": _WORK,
        "ticket_links": "which tickets belong together; each is told",
        "ticket_watchers": _WORK,
        "consent_ledger": "hashes that prove the receipts, which are told",
        "audit_links": "hashes that prove the events",
    }
)
"""Table → why nobody is told of it."""
