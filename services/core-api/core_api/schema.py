"""All tables of schema `crm` in one metadata: what migrations are compared with."""

from typing import Final

from core_api.modules.attachments import models as _attachments
from core_api.modules.audit import models as _audit
from core_api.modules.categories import models as _categories
from core_api.modules.clients import models as _clients
from core_api.modules.clients.search import index as _client_search
from core_api.modules.consents import ledger_models as _consent_ledger
from core_api.modules.consents import models as _consents
from core_api.modules.deadlines import models as _deadlines
from core_api.modules.decisions import models as _decisions
from core_api.modules.deliveries import models as _deliveries
from core_api.modules.desk import models as _desk
from core_api.modules.duplicates import models as _duplicates
from core_api.modules.erasure import models as _erasure
from core_api.modules.fields import models as _fields
from core_api.modules.imports import models as _imports
from core_api.modules.incidents import models as _incidents
from core_api.modules.macros import models as _macros
from core_api.modules.officers import models as _officers
from core_api.modules.organizations import models as _organizations
from core_api.modules.privacy import models as _privacy
from core_api.modules.recipients import models as _recipients
from core_api.modules.retention import models as _retention
from core_api.modules.ropa import models as _ropa
from core_api.modules.sla import models as _sla
from core_api.modules.subject_data import models as _subject_data
from core_api.modules.teams import models as _teams
from core_api.modules.tickets import models as _tickets
from core_api.modules.tickets.messages import models as _ticket_messages
from core_api.modules.tickets.relations import models as _ticket_relations
from core_api.modules.tickets.search import models as _ticket_search
from core_api.modules.transfers import models as _transfers
from core_api.modules.triage import models as _triage
from core_api.modules.views import models as _views
from core_api.tables import SCHEMA, Base

METADATA: Final = Base.metadata

__all__ = [
    "METADATA",
    "SCHEMA",
    "_attachments",
    "_audit",
    "_categories",
    "_client_search",
    "_clients",
    "_consent_ledger",
    "_consents",
    "_deadlines",
    "_decisions",
    "_deliveries",
    "_desk",
    "_duplicates",
    "_erasure",
    "_fields",
    "_imports",
    "_incidents",
    "_macros",
    "_officers",
    "_organizations",
    "_privacy",
    "_recipients",
    "_retention",
    "_ropa",
    "_sla",
    "_subject_data",
    "_teams",
    "_ticket_messages",
    "_ticket_relations",
    "_ticket_search",
    "_tickets",
    "_transfers",
    "_triage",
    "_views",
]
