"""The words of a request: what is asked for, how it stands, who asks, why it is refused."""

from enum import StrEnum
from typing import Final


class RequestType(StrEnum):
    """The rights of LGPD Art. 18, with the opposition of its § 2."""

    CONFIRMATION = "confirmation"
    ACCESS = "access"
    CORRECTION = "correction"
    ANONYMIZATION = "anonymization"
    BLOCKING = "blocking"
    ERASURE = "erasure"
    PORTABILITY = "portability"
    SHARING = "sharing"
    CONSENT_CONSEQUENCES = "consent_consequences"
    REVOCATION = "revocation"
    OPPOSITION = "opposition"


class RequestStatus(StrEnum):
    """Where a request stands."""

    RECEIVED = "received"
    IDENTITY_PENDING = "identity_pending"
    IN_PROGRESS = "in_progress"
    WAITING_FOR_SUBJECT = "waiting_for_subject"
    EXECUTING = "executing"
    COMPLETED = "completed"
    REFUSED = "refused"
    CANCELLED = "cancelled"


CLOSED: Final = frozenset({RequestStatus.COMPLETED, RequestStatus.REFUSED, RequestStatus.CANCELLED})
OPEN: Final = frozenset(RequestStatus) - CLOSED
DESTROYING: Final = frozenset({RequestType.ERASURE, RequestType.ANONYMIZATION})
"""Of these a client has one at a time, and nothing can be asked for after one of them."""


class AnswerForm(StrEnum):
    """How confirmation and access are answered (LGPD Art. 19)."""

    SIMPLIFIED = "simplified"  # at once
    COMPLETE = "complete"  # within 15 days


class DeadlineUnit(StrEnum):
    """What a deadline is counted in."""

    AT_ONCE = "at_once"
    CALENDAR_DAYS = "calendar_days"
    BUSINESS_DAYS = "business_days"


class IdentityLevel(StrEnum):
    """How sure it is that who asks is the data subject."""

    NONE = "none"
    BASIC = "basic"  # somebody who holds the subject's registered contact
    STRONG = "strong"  # somebody who proved to be the subject

    def reaches(self, required: "IdentityLevel") -> bool:
        """Whether it is as good as what is required."""
        return _RANK[self] >= _RANK[required]


_RANK: Final = {level: rank for rank, level in enumerate(IdentityLevel)}


class IdentityMethod(StrEnum):
    """How it was checked."""

    PREFERENCES_LINK = "preferences_link"
    EMAIL_CODE = "email_code"
    PHONE_CALL = "phone_call"
    REGISTERED_DATA = "registered_data"
    DOCUMENT_WITH_PHOTO = "document_with_photo"
    IN_PERSON = "in_person"
    DIGITAL_SIGNATURE = "digital_signature"
    GOV_BR = "gov_br"


STRONGEST: Final = {
    IdentityMethod.PREFERENCES_LINK: IdentityLevel.BASIC,
    IdentityMethod.EMAIL_CODE: IdentityLevel.BASIC,
    IdentityMethod.PHONE_CALL: IdentityLevel.BASIC,
    IdentityMethod.REGISTERED_DATA: IdentityLevel.BASIC,
    IdentityMethod.DOCUMENT_WITH_PHOTO: IdentityLevel.STRONG,
    IdentityMethod.IN_PERSON: IdentityLevel.STRONG,
    IdentityMethod.DIGITAL_SIGNATURE: IdentityLevel.STRONG,
    IdentityMethod.GOV_BR: IdentityLevel.STRONG,
}
"""The best level that each method proves."""


class RepresentativeKind(StrEnum):
    """By what right somebody asks for another (LGPD Art. 18 § 3)."""

    LEGAL_GUARDIAN = "legal_guardian"
    ATTORNEY = "attorney"
    LAWYER = "lawyer"
    HEIR = "heir"
    OTHER = "other"


class RequestChannel(StrEnum):
    """Where a request came in, and where messages about it go."""

    WEB = "web"
    EMAIL = "email"
    PHONE = "phone"
    WHATSAPP = "whatsapp"
    IN_PERSON = "in_person"
    LETTER = "letter"
    API = "api"
    PREFERENCES_LINK = "preferences_link"


class RefusalGround(StrEnum):
    """Why a request is not granted: the closed list."""

    NOT_THE_CONTROLLER = "not_the_controller"  # Art. 18 § 4 I
    IMPOSSIBLE_AT_ONCE = "impossible_at_once"  # Art. 18 § 4 II
    LEGAL_OBLIGATION = "legal_obligation"  # Art. 16 I
    RESEARCH = "research"  # Art. 16 II
    LAWFUL_TRANSFER = "lawful_transfer"  # Art. 16 III
    ANONYMISED_OWN_USE = "anonymised_own_use"  # Art. 16 IV
    EXERCISE_OF_RIGHTS = "exercise_of_rights"  # Art. 7 VI
    TRADE_SECRET = "trade_secret"  # noqa: S105 - Art. 18 V, Art. 19 II
    NO_PERSONAL_DATA = "no_personal_data"  # Art. 12: anonymised, or nothing is held
    IDENTITY_NOT_PROVEN = "identity_not_proven"  # Art. 18 § 1 and § 3
    REPRESENTATION_NOT_PROVEN = "representation_not_proven"  # Art. 18 § 3
    LAW_DOES_NOT_APPLY = "law_does_not_apply"  # Art. 4


class StepKind(StrEnum):
    """What happened to a request."""

    OPENED = "opened"
    IDENTITY_CHECKED = "identity_checked"
    REPRESENTATIVE_NAMED = "representative_named"
    CLARIFICATION_ASKED = "clarification_asked"
    CLARIFIED = "clarified"
    EXTENDED = "extended"
    MESSAGE_RECORDED = "message_recorded"
    MESSAGE_DELIVERY = "message_delivery"
    DEADLINE_WARNED = "deadline_warned"
    DEADLINE_MISSED = "deadline_missed"
    EXECUTION_STARTED = "execution_started"
    COMPLETED = "completed"
    REFUSED = "refused"
    CANCELLED = "cancelled"


class MessageDirection(StrEnum):
    """Who speaks."""

    TO_SUBJECT = "to_subject"
    FROM_SUBJECT = "from_subject"


class DeliveryState(StrEnum):
    """How far a message to the subject has come."""

    PENDING = "pending"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
