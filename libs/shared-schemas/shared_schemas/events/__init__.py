"""Every event of the system, and the registry that decodes one from the wire."""

from types import MappingProxyType
from typing import Final

from shared_schemas.events.accountability import (
    DeadlineWarned,
    DecisionReviewAnswered,
    DecisionReviewRequested,
    IncidentRegistered,
)
from shared_schemas.events.base import BaseEvent, Payload
from shared_schemas.events.clients import (
    ClientCreated,
    ClientDeleted,
    ClientMerged,
    ClientMergeUndone,
    ClientUpdated,
)
from shared_schemas.events.consents import ConsentGranted, ConsentRefused, ConsentRevoked
from shared_schemas.events.data_rights import PrivacyDataAnonymized, PrivacyDataCorrected
from shared_schemas.events.documents import (
    DocumentChanged,
    DocumentDeleted,
    DocumentFailed,
    DocumentIndexed,
    DocumentSubmitted,
)
from shared_schemas.events.imports import ClientImportFinished, ClientImportStarted
from shared_schemas.events.privacy import PrivacyErasureCompleted, PrivacyErasureRequested
from shared_schemas.events.privacy_requests import (
    PrivacyDeadlineWarned,
    PrivacyRequestClosed,
    PrivacyRequestOpened,
)
from shared_schemas.events.processing import (
    ProcessingBlocked,
    ProcessingUnblocked,
    PurposeChanged,
)
from shared_schemas.events.sla import SlaBreached, SlaWarned
from shared_schemas.events.teams import TeamMembersChanged
from shared_schemas.events.tickets import (
    TicketCreated,
    TicketMentioned,
    TicketMerged,
    TicketMessageAdded,
    TicketResolved,
    TicketSplit,
    TicketTriaged,
    TicketUpdated,
)
from shared_schemas.events.transfers import TransferChanged

_EVENTS: Final[tuple[type[BaseEvent], ...]] = (
    ClientCreated,
    ClientUpdated,
    ClientDeleted,
    ClientMerged,
    ClientMergeUndone,
    ClientImportStarted,
    ClientImportFinished,
    TicketCreated,
    TicketUpdated,
    TicketResolved,
    TicketMessageAdded,
    TicketMentioned,
    TicketMerged,
    TicketSplit,
    TicketTriaged,
    SlaWarned,
    SlaBreached,
    DocumentSubmitted,
    DocumentIndexed,
    DocumentFailed,
    DocumentChanged,
    DocumentDeleted,
    TeamMembersChanged,
    ConsentGranted,
    ConsentRefused,
    ConsentRevoked,
    PurposeChanged,
    ProcessingBlocked,
    ProcessingUnblocked,
    PrivacyRequestOpened,
    PrivacyRequestClosed,
    PrivacyDeadlineWarned,
    PrivacyErasureRequested,
    PrivacyErasureCompleted,
    PrivacyDataCorrected,
    PrivacyDataAnonymized,
    TransferChanged,
    DeadlineWarned,
    IncidentRegistered,
    DecisionReviewRequested,
    DecisionReviewAnswered,
)

EVENT_TYPES: Final = MappingProxyType({(event.TYPE, event.VERSION): event for event in _EVENTS})
"""(event_type, version) → class."""

__all__ = [
    "EVENT_TYPES",
    "BaseEvent",
    "ClientCreated",
    "ClientDeleted",
    "ClientImportFinished",
    "ClientImportStarted",
    "ClientMergeUndone",
    "ClientMerged",
    "ClientUpdated",
    "ConsentGranted",
    "ConsentRefused",
    "ConsentRevoked",
    "DeadlineWarned",
    "DecisionReviewAnswered",
    "DecisionReviewRequested",
    "DocumentChanged",
    "DocumentDeleted",
    "DocumentFailed",
    "DocumentIndexed",
    "DocumentSubmitted",
    "IncidentRegistered",
    "Payload",
    "PrivacyDataAnonymized",
    "PrivacyDataCorrected",
    "PrivacyDeadlineWarned",
    "PrivacyErasureCompleted",
    "PrivacyErasureRequested",
    "PrivacyRequestClosed",
    "PrivacyRequestOpened",
    "ProcessingBlocked",
    "ProcessingUnblocked",
    "PurposeChanged",
    "SlaBreached",
    "SlaWarned",
    "TeamMembersChanged",
    "TicketCreated",
    "TicketMentioned",
    "TicketMerged",
    "TicketMessageAdded",
    "TicketResolved",
    "TicketSplit",
    "TicketTriaged",
    "TicketUpdated",
    "TransferChanged",
]
