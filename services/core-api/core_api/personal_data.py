"""Where core-api holds personal data: every column of schema `crm`, every field of its models."""

from typing import Final

from shared_schemas.personal_data import (
    NONE,
    Category,
    Eraser,
    Held,
    PersonalData,
    Purpose,
    fields_of,
)

NAME: Final = Held(Category.IDENTITY, Purpose.SERVICE, Eraser.CLIENT)
NUMBER: Final = Held(Category.OFFICIAL_NUMBER, Purpose.SERVICE, Eraser.CLIENT)
CONTACT: Final = Held(Category.CONTACT, Purpose.SERVICE, Eraser.CLIENT)
ADDRESS: Final = Held(Category.ADDRESS, Purpose.SERVICE, Eraser.CLIENT)
PROFILE: Final = Held(Category.PROFILE, Purpose.SERVICE, Eraser.CLIENT)
WORDS: Final = Held(Category.WORDS, Purpose.SERVICE, Eraser.CLIENT)
FILE: Final = Held(Category.FILE, Purpose.SERVICE, Eraser.CLIENT)
DERIVED: Final = Held(Category.DERIVED, Purpose.SERVICE, Eraser.CLIENT)
RIGHTS_WORDS: Final = Held(Category.WORDS, Purpose.RIGHTS, Eraser.CLIENT)
SEALED: Final = Held(Category.WORDS, Purpose.RIGHTS, Eraser.KEY)
SEALED_LOG: Final = Held(Category.WORDS, Purpose.ACCOUNTABILITY, Eraser.KEY)
PROOF: Final = Held(Category.DERIVED, Purpose.RIGHTS, Eraser.KEPT)
STAFF: Final = Held(Category.STAFF, Purpose.OPERATION, Eraser.MEMBER)
STAFF_WORDS: Final = Held(Category.STAFF, Purpose.ACCOUNTABILITY, Eraser.MEMBER)
CONFIGURED: Final = Held(Category.STAFF, Purpose.OPERATION, Eraser.OWNER)
COPY: Final = Held(Category.WORDS, Purpose.OPERATION, Eraser.AGE)

_COLUMNS: Final = {
    "absences": {},
    "attachments": fields_of((FILE, "name"), (DERIVED, "sha256"), (NONE, "media_type")),
    "attendants": fields_of((STAFF, "skills")),
    "audit_events": fields_of(
        (SEALED_LOG, "values reason_sealed"),
        (STAFF_WORDS, "reason"),  # of what is about no client; of a client's it is sealed
        (NONE, "action subject_type changed related request_id attested"),
    ),
    "audit_heads": fields_of((NONE, "hash attested")),
    "audit_links": fields_of((NONE, "content_hash hash")),
    "canned_replies": fields_of((CONFIGURED, "name body")),
    "client_facets": fields_of((NONE, "name"), (DERIVED, "value")),
    "client_import_errors": fields_of((NAME, "cells"), (WORDS, "problems")),
    "client_import_runs": fields_of(
        (NONE, "leased_by stage error_code error_message plan correlation_id traceparent")
    ),
    "client_imports": fields_of(
        (FILE, "file_name sha256"), (NAME, "header sample"), (NONE, "encoding delimiter")
    ),
    "client_merges": fields_of((WORDS, "reason"), (NAME, "changed"), (NONE, "moved")),
    "client_notes": fields_of((WORDS, "body")),
    "client_relations": fields_of((PROFILE, "role")),
    "client_words": fields_of((DERIVED, "word")),
    "clients": fields_of(
        (NAME, "name name_folded external_id"),
        (CONTACT, "email phone emails phones"),
        (ADDRESS, "addresses"),
        (NUMBER, "document document_sealed document_index"),
        (PROFILE, "tags custom_fields"),
    ),
    "consent_ledger": fields_of((NONE, "entry previous_hash hash")),
    "consent_ledger_heads": fields_of((NONE, "hash")),
    "consent_notices": fields_of((NONE, "locale text sha256")),
    "consent_purposes": fields_of(
        (
            NONE,
            """code name description articles data_categories subject_categories recipients
            transfers""",
        )
    ),
    "consent_revocations": fields_of((RIGHTS_WORDS, "reason")),
    "consents": fields_of((NONE, "notice_sha256 locale"), (PROOF, "evidence_sha256")),
    "desk_settings": {},
    "field_definitions": fields_of((NONE, "key label choices")),
    "idempotency_keys": fields_of((COPY, "body headers"), (NONE, "key fingerprint")),
    "inbox": fields_of((NONE, "consumer")),
    "macros": fields_of((CONFIGURED, "name actions")),
    "members": fields_of((STAFF, "email name"), (NONE, "roles")),
    "message_revisions": fields_of((WORDS, "body")),
    "organizations": fields_of((NONE, "slug name")),
    "outbox": fields_of((NONE, "event_type envelope")),  # ids, enumerations, names of fields
    "saved_views": fields_of((CONFIGURED, "name filter"), (NONE, "sort columns")),
    "skill_rules": fields_of((NONE, "tag skills")),
    "sla_calendar_revisions": fields_of((NONE, "definition")),
    "sla_calendars": fields_of((NONE, "name definition")),
    "sla_entries": fields_of((NONE, "cause")),
    "sla_policies": fields_of((NONE, "name priorities category_ids client_tags pauses_in")),
    "sla_policy_revisions": fields_of((NONE, "content")),
    "sla_recomputations": fields_of((NONE, "cause")),
    "sla_timers": fields_of((NONE, "priority")),
    "subject_keys": fields_of((Held(Category.DERIVED, Purpose.RIGHTS, Eraser.KEY), "key_sealed")),
    "team_rotations": fields_of((NONE, "last_turns")),
    "teams": fields_of((NONE, "name")),
    "ticket_categories": fields_of((NONE, "name path")),
    "ticket_facets": fields_of((NONE, "name"), (DERIVED, "value")),
    "ticket_messages": fields_of((WORDS, "body"), (NONE, "mentions")),
    "ticket_search": fields_of((DERIVED, "terms")),
    "ticket_words": fields_of((DERIVED, "word")),
    "tickets": fields_of((WORDS, "subject description"), (PROFILE, "tags custom_fields")),
    # Requests of data subjects: what names somebody is sealed under the person's key.
    "privacy_messages": fields_of((SEALED, "body_sealed")),
    "privacy_request_steps": fields_of((SEALED, "text_sealed"), (NONE, "details")),
    "privacy_requests": fields_of(
        (SEALED, "content_sealed representative_sealed"),
        (NONE, "purpose_code warning_days receipt"),
    ),
    "privacy_policies": fields_of((NONE, "warning_days")),
    "subject_data_answers": fields_of((SEALED, "answer_sealed"), (NONE, "correlation_id")),
    "subject_data_files": fields_of((SEALED, "key_sealed"), (PROOF, "sha256")),
    "decision_reviews": fields_of((SEALED, "grounds_sealed answer_sealed")),
    # Accountability: of the organization's own people, and of those it answers to.
    "automated_decisions": fields_of(
        (NONE, "inputs criteria model prompt_version outcome confidence")
    ),
    "controller_profiles": fields_of(
        (NONE, "legal_name tax_id address website subject_channel security_measures")
    ),
    "impact_assessments": fields_of(
        (NONE, "necessity proportionality methodology risks measures"), (STAFF_WORDS, "consulted")
    ),
    "incident_notices": fields_of(
        (STAFF_WORDS, "text incomplete_because"), (NONE, "sha256 protocol")
    ),
    "incident_subjects": fields_of((STAFF_WORDS, "proof")),
    "incidents": fields_of(
        (
            STAFF_WORDS,
            """title description root_cause measures_before measures_after risks mitigation operator
            delay_reason no_notice_reason""",
        ),
        (NONE, "breaches data_categories subject_categories computed involves"),
    ),
    "international_transfers": fields_of(
        (
            NONE,
            """provider importer_name country mechanism_reference purpose_codes data_categories how
            duration security_measures status_reason""",
        ),
        (STAFF, "importer_contact"),
    ),
    "privacy_officers": fields_of(
        (STAFF, "name responsible_name email phone"), (NONE, "act_reference")
    ),
    "recipient_notices": fields_of(
        (NONE, "fields recipient recipient_role country purpose_codes"),
        (STAFF_WORDS, "proof impossible_because"),
    ),
}


def _of(held: Held) -> Held:
    """The same in a request or an answer."""
    return Held(held.category, held.purpose, Eraser.VALUE)


_EVERYWHERE: Final = fields_of(
    (_of(CONTACT), "email phone phone_display address_line"),
    (_of(NUMBER), "document"),
    (_of(ADDRESS), "cep city street number complement district"),
    (_of(NAME), "external_id cells sample before merged now this other result"),
    (_of(PROFILE), "custom_fields"),
    (_of(WORDS), "body subject note summary revocation_reason reason grounds"),
    (_of(FILE), "file_name"),
    (_of(SEALED_LOG), "values old new"),
    (_of(STAFF), "responsible_name"),
    (
        NONE,
        """action subject_type changed related request_id head anchor code message sha256 media_type
        purpose_code notice_sha256 notice_text locale evidence_sha256 articles data_categories
        subject_categories encoding delimiter separator storage_key warnings header field columns
        sort problems error_code error_message key choices roles slug tag skills time_zone opens
        closes client_tags priorities pauses_in cause content policy_name metric facts type custom
        shown_at decided_at created_since created_until updated_since updated_until starts_at
        ends_at at country safeguard recipient role_of_recipient what_for organization
        introduction explanation receipt signature algorithm token url refusal moved actions
        example warning_days legal_name tax_id website subject_channel security_measures
        act_reference legal_basis retention shared_with officer_note rights controller importer
        mechanism how duration purposes""",
    ),
)
_TAGS: Final = fields_of((_of(PROFILE), "tags"))
_NO_TAGS: Final = fields_of((NONE, "tags"))
_NAME: Final = fields_of((_of(NAME), "name"))
_NO_NAME: Final = fields_of((NONE, "name"))
_STAFF_NAME: Final = fields_of((_of(STAFF), "name email"))
_OFFICER: Final = fields_of((_of(STAFF), "name email phone"))
_CONFIGURED: Final = fields_of((_of(CONFIGURED), "name body text old new add remove"))
_TICKET: Final = fields_of((_of(WORDS), "subject description"), (_of(PROFILE), "tags"))
_LABELLED: Final = fields_of((NONE, "key label"))
_ENTRY: Final = fields_of((NONE, "title"))

_WITHIN: Final = {
    # clients
    **dict.fromkeys(
        ("ClientCreate", "ClientRead", "ClientUpdate", "ClientRegistered"), _NAME | _TAGS
    ),
    **dict.fromkeys(("RelatedClient", "RelationPlanRead"), _NAME),
    **dict.fromkeys(("AddressInput", "AddressRead"), fields_of((_of(ADDRESS), "label number"))),
    **dict.fromkeys(("EmailInput", "EmailRead"), fields_of((_of(CONTACT), "address label"))),
    **dict.fromkeys(("PhoneInput", "PhoneRead"), fields_of((_of(CONTACT), "number display label"))),
    **dict.fromkeys(
        ("RelationCreate", "RelationRead", "RelationUpdate"), fields_of((_of(PROFILE), "role"))
    ),
    # tickets
    **dict.fromkeys(
        ("TicketCreate", "TicketRead", "TicketUpdate", "TicketSplitOff", "TicketHit"), _TICKET
    ),
    "HighlightRead": fields_of((_of(WORDS), "text")),
    "AttachmentRead": fields_of((_of(FILE), "name sha256")),
    "TagChange": fields_of((_of(PROFILE), "add remove")),
    **dict.fromkeys(
        (
            "TicketEntry",
            "MessageEntry",
            "NoteEntry",
            "AttachmentEntry",
            "ConsentEntry",
            "RevocationEntry",
            "ChangeEntry",
            "MergeEntry",
            "UndoneMergeEntry",
            "_Entry",
        ),
        _ENTRY,
    ),
    # people of the organization
    **dict.fromkeys(("MeRead", "MemberRead", "TeamMemberRead"), _STAFF_NAME),
    **dict.fromkeys(("OfficerCreate", "OfficerRead", "OfficerUpdate", "PublicOfficer"), _OFFICER),
    # what the organization configures
    **dict.fromkeys(
        (
            "CategoryCreate",
            "CategoryRead",
            "CategoryUpdate",
            "OrganizationRead",
            "TeamCreate",
            "TeamRead",
            "TeamUpdate",
            "CalendarCreate",
            "CalendarRead",
            "CalendarUpdate",
            "HolidayRead",
            "SpecialDay",
            "PolicyCreate",
            "PolicyRead",
            "PolicyUpdate",
        ),
        _NO_NAME,
    ),
    **dict.fromkeys(
        (
            "CannedReplyCreate",
            "CannedReplyRead",
            "CannedReplyUpdate",
            "MacroCreate",
            "MacroRead",
            "MacroUpdate",
            "SayAction",
            "ViewCreate",
            "ViewRead",
            "ViewUpdate",
        ),
        _CONFIGURED,
    ),
    "ChangeTags": _NO_TAGS,
    "StepChange": fields_of((_of(PROFILE), "old new")),
    "StepRead": fields_of((_of(WORDS), "text changes")),
    "VariableRead": fields_of((NONE, "name description")),
    **dict.fromkeys(("FieldCreate", "FieldRead", "FieldUpdate"), _LABELLED),
    **dict.fromkeys(("BacklogRow", "ComplianceRow", "Row", "TimesRow"), _LABELLED),
    # consents
    **dict.fromkeys(
        ("PurposeCreate", "PurposeRead", "PurposeUpdate", "PreferenceRead", "PublicPurpose"),
        fields_of((NONE, "name description")),
    ),
    "NoticeRead": fields_of((NONE, "text")),
    "Recipient": fields_of((NONE, "name role")),
    **dict.fromkeys(("ProfilePut", "ProfileRead", "PublicNotice"), fields_of((NONE, "address"))),
}

PERSONAL_DATA: Final = PersonalData(columns=_COLUMNS, everywhere=_EVERYWHERE, within=_WITHIN)
"""Composed with those of the other services by a test, which looks for what is in none."""
