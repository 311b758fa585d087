"""Races that constraints settle, and what they mean to a caller."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from chassis.web.errors import DomainError
from core_api.modules.categories.exceptions import CategoryNameTaken
from core_api.modules.clients.exceptions import ExternalIdTaken, RelationExists
from core_api.modules.consents.exceptions import (
    ConsentAlreadyRevoked,
    NoticeChangedMeanwhile,
    PurposeCodeTaken,
)
from core_api.modules.decisions.exceptions import ReviewOpen
from core_api.modules.erasure.exceptions import ErasureUnderWay
from core_api.modules.fields.exceptions import FieldKeyTaken
from core_api.modules.macros.exceptions import (
    CannedReplyInUse,
    CannedReplyNameTaken,
    MacroNameTaken,
)
from core_api.modules.officers.exceptions import OfficerStanding, ProfileChangedMeanwhile
from core_api.modules.privacy.exceptions import DestructionUnderWay, RequestLinkUsed
from core_api.modules.retention.exceptions import RetentionUnderWay
from core_api.modules.ropa.exceptions import AssessmentChangedMeanwhile
from core_api.modules.sla.exceptions import (
    SlaCalendarNameTaken,
    SlaDefaultTaken,
    SlaPolicyNameTaken,
)
from core_api.modules.teams.exceptions import SkillRuleExists, TeamNameTaken
from core_api.modules.tickets.exceptions import LinkExists, TicketHasParent
from core_api.modules.transfers.exceptions import TransferStanding
from core_api.modules.views.exceptions import ViewNameTaken

CONFLICTS: Final[Mapping[str, type[DomainError]]] = MappingProxyType(
    {
        "uq_teams_name": TeamNameTaken,
        "uq_saved_views_name": ViewNameTaken,
        "uq_canned_replies_name": CannedReplyNameTaken,
        "uq_macros_name": MacroNameTaken,
        "fk_macro_canned_replies_canned_reply": CannedReplyInUse,
        "uq_skill_rules_organization_id_category_id": SkillRuleExists,
        "uq_skill_rules_organization_id_tag": SkillRuleExists,
        "uq_clients_external_id": ExternalIdTaken,
        "uq_client_relations_organization_id_company_id_person_id": RelationExists,
        "uq_field_definitions_organization_id_entity_key": FieldKeyTaken,
        "uq_consent_purposes_organization_id_code": PurposeCodeTaken,
        "uq_consent_notices_organization_id_purpose_id_version": NoticeChangedMeanwhile,
        "uq_consent_revocations_organization_id_consent_id": ConsentAlreadyRevoked,
        "uq_privacy_requests_destroying": DestructionUnderWay,
        "uq_privacy_requests_link": RequestLinkUsed,
        "uq_retention_runs_unfinished": RetentionUnderWay,
        "uq_erasures_unfinished": ErasureUnderWay,
        "uq_controller_profiles_organization_id": ProfileChangedMeanwhile,
        "uq_privacy_officers_standing": OfficerStanding,
        "uq_international_transfers_standing": TransferStanding,
        "uq_impact_assessments_organization_id_purpose_id": AssessmentChangedMeanwhile,
        "uq_decision_reviews_open": ReviewOpen,
        "uq_sla_calendars_name": SlaCalendarNameTaken,
        "uq_sla_policies_name": SlaPolicyNameTaken,
        "uq_sla_policies_default": SlaDefaultTaken,
        "uq_ticket_categories_name": CategoryNameTaken,
        "uq_ticket_links_parent": TicketHasParent,
        "uq_ticket_links_organization_id_ticket_id_other_id_kind": LinkExists,
    }
)
