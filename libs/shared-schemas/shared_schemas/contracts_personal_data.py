"""Where what services say to each other holds personal data: events never, tokens of the
organization's own people, and the answer about one data subject."""

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

STAFF: Final = Held(Category.STAFF, Purpose.OPERATION, Eraser.VALUE)
TICKET: Final = Held(Category.WORDS, Purpose.SERVICE, Eraser.VALUE)
TOLD: Final = Held(Category.WORDS, Purpose.RIGHTS, Eraser.VALUE)


def _known(category: Category) -> Held:
    return Held(category, Purpose.RIGHTS, Eraser.VALUE)


PERSONAL_DATA: Final = PersonalData(
    everywhere=fields_of(
        (
            NONE,
            """roles org request_id field message type code event_id organization_id event_type
            correlation_id traceparent source_service next_cursor cursor""",
        ),
    ),
    within={
        "TokenClaims": fields_of((STAFF, "email name")),
        # Of who is being erased, in memory of who erases, until that is done.
        "KnownValues": fields_of(
            (_known(Category.IDENTITY), "names"),
            (_known(Category.OFFICIAL_NUMBER), "documents"),
            (_known(Category.CONTACT), "emails"),
            (_known(Category.ADDRESS), "ceps"),
        ),
        "KnownPhone": fields_of((_known(Category.CONTACT), "country national")),
        "DataSection": fields_of(
            (TOLD, "records"), (NONE, "name label purpose_codes origin criteria field_labels")
        ),
        "SubjectData": fields_of((NONE, "service")),
        "ErasurePreview": fields_of((NONE, "service")),
        "StoreCount": fields_of((NONE, "store label ground")),
        # Payloads of events: ids, enumerations, counts, names of fields (ADR 004).
        **dict.fromkeys(
            (
                "ClientUpdatedPayload",
                "TicketUpdatedPayload",
                "DocumentChangedPayload",
                "DataCorrectedPayload",
            ),
            fields_of((NONE, "changed")),
        ),
        **dict.fromkeys(
            ("ConsentPayload", "ConsentEndPayload", "BlockPayload", "PurposePayload"),
            fields_of((NONE, "purpose_code")),
        ),
        "DocumentFailedPayload": fields_of((NONE, "error_code")),
        "ErasureCompletedPayload": fields_of((NONE, "service erased kept")),
        "PrivacyDeadlinePayload": fields_of((NONE, "type")),
        "PrivacyRequestPayload": fields_of((NONE, "type")),
        "PrivacyRequestClosedPayload": fields_of((NONE, "type outcome")),
        "TicketTriagedPayload": fields_of((NONE, "inputs criteria model prompt_version")),
        # Triage: over the internal way only; of documents what everybody in the organization reads.
        "TicketText": fields_of((TICKET, "subject description"), (NONE, "channel")),
        **dict.fromkeys(("SortedTicket", "RecentTicket"), fields_of((TICKET, "text"))),
        "Choice": fields_of((NONE, "name")),
        "Decided": fields_of((NONE, "inputs criteria model prompt_version")),
        "TriageCitation": fields_of((TICKET, "title heading quote")),
        "TriageProposal": fields_of(
            (TICKET, "draft reasons"), (NONE, "inputs criteria model prompt_version")
        ),
        "TransferPayload": fields_of((NONE, "provider country purpose_codes")),
    },
)
"""Composed with those of the services by a test, which looks for what is in none."""
