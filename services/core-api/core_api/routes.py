"""Every route of the service, in the order in which paths are tried."""

from typing import Final

from core_api.modules.access_facts import router as access_facts
from core_api.modules.anonymisation import router as anonymisation
from core_api.modules.attachments import router as attachments
from core_api.modules.audit import router as audit
from core_api.modules.blocking import router as blocking
from core_api.modules.categories import router as categories
from core_api.modules.clients import router as clients
from core_api.modules.clients.export import router as client_exports
from core_api.modules.clients.notes import router as client_notes
from core_api.modules.clients.relations import router as client_relations
from core_api.modules.consents import ledger_router as consent_ledger
from core_api.modules.consents import preferences_router as preferences
from core_api.modules.consents import router as consents
from core_api.modules.deadlines import router as deadlines
from core_api.modules.decisions import router as decisions
from core_api.modules.deliveries import internal_router as mails_to_send
from core_api.modules.deliveries import router as deliveries
from core_api.modules.desk import router as desk
from core_api.modules.duplicates import router as duplicates
from core_api.modules.erasure import hold_router as legal_holds
from core_api.modules.erasure import router as erasure
from core_api.modules.fields import router as fields
from core_api.modules.imports import internal_router as import_runs
from core_api.modules.imports import router as client_imports
from core_api.modules.incidents import notice_router as incident_notices
from core_api.modules.incidents import router as incidents
from core_api.modules.live import router as live_updates
from core_api.modules.macros import canned_router as canned_replies
from core_api.modules.macros import router as macros
from core_api.modules.maintenance import router as maintenance
from core_api.modules.officers import router as officers
from core_api.modules.organizations import router as organizations
from core_api.modules.presence import router as presence
from core_api.modules.privacy import handling_router as privacy_handling
from core_api.modules.privacy import router as privacy
from core_api.modules.privacy import settings_router as privacy_settings
from core_api.modules.recipients import router as recipients
from core_api.modules.reports import router as reports
from core_api.modules.retention import router as retention
from core_api.modules.ropa import router as ropa
from core_api.modules.sla import calendar_router as sla_calendars
from core_api.modules.sla import policy_router as sla_policies
from core_api.modules.sla import router as sla
from core_api.modules.subject_data import router as subject_data
from core_api.modules.teams import attendants_router as attendants
from core_api.modules.teams import router as teams
from core_api.modules.teams import sweep_router as assignment_sweep
from core_api.modules.tickets import router as tickets
from core_api.modules.tickets.bulk import router as tickets_in_bulk
from core_api.modules.tickets.messages import router as ticket_messages
from core_api.modules.tickets.relations import router as ticket_relations
from core_api.modules.timeline import router as timeline
from core_api.modules.transfers import router as transfers
from core_api.modules.triage import internal_router as triage_by_assistant
from core_api.modules.triage import router as triage
from core_api.modules.views import router as views

ROUTERS: Final = (
    organizations.router,
    duplicates.router,
    client_exports.router,  # before the path of one client
    clients.router,
    client_notes.router,
    client_relations.router,
    timeline.router,
    client_imports.router,
    fields.router,
    tickets.router,
    tickets_in_bulk.router,
    ticket_messages.router,
    ticket_relations.router,
    triage.router,
    attachments.router,
    categories.router,
    desk.router,
    presence.router,
    views.router,
    canned_replies.router,
    macros.router,
    teams.router,
    attendants.router,
    sla.router,
    sla_calendars.router,
    sla_policies.router,
    reports.router,
    live_updates.router,
    consents.router,
    consent_ledger.router,
    preferences.router,
    preferences.public_router,
    privacy.router,
    privacy_handling.router,
    privacy_settings.router,
    erasure.router,
    legal_holds.router,
    subject_data.router,
    subject_data.direct_router,
    blocking.router,
    retention.router,
    officers.router,
    officers.public_router,
    ropa.router,
    transfers.router,
    recipients.router,
    incidents.router,
    incident_notices.router,
    decisions.router,
    deadlines.router,
    deliveries.router,
    audit.router,
)
INTERNAL_ROUTERS: Final = (
    maintenance.router,
    assignment_sweep.router,
    triage_by_assistant.router,
    sla.internal_router,
    import_runs.router,
    access_facts.router,
    consent_ledger.internal_router,
    retention.internal_router,
    privacy.internal_router,
    erasure.internal_router,
    anonymisation.internal_router,
    subject_data.internal_router,
    recipients.internal_router,
    mails_to_send.router,
    deadlines.internal_router,
    audit.internal_router,
)
