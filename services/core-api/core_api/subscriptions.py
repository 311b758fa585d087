"""Which events the service acts on, and what does."""

from typing import Final

from chassis.messaging.consumer import Subscription
from core_api.modules.decisions import entering as decisions_entering
from core_api.modules.erasure import finishing as erasure_answers
from core_api.modules.recipients import telling as telling_recipients
from core_api.modules.tickets import following_clients
from core_api.modules.tickets.search import upkeep as search_upkeep
from core_api.modules.triage import forgetting as triage_forgetting
from shared_schemas.events import (
    ClientMerged,
    ClientMergeUndone,
    ClientUpdated,
    DocumentDeleted,
    PrivacyDataAnonymized,
    PrivacyDataCorrected,
    PrivacyErasureCompleted,
    PrivacyErasureRequested,
    ProcessingBlocked,
    ProcessingUnblocked,
    TicketCreated,
    TicketTriaged,
    TicketUpdated,
)

SUBSCRIPTIONS: Final = (
    Subscription(ClientUpdated, following_clients.follow_client),
    Subscription(ClientMerged, search_upkeep.follow_merge),
    Subscription(ClientMergeUndone, search_upkeep.follow_undone_merge),
    Subscription(TicketCreated, search_upkeep.learn_created),
    Subscription(TicketUpdated, search_upkeep.learn_updated),
    Subscription(PrivacyErasureCompleted, erasure_answers.note_answer),
    Subscription(PrivacyErasureRequested, telling_recipients.follow_erasure),
    Subscription(PrivacyDataCorrected, telling_recipients.follow_correction),
    Subscription(PrivacyDataAnonymized, telling_recipients.follow_anonymisation),
    Subscription(ProcessingBlocked, telling_recipients.follow_block),
    Subscription(ProcessingUnblocked, telling_recipients.follow_unblock),
    Subscription(TicketTriaged, decisions_entering.follow_triage),
    Subscription(DocumentDeleted, triage_forgetting.follow_deletion),
)
