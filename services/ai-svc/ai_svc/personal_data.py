"""Where ai-svc holds personal data: every column of schema `ai`, every field of its models, and of
what it shares with worker-svc."""

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

WORDS: Final = Held(Category.WORDS, Purpose.ASSISTANT, Eraser.DOCUMENT)
FILE: Final = Held(Category.FILE, Purpose.ASSISTANT, Eraser.DOCUMENT)
DERIVED: Final = Held(Category.DERIVED, Purpose.ASSISTANT, Eraser.DOCUMENT)
ASKED: Final = Held(Category.WORDS, Purpose.ASSISTANT, Eraser.CLIENT)
ASKED_DERIVED: Final = Held(Category.DERIVED, Purpose.ASSISTANT, Eraser.CLIENT)
CONFIGURED: Final = Held(Category.STAFF, Purpose.OPERATION, Eraser.OWNER)
COPY: Final = Held(Category.WORDS, Purpose.OPERATION, Eraser.AGE)
VALUE: Final = Held(Category.WORDS, Purpose.ASSISTANT, Eraser.VALUE)
FILE_VALUE: Final = Held(Category.FILE, Purpose.ASSISTANT, Eraser.VALUE)

_RUN: Final = "leased_by stage error_code error_message correlation_id traceparent"
_COLUMNS: Final = {
    "answer_feedback": fields_of((ASKED, "comment corrected_answer")),
    "answer_sources": fields_of((WORDS, "title heading")),
    "answers": fields_of((ASKED, "question answer"), (NONE, "model prompt_version")),
    "batch_items": fields_of((FILE, "name"), (NONE, "error_code error_message")),
    "cached_answers": fields_of((ASKED, "question_key"), (NONE, "scope snapshot")),
    "chunk_edits": fields_of((WORDS, "original replacement"), (DERIVED, "original_sha256")),
    "chunk_signatures": fields_of((DERIVED, "signature"), (NONE, "model")),
    "chunks": fields_of(
        (WORDS, "content heading"), (DERIVED, "lexv terms embedding"), (NONE, "embedding_model")
    ),
    "client_consents": fields_of((NONE, "purpose_code")),
    "conversation_messages": fields_of(
        (ASKED, "content answer"),
        (ASKED_DERIVED, "terms request_fingerprint"),
        (NONE, "agent model prompt_version currency error_code error_message request_key"),
    ),
    "conversations": fields_of((ASKED, "title")),
    "document_versions": fields_of(
        (WORDS, "content uncorrected outline"),
        (FILE, "source_uri"),
        (DERIVED, "content_sha256"),
        (NONE, "mime_type charset storage_key chunking stages error_code error_message"),
    ),
    "documents": fields_of(
        (FILE, "title external_id"),
        (WORDS, "tags"),
        (
            NONE,
            "chunking error_code error_message allowed_roles allowed_team_ids purpose_code",
        ),
    ),
    "erasure_keys": fields_of((NONE, "key")),
    "erasure_objects": fields_of((NONE, "prefix")),
    "erasures": fields_of((NONE, f"{_RUN} client_ids erased")),
    "idempotency_keys": fields_of((COPY, "body headers"), (NONE, "key fingerprint")),
    "inbox": fields_of((NONE, "consumer")),
    "ingestion_queue": fields_of((NONE, _RUN)),
    "lexical_statistics": fields_of((DERIVED, "terms frequencies stems")),
    "message_feedback": fields_of((ASKED, "comment correction")),
    "memory_corrections": fields_of((ASKED, "text")),
    "memory_fact_clients": fields_of((NONE, "purpose_code")),
    # Of a client where one is linked; what somebody told of themselves alone goes with its time.
    "memory_facts": fields_of((ASKED, "text digest")),
    "outbox": fields_of((NONE, "event_type envelope")),  # ids, enumerations, names of fields
    "processing_blocks": fields_of((NONE, "purpose_code")),
    "prompt_alias_changes": fields_of((NONE, "prompt_id")),
    "prompt_aliases": fields_of((NONE, "prompt_id")),
    "proposals": fields_of(
        (ASKED, "summary arguments arguments_sha256 error_message"),
        (NONE, "skill caution basis result error_code"),  # ids, enumerations, a line of ours
    ),
    "provider_policies": fields_of((NONE, "providers personal_data countries")),
    "purposes": fields_of((NONE, "purpose_code")),
    "source_items": fields_of(
        (FILE, "address"),
        (DERIVED, "content_sha256"),
        (NONE, "etag last_modified listed_as error_code error_message"),
    ),
    "source_runs": fields_of((NONE, _RUN)),
    "sources": fields_of(
        (CONFIGURED, "name address options sealed_credentials"),
        (NONE, "chunking tags visibility allowed_roles allowed_team_ids erased_key"),
    ),
    "transfers": fields_of((NONE, "provider country mechanism purpose_codes")),
    "triages": fields_of((NONE, _RUN)),
    "upload_parts": fields_of((NONE, "storage_key")),
    "uploads": fields_of((FILE, "file_name fields"), (DERIVED, "sha256")),
    "usage_entries": fields_of((NONE, "use model request_id currency")),
}

_EVERYWHERE: Final = fields_of(
    (
        VALUE,
        """question answer corrected_answer comment wordings text content heading original
        replacement quote query suggestion correction excerpt stem tags""",
    ),
    (FILE_VALUE, "title source_uri url external_id address page_image"),
    (
        NONE,
        """status stage purpose_code items error_code error_message notice mime_type content_sha256
        embedding_model model prompt_version fusion milliseconds way request_id access_key_id
        secret_access_key state under endpoint region currency""",
    ),
)
_WITHIN: Final = {
    "Said": fields_of((VALUE, "reply reasons")),  # of triage
    "MessageError": fields_of((NONE, "code message")),
    **dict.fromkeys(
        ("MessageRead", "MessageSend"),
        fields_of((VALUE, "content"), (NONE, "agent")),
    ),
    "BatchItemRead": fields_of((FILE_VALUE, "name")),
    "CalculateArguments": fields_of((NONE, "expression")),
    "CreateTicketArguments": fields_of((VALUE, "subject description")),
    "DraftReplyArguments": fields_of((VALUE, "body")),
    "FrontMatter": fields_of((NONE, "id variables")),
    "LegRead": fields_of((NONE, "name")),
    "OpenPrivacyRequestArguments": fields_of((VALUE, "description")),
    **dict.fromkeys(("PolicyFields", "PolicyRead", "PolicyWrite"), fields_of((NONE, "countries"))),
    "PriceList": fields_of((NONE, "free")),
    "PromptDiffRead": fields_of((NONE, "diff")),
    "PromptRead": fields_of((NONE, "id")),
    "PromptVersionRead": fields_of((NONE, "label sha256 variables system user")),
    "ProviderRead": fields_of((NONE, "recipient country")),
    "ProposalRead": fields_of((VALUE, "summary arguments"), (NONE, "skill caution result")),
    "ProposeTriageArguments": fields_of((NONE, "category team")),
    "Release": fields_of((NONE, "sha256")),
    **dict.fromkeys(
        ("SourceCreate", "SourceRead", "SourceChange", "SourceFields"),
        fields_of((NONE, "name address tags")),
    ),
    "CalledFunction": fields_of((VALUE, "arguments"), (NONE, "name")),
    "ChatRequest": fields_of(
        (VALUE, "stop user safety_identifier"),
        (NONE, "prompt_cache_key service_tier reasoning_effort verbosity logit_bias"),
    ),
    "Completion": fields_of((NONE, "id")),
    "EmbeddingMade": fields_of((VALUE, "embedding")),
    "EmbeddingRequest": fields_of((VALUE, "input user")),
    "ErrorEvent": fields_of((NONE, "code message")),
    "ErrorFacts": fields_of((NONE, "code message param type")),
    "Extra": fields_of((NONE, "agent note")),
    "FunctionCalled": fields_of((VALUE, "arguments"), (NONE, "name")),
    # What the caller's own program offers: it may write there what it likes.
    "FunctionOffered": fields_of((VALUE, "description parameters"), (NONE, "name")),
    "JsonSchema": fields_of((VALUE, "description schema_"), (NONE, "name")),
    "Message": fields_of((VALUE, "name refusal annotations cogep"), (NONE, "tool_call_id")),
    "ModelCard": fields_of((NONE, "id owned_by")),
    "NamedFunction": fields_of((NONE, "name")),
    **dict.fromkeys(
        ("Proposed", "ProposalEvent"), fields_of((VALUE, "summary arguments"), (NONE, "skill"))
    ),
    "TicketOffer": fields_of((VALUE, "subject")),
    "ToolCallEvent": fields_of((VALUE, "arguments"), (NONE, "call_id label skill")),
    **dict.fromkeys(("ToolCallMade", "ToolCallSent"), fields_of((NONE, "id"))),
    "ToolResultEvent": fields_of((NONE, "call_id label skill")),
    "UsageRead": fields_of((NONE, "use")),
    "_Listed": fields_of((NONE, "source")),
}

PERSONAL_DATA: Final = PersonalData(columns=_COLUMNS, everywhere=_EVERYWHERE, within=_WITHIN)
"""Composed with those of the other services by a test, which looks for what is in none."""
