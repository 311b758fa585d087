"""Every column of schema `crm` whose type can say something."""

from typing import Final

from core_api.personal_data.kinds import (
    ADDRESS,
    CONFIGURED,
    CONTACT,
    COPY,
    DERIVED,
    FILE,
    NAME,
    NUMBER,
    PROFILE,
    PROOF,
    RIGHTS_WORDS,
    SEALED,
    SEALED_LOG,
    STAFF,
    STAFF_WORDS,
    WORDS,
)
from shared_schemas.personal_data import NONE, Category, Eraser, Held, Purpose, fields_of

COLUMNS: Final = {
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
    "deliveries": fields_of(
        (NONE, "leased_by stage error_code error_message message_id")  # the id is random
    ),
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
    "triage_settings": {},
    "ticket_triages": fields_of(
        (WORDS, "draft citations duplicates reasons decline_reason"),
        (NONE, "document_ids inputs criteria model prompt_version applied kept accepted"),
    ),
    "tickets": fields_of((WORDS, "subject description"), (PROFILE, "tags custom_fields")),
    # Requests of data subjects: what names somebody is sealed under the person's key.
    "privacy_messages": fields_of((SEALED, "body_sealed")),
    "privacy_request_steps": fields_of((SEALED, "text_sealed"), (NONE, "details")),
    "privacy_requests": fields_of(
        (SEALED, "content_sealed representative_sealed"),
        (NONE, "purpose_code warning_days receipt"),
    ),
    "privacy_policies": fields_of((NONE, "warning_days")),
    "processing_blocks": fields_of((SEALED, "reason_sealed lift_reason_sealed")),
    "retention_runs": fields_of((NONE, "correlation_id purposes errors")),
    "subject_data_answers": fields_of((SEALED, "answer_sealed"), (NONE, "correlation_id")),
    "subject_data_files": fields_of((SEALED, "key_sealed"), (PROOF, "sha256")),
    "decision_reviews": fields_of((SEALED, "grounds_sealed answer_sealed")),
    "erasure_parts": fields_of((NONE, "service erased kept problem")),
    "erasure_steps": fields_of((NONE, "store")),
    "erasures": fields_of((SEALED, "known_sealed"), (NONE, "client_ids correlation_id receipt")),
    "legal_holds": fields_of((SEALED, "reason_sealed lift_reason_sealed")),
    # Accountability: of the organization's own people, and of those it answers to.
    "automated_decisions": fields_of((NONE, "inputs criteria model prompt_version outcome")),
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
"""Table → column → what it holds."""
