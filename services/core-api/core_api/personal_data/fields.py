"""Every field of core-api's models whose type can say something.

Most names mean one thing wherever they stand. What `name`, `title`, `description`, `text`, `tags`
and `label` hold is said by model.
"""

from collections.abc import Mapping
from typing import Final

from core_api.personal_data.kinds import (
    ADDRESS,
    CONFIGURED,
    CONTACT,
    FILE,
    NAME,
    NUMBER,
    PROFILE,
    SEALED,
    SEALED_LOG,
    STAFF,
    STAFF_WORDS,
    WORDS,
    in_a_model,
)
from shared_schemas.personal_data import NONE, Classified, Held, fields_of


def _held(*groups: tuple[Held, str]) -> dict[str, Classified]:
    return fields_of(*((in_a_model(held), names) for held, names in groups))


def _none(names: str) -> dict[str, Classified]:
    return fields_of((NONE, names))


def _each(models: str, fields: Mapping[str, Classified]) -> dict[str, Mapping[str, Classified]]:
    return dict.fromkeys(models.split(), fields)


EVERYWHERE: Final = {
    **_held(
        (CONTACT, "email phone phone_display"),
        (NUMBER, "document"),
        (ADDRESS, "cep city street number complement district"),
        (NAME, "external_id cells sample before merged now this other result"),
        (PROFILE, "custom_fields"),
        (WORDS, "body subject note summary reason revocation_reason"),
        (SEALED, "grounds corrections notes records text answer lift_reason letter"),
        (SEALED_LOG, "values old new"),
        (FILE, "file_name"),
        (STAFF, "responsible_name officer officers importer_contact"),
        (
            STAFF_WORDS,
            """root_cause measures_before measures_after risks mitigation operator delay_reason
            no_notice_reason because impossible_because incomplete_because proof consulted""",
        ),
    ),
    # What was done, and how it went.
    **_none(
        """action subject_type changed related request_id head anchor code message error_code
        error_message problem problems warnings errors status store service erased kept missing
        obstacles refusal moved type field fields columns sort header separator encoding delimiter
        storage_key media_type sha256 proof_sha256 facts metric receipt url token title
        message_id"""
    ),
    # What the organization has configured, or says about itself.
    **_none(
        """key choices roles slug skills time_zone opens closes client_tags priorities pauses_in
        cause content policy_name custom actions example organization introduction explanation
        legal_name tax_id website subject_channel security_measures act_reference officer_note
        rights controller criteria criteria_explained inputs model prompt_version outcome"""
    ),
    # Purposes, notices, transfers, incidents: about processing, not about a person.
    **_none(
        """purpose purposes purpose_code purpose_codes legal_basis notice_sha256 notice_text locale
        evidence_sha256 articles data_categories subject_categories retention shared_with recipient
        recipients recipient_role what_for country safeguard importer importer_name mechanism
        mechanism_reference provider status_reason how duration transfers your_decision origin
        requirement protocol computed impact_assessment necessity proportionality methodology
        measures threat services items paragraphs heading"""
    ),
}

_NAME: Final = _held((NAME, "name"))
_NO_NAME: Final = _none("name description text label role")
_TAGS: Final = _held((PROFILE, "tags"))
_TICKET: Final = _held((WORDS, "subject description")) | _TAGS
_CONFIGURED: Final = _held((CONFIGURED, "name body text filter"))
_INCIDENT: Final = _held((STAFF_WORDS, "title description text"))
_REQUEST: Final = _held((SEALED, "description"))

WITHIN: Final[Mapping[str, Mapping[str, Classified]]] = {
    # Clients.
    **_each("ClientCreate ClientRead ClientUpdate ClientRegistered", _NAME | _TAGS),
    **_each("RelatedClient RelationPlanRead", _NAME),
    **_each("AddressInput AddressRead", _held((ADDRESS, "label"))),
    **_each("EmailInput EmailRead", _held((CONTACT, "address label"))),
    **_each("PhoneInput PhoneRead", _held((CONTACT, "number display label"))),
    **_each("RelationCreate RelationRead RelationUpdate", _held((PROFILE, "role"))),
    # Tickets.
    **_each("TicketCreate TicketRead TicketUpdate TicketSplitOff TicketHit", _TICKET),
    "TriageDetail": _held((WORDS, "draft reasons decline_reason")),
    "AttachmentRead": _held((FILE, "name sha256")),
    "TagChange": _held((PROFILE, "add remove")),
    "TicketQuery": _none("tag"),
    "StepRead": _held((WORDS, "text changes")) | _none("details"),
    "StepChange": _held((PROFILE, "old new")),
    # Requests of data subjects, and what they are answered.
    **_each("PrivacyRequestCreate PrivacyRequestDetail SubjectRequestCreate", _REQUEST),
    **_each("RepresentativePut RepresentativeRead", _held((SEALED, "name contact proof"))),
    "PrivacyRequestStepDetail": _none("details"),
    "SectionTold": _none("name label"),
    "MailToSend": _held((CONTACT, "to"), (WORDS, "text subject"), (STAFF, "reply_to sender_name")),
    "AnswerPart": _held((SEALED, "items paragraphs")),
    "Answer": _held((SEALED, "paragraphs")),
    **_each("RightRead SubjectRequestRead PurposeTold RecipientTold", _NO_NAME),
    # People of the organization.
    **_each("MeRead MemberRead TeamMemberRead", _held((STAFF, "name email"))),
    **_each(
        "OfficerCreate OfficerRead OfficerUpdate PublicOfficer Controller",
        _held((STAFF, "name email phone contact")),
    ),
    # What the organization configures, and registers about itself.
    **_each(
        """CategoryCreate CategoryRead CategoryUpdate OrganizationRead TeamCreate TeamRead
        TeamUpdate CalendarCreate CalendarRead CalendarUpdate HolidayRead SpecialDay PolicyCreate
        PolicyRead PolicyUpdate VariableRead FieldCreate FieldRead FieldUpdate BacklogRow
        ComplianceRow Row TimesRow PurposeCreate PurposeRead PurposeUpdate PreferenceRead
        PublicPurpose ProcessingRecord NoticeRead Recipient""",
        _NO_NAME,
    ),
    **_each("ProfilePut ProfileRead PublicNotice", _none("address")),
    **_each(
        """CannedReplyCreate CannedReplyRead CannedReplyUpdate MacroCreate MacroRead MacroUpdate
        SayAction ViewCreate ViewRead ViewUpdate""",
        _CONFIGURED,
    ),
    **_each("ViewFilter SkillRuleCreate SkillRuleRead", _none("tag")),
    **_each("ChangeTags Scope", _none("tags")),
    # Incidents.
    **_each(
        "IncidentCreate IncidentRead IncidentUpdate IncidentNoticeRead IncidentNoticeCreate",
        _INCIDENT,
    ),
    **_each("Recipient Transfer", _NO_NAME | _held((STAFF, "email"))),
    **_each("Draft DraftSection Telling", _none("text title")),
}
