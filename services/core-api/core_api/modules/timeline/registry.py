"""Every kind of entry there is. A context adds one here and its shape in `schemas`."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from core_api.modules.attachments.timeline_source import ATTACHMENT_TIMELINE
from core_api.modules.audit.timeline_source import AUDIT_TIMELINE
from core_api.modules.clients.timeline_source import CLIENT_TIMELINE
from core_api.modules.consents.timeline_source import CONSENT_TIMELINE
from core_api.modules.duplicates.timeline_source import DUPLICATE_TIMELINE
from core_api.modules.privacy.timeline_source import PRIVACY_TIMELINE
from core_api.modules.tickets.timeline_source import TICKET_TIMELINE
from core_api.timeline_sources import TimelineKind, TimelineSource

SOURCES: Final[Mapping[TimelineKind, TimelineSource]] = MappingProxyType(
    {
        source.kind: source
        for source in (
            *TICKET_TIMELINE,
            *ATTACHMENT_TIMELINE,
            *CLIENT_TIMELINE,
            *CONSENT_TIMELINE,
            *AUDIT_TIMELINE,
            *DUPLICATE_TIMELINE,
            *PRIVACY_TIMELINE,
        )
    }
)
"""By kind."""
